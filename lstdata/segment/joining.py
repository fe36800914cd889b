"""Short neighbours made one record: the next part of the same recording, by the same speaker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from lstdata.config import SegmentConfig
from lstdata.source_row import SourceRow, TimedWord


def joined(rows: Iterable[tuple[SourceRow, bool]], config: SegmentConfig) -> Iterator[SourceRow]:
    """The same rows, adjacent ones joined where both are marked as short. Holds one group of rows."""
    group: list[SourceRow] = []
    for row, short in rows:
        if not config.join or not short or row.reject is not None or _stretch(row) is None:
            yield from _flushed(group)
            yield row
            continue
        if group and not _may_join(group[0], group[-1], row, config):
            yield from _flushed(group)
        group.append(row)
    yield from _flushed(group)


def _flushed(group: list[SourceRow]) -> Iterator[SourceRow]:
    if group:
        yield group[0] if len(group) == 1 else _one(group)
        group.clear()


def _stretch(row: SourceRow) -> tuple[int, int, int] | None:
    """(start, end, rate) of a row that says all three."""
    place = row.locator
    return None if place.end is None or not place.rate else (place.start or 0, place.end, place.rate)


def _may_join(first: SourceRow, last: SourceRow, row: SourceRow, config: SegmentConfig) -> bool:
    """Whether a row follows on the last of a group: same file, same everything but its words, and close enough."""
    if _common(first) != _common(row) or (first.text is None) != (row.text is None):
        return False
    begins, last_part, part = _stretch(first), _stretch(last), _stretch(row)
    assert begins and last_part and part
    start, end, rate = part
    gap = start - last_part[1]
    return 0 <= gap <= config.join_gap * rate and end - begins[0] <= config.target_seconds * rate


def _common(row: SourceRow) -> tuple[Any, ...]:
    place = replace(row.locator, start=None, end=None)
    return (place, row.recording, row.speaker, row.language, row.license, row.split)


def _one(group: list[SourceRow]) -> SourceRow:
    """The record from the start of the first to the end of the last; its id is the first's and how many follow."""
    first, last = group[0], group[-1]
    begin, rate = first.locator.start or 0, first.locator.rate or 1
    scores = [row.score for row in group if row.score is not None]
    shared = {k: v for k, v in first.custom.items() if all(k in r.custom and r.custom[k] == v for r in group)}
    return replace(
        first,
        id=f"{first.id}+{len(group) - 1}",
        locator=replace(first.locator, start=begin, end=last.locator.end),
        duration=((last.locator.end or 0) - begin) / rate,
        text=None if first.text is None else " ".join(row.text.strip() for row in group if row.text),
        words=_words(group, begin, rate),
        score=min(scores) if len(scores) == len(group) else None,
        custom={**shared, "joined": [row.id for row in group]},
    )


def _words(group: list[SourceRow], begin: int, rate: int) -> tuple[TimedWord, ...] | None:
    """All words on the joined record's clock; None unless every record has word times."""
    words: list[TimedWord] = []
    for row in group:
        if row.words is None:
            return None
        shift = ((row.locator.start or 0) - begin) / rate
        words += [TimedWord(word.text, word.start + shift, word.end + shift) for word in row.words]
    return tuple(words)
