"""CTM: one word a line, `<recording> <channel> <start> <duration> <word> [<confidence>]`, of many recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from lstdata.align.files.entries import Entry, bad_file, checked_confidence, number, spoken_text
from lstdata.errors import Rejected

LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at; the rest of a longer one is skipped while indexing."""

_COMMENT = ";;"
_FEWEST, _MOST = 5, 8
"""Fields of a line: NIST's lines go on with a type and a speaker."""


def _split(line: str) -> list[str]:
    """What blanks separate: a no-break space may be inside a word."""
    return re.findall(r"[^ \t\r\n\v\f]+", line)


class Stretch(NamedTuple):
    """Lines of one recording that follow one another: bytes [start, end) of the file."""

    recording: str
    start: int
    end: int
    line: int
    """Number of the first one, from 1."""


def is_ctm(line: str) -> bool:
    """Whether a line that is no comment can be one of a CTM."""
    fields = _split(line)
    times = fields[2:4]
    return _FEWEST <= len(fields) <= _MOST and all(time == "*" or number(time) is not None for time in times)


def is_comment(line: str) -> bool:
    return not line.strip() or line.startswith(_COMMENT)


def stretches(file: IO[bytes]) -> Iterator[Stretch]:
    """The recordings of a file in UTF-8, in the order of its lines; one whose lines lie apart comes several times."""
    current: Stretch | None = None
    at = 0
    for number_, (line, size) in enumerate(bounded_lines(file, LONGEST_LINE), 1):
        first = line.removeprefix(b"\xef\xbb\xbf") if number_ == 1 else line
        fields = first.split(None, 1)
        if fields and not first.startswith(_COMMENT.encode()):
            recording = fields[0].decode("utf-8", "replace")
            if current is not None and current.recording == recording:
                current = current._replace(end=at + size)
            else:
                if current is not None:
                    yield current
                current = Stretch(recording, at, at + size, number_)
        at += size
    if current is not None:
        yield current


def bounded_lines(file: IO[bytes], longest: int) -> Iterator[tuple[bytes, int]]:
    """(line, its size in bytes): of a line longer than `longest` only the beginning, as it must not fill the memory."""
    while line := file.readline(longest):
        size = len(line)
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(longest)):
            size += len(rest)
        yield line, size


def parse(lines: list[tuple[int, str]], name: str, recording: str, channel: int | None) -> list[Entry]:
    """The words among a recording's numbered lines; `channel` is the record's, from 0. Raises Rejected."""
    found = [(fields[1], _entry(fields, name, n)) for n, line in lines if (fields := _fields(line, name, n, recording))]
    wanted = _channel(sorted({label for label, _ in found}), channel, name, recording)
    return [entry for label, entry in found if entry is not None and wanted in (None, label)]


def _fields(line: str, name: str, number_: int, recording: str) -> list[str]:
    """Those of a line of the recording; none for a comment or another's."""
    fields = _split(line)
    if not fields or is_comment(line) or fields[0] != recording:
        return []
    if not _FEWEST <= len(fields) <= _MOST:
        rule = f"a line must have {_FEWEST} to {_MOST} fields, but has {len(fields)}"
        raise bad_file(name, f"line {number_}", rule)
    return fields


def _entry(fields: list[str], name: str, number_: int) -> Entry | None:
    start, duration = number(fields[2]), number(fields[3])
    if start is None or duration is None:
        rule = f"start and duration must be numbers, but are {fields[2][:40]!r} and {fields[3][:40]!r}"
        raise bad_file(name, f"line {number_}", rule)
    text = spoken_text(fields[4])
    if text is None:
        return None
    confidence = number(fields[5]) if len(fields) > 5 else None
    return Entry(text, start, start + duration, checked_confidence(confidence, name, f"line {number_}"))


def _channel(labels: list[str], channel: int | None, name: str, recording: str) -> str | None:
    """The label of the record's channel, from `A`, `0` or, where there is no `0`, `1` on; None where all are its."""
    if len(labels) < 2:
        return None
    said = f"`{name}` has words of `{recording}` on the channels {', '.join(label[:20] for label in labels[:8])}"
    if channel is None:
        raise Rejected("ambiguous_word_file", f"{said}, but the record names no channel.")
    candidates = (chr(ord("A") + channel) if channel < 26 else "", str(channel if "0" in labels else channel + 1))
    wanted = next((label for label in labels if label.upper() in candidates), None)
    if wanted is None:
        raise Rejected("missing_word_times", f"{said}, but none is the record's, {channel} counted from 0.")
    return wanted
