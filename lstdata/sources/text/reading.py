"""The documents of one file: all in order, and one again by its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lstdata.config import SourceConfig
from lstdata.errors import Rejected, Unavailable
from lstdata.source_row import Locator
from lstdata.sources.arrow import light_rows
from lstdata.sources.text.files import Kind, is_packed
from lstdata.sources.text.spans import Span, lines, paragraphs, whole
from lstdata.storage import is_url, place, version

Value = Mapping[str, Any] | str | Rejected
"""A row's values by column, or a plain text, or why there is neither."""

STRETCH: Final = 32 << 20
"""Bytes of a file of lines that are best read in one go: as much as a shard holds of one file in a row."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is at one place of a file."""

    value: Value
    number: int
    """Of its line, from 1; of a paragraph, from 1; of a table's row, from 0, as `datasets` counts."""
    offset: int | None = None
    size: int | None = None
    group: int | None = None
    row: int | None = None
    is_file: bool = False
    """Whether it is all of its file."""


def read_file(path: str, kind: Kind, config: SourceConfig, start: Locator | None = None) -> Iterator[Found]:
    """All documents of a file, or those from a place on; numbers are right where they are read from the start.

    Raises DamagedSource where what follows cannot be read.
    """
    if kind == "table":
        rows = light_rows(path, group=None if start is None else start.row_group)
        for number, (group, row, values) in enumerate(rows):
            yield Found(values, number, group=group, row=row)
        return
    first = 0 if start is None else start.offset or 0
    if kind == "plain" and config.documents == "file":
        for span in whole(path):
            yield Found(_text(span), 1, span.offset, span.size, is_file=True)
        return
    spans = paragraphs(path, first) if kind == "plain" and config.documents == "paragraph" else lines(path, first)
    for span in spans:
        value = _values(span) if kind == "lines" else _text(span)
        if not isinstance(value, str) or value.strip():
            yield Found(value, span.number, span.offset, span.size, group=span.offset // STRETCH)


def read_again(path: str, kind: Kind | None, config: SourceConfig, locator: Locator) -> Value:
    """What the document at a place is now; where one after another is asked for, a file is read once.

    Raises Unavailable where there is no document at that place any more.
    """
    assert kind is not None
    state = "" if is_url(path) else version(place(path))
    return _forward(path, state, kind, config).at(locator)


class _Forward:
    """Goes through a file, and back to a place only where it is asked for what it has passed."""

    def __init__(self, path: str, kind: Kind, config: SourceConfig) -> None:
        self._path, self._kind, self._config = path, kind, config
        self._coming: Iterator[Found] = iter(())
        self._passed: tuple[int, int] | None = None
        """The place of the last document that came."""

    def at(self, locator: Locator) -> Value:
        wanted = _place(self._kind, locator.row_group, locator.offset, locator.row)
        if self._passed is None or self._is_elsewhere(self._passed, wanted):
            self._coming = read_file(self._path, self._kind, self._config, locator)
        self._passed = None
        for found in self._coming:
            here = _place(self._kind, found.group, found.offset, found.row)
            if here >= wanted:
                self._passed = here
                break
        if self._passed != wanted:
            raise Unavailable(f"`{self._path}` has changed since the build was planned: there is no such document.")
        return found.value

    def _is_elsewhere(self, passed: tuple[int, int], wanted: tuple[int, int]) -> bool:
        """Whether it costs less to begin anew, or nothing else leads there: a table is read a row group at a time."""
        if wanted <= passed or self._kind == "table":
            return wanted <= passed or wanted[0] != passed[0]
        return wanted[0] > passed[0] + 1 and not is_packed(self._path)


def _place(kind: Kind, group: int | None, offset: int | None, row: int | None) -> tuple[int, int]:
    return group or 0, (row if kind == "table" else offset) or 0


@lru_cache(maxsize=1)
def _forward(path: str, state: str, kind: Kind, config: SourceConfig) -> _Forward:
    return _Forward(path, kind, config)


def _values(span: Span) -> Value:
    """The object on a line of JSON; an empty text where the line is blank."""
    text = _text(span)
    if isinstance(text, Rejected) or not text.strip():
        return text if isinstance(text, Rejected) else ""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Rejected("bad_row", f"this is not JSON: {error}.")
    return value if isinstance(value, dict) else Rejected("bad_row", "this is JSON, but not an object.")


def _text(span: Span) -> str | Rejected:
    if isinstance(span.data, Rejected):
        return span.data
    try:
        return span.data.decode()
    except UnicodeDecodeError as error:
        hint = "if it is Latin-1: `iconv -f latin1 -t utf-8`"
        byte = f"0x{span.data[error.start]:02X} as its byte {error.start + 1:,}"
        return Rejected("bad_encoding", f"it has {byte}, which is not UTF-8 ({hint}).")
