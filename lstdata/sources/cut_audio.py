"""Where the audio of a lhotse recording is: which file, which of its channels, which samples of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstdata.audio import MAX_RATE, MIN_RATE
from lstdata.errors import Rejected
from lstdata.source_row import Locator
from lstdata.sources.locating import OVERRUN, located_header, relative
from lstdata.sources.pipes import piped
from lstdata.storage import is_url, resolve


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of a recording lie in an archive."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A source of a recording as a file; `rate` where a command hands on another than the file's."""

    path: str
    offset: int | None = None
    size: int | None = None
    channel: int | None = None
    rate: int | None = None


def cut_locator(
    root: str, recording: Any, channels: Sequence[int], start: float, duration: float, member: Member | None
) -> Locator:
    """A stretch (seconds) in samples, rounded as lhotse does; the whole file where it is all of it.

    Several channels must be all of one file's: they are mixed down. `member` is where a placeholder's audio is.
    """
    from lhotse.utils import compute_num_samples

    if recording is None:
        raise Rejected("unsupported_cut", "it has no recording.")
    if recording.transforms:
        raise Rejected("unsupported_cut", "its recording is transformed when read; save the transformed audio first.")
    place = _place(root, recording, channels, member)
    rate = _rate(recording.sampling_rate)
    first = compute_num_samples(start, rate)
    last = first + compute_num_samples(duration, rate)
    if first <= 0 and 0 <= last - recording.num_samples <= OVERRUN * rate:
        return Locator(path=place.path, channel=place.channel, offset=place.offset, size=place.size)
    if place.rate is not None:
        rate, _ = located_header(root, place.path)
        first = compute_num_samples(start, rate)
        last = first + compute_num_samples(duration, rate)
    return Locator(
        path=place.path,
        start=max(0, first),
        end=max(0, last),
        rate=rate,
        channel=place.channel,
        offset=place.offset,
        size=place.size,
    )


def _place(root: str, recording: Any, channels: Sequence[int], member: Member | None) -> _Place:
    holding = [source for source in recording.sources if set(channels) <= set(source.channels)]
    if not holding:
        places = len([source for source in recording.sources if set(channels) & set(source.channels)])
        where = "are in no file" if not places else f"are in {places} files; those of one file can be mixed"
        raise Rejected("unsupported_cut", f"its channels {_listed(channels)} {where}.")
    source = holding[0]
    if 1 < len(channels) < len(source.channels):
        rule = "one of them, or all mixed down, can be used"
        raise Rejected("unsupported_cut", f"it has {len(channels)} of the {len(source.channels)} channels; {rule}.")
    channel = source.channels.index(channels[0]) if len(channels) < len(source.channels) else None
    if source.type == "shar":
        if member is None:
            raise Rejected("missing_audio", "its audio is a placeholder, and no `recording.*.tar` is beside its cuts.")
        return _Place(member.path, member.offset, member.size, channel)
    if source.type == "command":
        command = piped(str(source.source))
        if command.is_mono and channel is not None:
            raise Rejected("unsupported_cut", "its command hands on one channel, but the manifest has several.")
        chosen = command.channel if channel is None else channel
        return _Place(local_path(root, command.path), channel=chosen, rate=command.rate)
    if source.type not in ("file", "url"):
        raise Rejected("unsupported_cut", f"its audio is of the kind `{source.type}`; files and URLs can be used.")
    return _Place(local_path(root, str(source.source)), channel=channel)


def _rate(value: Any) -> int:
    rate = int(value)
    if isinstance(value, str | bool) or rate != value or not MIN_RATE <= rate <= MAX_RATE:
        raise Rejected("bad_sample_rate", f"its recording must have {MIN_RATE}–{MAX_RATE} Hz, but has {value!r:.80}.")
    return rate


def local_path(root: str, path: str) -> str:
    """Relative to the manifest's folder, or to the working folder, as lhotse and Kaldi have it.

    The path's first folder decides: where that lies beside the manifest, what is missing in it is missing.
    """
    path = relative(path)
    top, below, _ = path.partition("/")
    if is_url(path) or os.path.isabs(path) or not below or os.path.lexists(resolve(root, top)):
        return path
    return os.path.abspath(path) if os.path.exists(path) else path


def _listed(channels: Sequence[int]) -> str:
    return ", ".join(map(str, channels[:8])) + (", …" if len(channels) > 8 else "")
