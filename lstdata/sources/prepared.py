"""Units that somebody else has made: the LST authors' `.on_the_fly` files and slamkit's features, one record a line."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.records import HOP, SAMPLE_RATE, Coded, UnitInventory
from lstdata.source_row import Locator, SourceRow
from lstdata.sources import interleaved, slamkit
from lstdata.sources.encoding import check_decoded, json_lines, open_bytes
from lstdata.sources.listing import names_in
from lstdata.sources.rows import bad_row, json_values, rejected, split_name, split_of_part, writable
from lstdata.storage import is_url, resolve

Row = Mapping[str, Any]

_ENDING = re.compile(r"(\.chunk\.\d+)?\.(on_the_fly|jsonl)$")

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of file: what its lines are called by, and how they are read."""

    origin: str
    suffix: str
    id: str
    own: frozenset[str]
    """Keys that do not travel as `custom`."""
    outline: Callable[[Row], tuple[int, str | None]]
    coded: Callable[[Row], Coded]
    beside: bool = False
    """Whether `NAME.json` in the same folder says more of the record whose id is a path that ends in `NAME`."""


ON_THE_FLY = Form(
    "on_the_fly", ".on_the_fly", "file_id", frozenset({"interleaved"}), interleaved.outline, interleaved.coded
)
SLAMKIT = Form(
    "slamkit",
    ".jsonl",
    "file_name",
    frozenset({"units", "duration", "frame_rate", "text", "aligned_text", "split_sentence"}),
    slamkit.outline,
    slamkit.coded,
    beside=True,
)


@dataclass(frozen=True, slots=True)
class PreparedSource:
    """One record per line of the files `names` under `root`; a locator is the line's stretch of bytes."""

    root: str
    names: tuple[str, ...]
    form: Form
    columns: SourceConfig
    kind: str = "units"

    def scan(self) -> Iterator[SourceRow]:
        yield from writable(row for name in self.names for row in self._rows(name))

    def open(self, locator: Locator) -> Coded:
        path = resolve(self.root, locator.path)
        try:
            with open_bytes(path) as file:
                file.seek(locator.offset or 0)
                line = file.read(locator.size or -1)
        except (ConfigError, OSError) as error:
            raise Unavailable(f"`{path}` cannot be read: {error}") from error
        if len(line) != locator.size:
            raise Unavailable(f"`{path}` is shorter than when the build was planned.")
        return self.form.coded(self._said(_parsed(line, locator.path, None)))

    def inventory(self) -> UnitInventory:
        return UnitInventory(clusters=None, origin=self.form.origin)

    def _rows(self, name: str) -> Iterator[SourceRow]:
        split = split_of_part(_ENDING.sub("", name)) if self.columns.splits == "names" else None
        for number, offset, line in _lines(resolve(self.root, name)):
            id: str | None = None
            try:
                row = _parsed(line, name, number)
                id = _text(row, self.form.id) or _text(row, self.columns.id)
                if id is None:
                    raise Rejected("bad_row", f"`{self.form.id}` must not be empty.")
                yield self._row(id, self._said(row), Locator(path=name, offset=offset, size=len(line)), split)
            except Rejected as error:
                where = f"line {number} of `{name}`: {error.detail}"
                yield rejected(id, name, error.reason, where) if id else bad_row(number, name, error)

    def _row(self, id: str, row: Row, locator: Locator, split: str | None) -> SourceRow:
        names = self.columns
        known = (names.recording, names.speaker, names.language, names.license, names.split)
        left_out = {self.form.id if self.form.id in row else names.id, *self.form.own, *known}
        frames, text = self.form.outline(row)
        recording, speaker, language, licence, _ = (_text(row, name) for name in known)
        own_split = split_name(row.get(names.split)) if names.splits == "names" else None
        return SourceRow(
            id=id,
            locator=locator,
            recording=recording or id,
            duration=frames * HOP / SAMPLE_RATE,
            text=text,
            speaker=speaker,
            language=language,
            license=licence,
            split=own_split or split,
            custom=json_values({key: value for key, value in row.items() if key not in left_out}),
        )

    def _said(self, row: Row) -> Row:
        """A line with what the file beside it adds. Raises Rejected."""
        if not self.form.beside or "aligned_text" in row:
            return row
        name = os.path.splitext(os.path.basename(_text(row, self.form.id) or ""))[0] + ".json"
        try:
            path = resolve(self.root, name)
            if not is_url(path) and not os.path.isfile(path):
                return row
            with open_bytes(path) if is_url(path) else open(path, "rb") as file:
                data = file.read()
        except (ConfigError, FileNotFoundError, IsADirectoryError, ValueError):
            return row
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return row
            raise Unavailable(f"`{os.path.join(self.root, name)}` cannot be read: {error.strerror}.") from error
        try:
            return {**_parsed(data, name, None), **row}
        except Rejected as error:
            raise Rejected(error.reason, f"`{name}`: {error.detail}") from error


def open_prepared(path: str, config: SourceConfig) -> PreparedSource | None:
    """The `.on_the_fly` or slamkit files that lie directly in a folder, or one such file.

    A JSONL file is slamkit's if its first object has `units` and, unless `source.kind` is units, no audio column.
    Raises ConfigError for one that is compressed, not at 25 Hz, or without durations for good.
    """
    found = names_in(path)
    if found is not None:
        root, named = path, [(form, [n for n in found if n.endswith(form.suffix)]) for form in (ON_THE_FLY, SLAMKIT)]
    else:
        root, name = os.path.split(path)
        named = [(form, [name]) for form in (ON_THE_FLY, SLAMKIT) if name.removesuffix(".gz").endswith(form.suffix)]
    for form, names in named:
        fitting = tuple(n for n in names if form is ON_THE_FLY or _holds_units(resolve(root, n), config))
        if fitting:
            return PreparedSource(root, fitting, form, config)
    return None


def _holds_units(path: str, config: SourceConfig) -> bool:
    row = next((row for _, row in json_lines(path) if isinstance(row, Mapping)), None)
    if row is None or (config.audio in row and config.kind != "units"):
        return False
    if {"file_name", "audio_repr"} <= row.keys() and "units" not in row:
        raise ConfigError(
            f"`{path}` holds slamkit's tokens, in which no unit has a duration any more: "
            "give the features that `prepare_tokens.py` made them from."
        )
    if "units" in row and row.get("frame_rate", slamkit.FRAME_RATE) != slamkit.FRAME_RATE:
        raise ConfigError(f"the units of `{path}` must be at 25 Hz, but its `frame_rate` is {row['frame_rate']!r:.80}.")
    return "units" in row


def _lines(path: str) -> Iterator[tuple[int, int, bytes]]:
    """(number from 1, first byte, bytes) of each line that is not blank."""
    offset = 0
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file, 1):
                if not offset and line.startswith(_GZIP):
                    raise ConfigError(f"`{path}` must be decompressed: its lines are read by their place in the file.")
                if line.strip():
                    yield number, offset, line
                offset += len(line)
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error


def _parsed(line: bytes, name: str, number: int | None) -> Row:
    """The JSON object of a line. Raises Rejected."""
    text = check_decoded(line.decode("utf-8-sig", "surrogateescape"), name, number or 1)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejected("bad_row", f"this is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Rejected("bad_row", "this is JSON, but not an object.")
    return value


def _text(row: Row, key: str) -> str | None:
    """A text; whole numbers are taken as they are written; None where there is nothing. Raises Rejected."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise Rejected("bad_row", f"`{key}` must be a text, but is {value!r:.80}.")
    return (value or "").strip() or None
