"""Where a record's audio is, and reading it there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lstdata import audio
from lstdata.audio.files import MissingFile, is_missing
from lstdata.errors import Rejected, Unavailable
from lstdata.records import Audio, Coded, UnitInventory, Waveform
from lstdata.source_row import Locator
from lstdata.storage import is_url, resolve

OVERRUN = 1.0
"""Seconds by which a stretch may reach beyond its recording: times are rounded, often to whole seconds."""


def relative(path: str) -> str:
    """A path of a manifest, normalised; absolute paths and URLs as they are.

    Raises Rejected `path_escapes` for a relative path that leaves the source's root.
    """
    if is_url(path) or os.path.isabs(path):
        return path
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        raise Rejected("path_escapes", f"`{path}` leaves the source's folder; give an absolute path instead.")
    return normal


def open_located(root: str, locator: Locator) -> Audio:
    """Decode a record; raises MissingFile below a root that exists, whatever folder is missing.

    Rejected `beyond_recording` where a stretch ends more than OVERRUN after its recording: its times are of another
    one, or in another unit, and what could be decoded is not what is said in it. A verdict names the file as the
    locator does: it is the same wherever the corpus lies.
    """
    path = resolve(root, locator.path)
    with _named_as_located(root, locator.path), _placed_beyond(root, locator):
        found = audio.read(
            path,
            start=locator.start,
            end=locator.end,
            channel=locator.channel,
            rate=locator.rate,
            offset=locator.offset,
            size=locator.size,
        )
    _require_inside(locator, found.decoded, found.rate)
    return found


def stream_located(root: str, locator: Locator) -> tuple[Iterator[Waveform], audio.Heard]:
    """The samples of `open_located`, a block at a time, and what is known of them; raises the same while they come."""
    stream = audio.stream(
        resolve(root, locator.path),
        start=locator.start,
        end=locator.end,
        channel=locator.channel,
        rate=locator.rate,
        offset=locator.offset,
        size=locator.size,
    )

    def blocks() -> Iterator[Waveform]:
        with _named_as_located(root, locator.path), _placed_beyond(root, locator):
            yield from stream
        _require_inside(locator, stream.heard.decoded, stream.heard.rate)

    return blocks(), stream.heard


def located_header(root: str, path: str, *, offset: int | None = None) -> tuple[int, float | None]:
    """Hertz of a recording and the seconds that its header promises, if any; raises as `open_located` does."""
    with _named_as_located(root, path):
        return audio.header(resolve(root, path), offset=offset)


def _require_inside(locator: Locator, decoded: int, rate: int) -> None:
    lacking = 0.0 if locator.end is None else (locator.end - (locator.start or 0) - decoded) / rate
    if lacking > OVERRUN:
        detail = f"its stretch ends {lacking:.2f} s after the end of `{locator.path}`."
        raise Rejected("beyond_recording", detail)


@contextmanager
def _placed_beyond(root: str, locator: Locator) -> Iterator[None]:
    """Of a stretch without a sample says `beyond_recording`, where it ends more than OVERRUN after the recording.

    The recording ends before the stretch starts, or where its header says, whichever is earlier.
    """
    try:
        yield
    except Rejected as verdict:
        if verdict.reason != "zero_length" or not locator.start:
            raise
        rate, seconds = located_header(root, locator.path, offset=locator.offset)
        start, end = locator.start / rate, (locator.end or locator.start) / rate
        if end - min(start, seconds or start) <= OVERRUN:
            raise
        stretch = f"its stretch, {start:.2f}–{end:.2f} s," if locator.end else f"its start, at {start:.2f} s,"
        raise Rejected("beyond_recording", f"{stretch} is after the end of `{locator.path}`.") from verdict


@contextmanager
def _named_as_located(root: str, path: str) -> Iterator[None]:
    try:
        yield
    except Unavailable as fault:
        if not _is_missing(root, path):
            raise
        raise MissingFile(path) from fault
    except MissingFile as verdict:
        raise MissingFile(path) from verdict
    except Rejected as verdict:
        detail = verdict.detail.replace(f"`{resolve(root, path)}`", f"`{path}`")
        raise Rejected(verdict.reason, detail) from verdict


def located_seconds(root: str, path: str, *, offset: int | None = None, size: int | None = None) -> float | None:
    """Seconds by the header of a local file; None is a verdict that stands: no such file, or no such header.

    None also behind URLs: planning asks no store for every recording of a corpus.

    Raises Unavailable where that cannot be known now, lest a passing fault become part of the plan.
    """
    if is_url(resolve(root, path)):
        return None
    try:
        return audio.header_seconds(resolve(root, path), offset=offset, size=size)
    except Unavailable as error:
        if _is_missing(root, path):
            return None
        raise Unavailable(f"{error} Its duration is not known: run again when it can be read.") from error


def _is_missing(root: str, path: str) -> bool:
    """Of a path below the root: whether it leads nowhere while the root is there, whatever folder is missing."""
    return not (is_url(root) or is_url(path) or os.path.isabs(path)) and is_missing(os.path.join(root, path), root)


@dataclass(frozen=True, slots=True)
class LocatedSource:
    """A source whose records are stretches of audio files under a root."""

    root: str

    def open(self, locator: Locator) -> Audio | Coded:
        return open_located(self.root, locator)

    def inventory(self) -> UnitInventory | None:
        return None
