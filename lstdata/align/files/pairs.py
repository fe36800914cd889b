"""The training lines of the LST authors: a word's time is the number of its ids, on the grid of 25 Hz."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from lstdata.align.files.ctm import Stretch, bounded_lines
from lstdata.align.files.entries import Entry, bad_file, spoken_text
from lstdata.errors import Rejected
from lstdata.records import HOP, SAMPLE_RATE
from lstdata.sources.interleaved import segments

LONGEST_LINE = 1 << 24
"""Bytes of a line in which its id is looked for."""

FILE_ID = re.compile(rb'"file_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')
"""Inside a JSON string the quotes would be escaped: what this finds is a key."""


def stretches(file: IO[bytes]) -> Iterator[Stretch]:
    """Each line that names a `file_id`, under that name."""
    at = 0
    for number, (line, size) in enumerate(bounded_lines(file, LONGEST_LINE), 1):
        match = FILE_ID.search(line)
        if match is not None and (name := _name(match[1])):
            yield Stretch(name, at, at + size, number)
        at += size


def parse(line: str, name: str, number: int) -> list[Entry]:
    """The words of a line. Raises Rejected `bad_word_file`."""
    where = f"line {number}"
    try:
        value = json.loads(line)
        parts = segments(value.get("interleaved") if isinstance(value, dict) else None)
    except (ValueError, RecursionError) as error:
        raise bad_file(name, where, f"this is not JSON: {error}") from error
    except Rejected as error:
        raise bad_file(name, where, error.detail.rstrip(".")) from error
    entries: list[Entry] = []
    frame = 0
    for text, ids in parts:
        spoken = None if text is None else spoken_text(text)
        if spoken is not None:
            entries.append(Entry(spoken, frame * HOP / SAMPLE_RATE, (frame + len(ids)) * HOP / SAMPLE_RATE))
        frame += len(ids)
    return entries


def _name(literal: bytes) -> str:
    """A `file_id` as the file writes it; empty where it is no text."""
    try:
        value: Any = json.loads(literal)
    except ValueError:
        return ""
    return str(value).strip()
