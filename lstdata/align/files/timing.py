"""A file's entries as spans of samples: those of the record alone, checked, and every entry with a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lstdata.align import from_manifest
from lstdata.align.files.entries import UNKNOWN, Entry
from lstdata.errors import Rejected
from lstdata.records import SAMPLE_RATE
from lstdata.source_row import SourceRow, TimedWord

LETTER = SAMPLE_RATE // 10
"""Most samples that a letter gets where the times of a word are not known, and there is only silence on one side."""


@dataclass(frozen=True, slots=True)
class Span:
    """An entry's samples [start, end)."""

    text: str
    start: int
    end: int
    is_guess: bool = False
    """Whether the file names no times: these lie between those of the neighbours."""

    @property
    def is_unknown(self) -> bool:
        return self.text == UNKNOWN


def own_entries(entries: list[Entry], row: SourceRow, samples: int) -> list[Entry]:
    """Of a whole recording's entries those whose middle is in the record, in seconds from its start. Raises Rejected.

    One without times goes with the timed one before it, at the beginning with the one after it.
    """
    locator = row.locator
    if locator.start is None and locator.end is None:
        return entries
    if not locator.rate:
        raise Rejected("bad_word_times", f"`{row.id}` is a stretch of a recording, but nobody says at which rate.")
    start = (locator.start or 0) / locator.rate
    end = start + samples / SAMPLE_RATE
    own: list[Entry] = []
    waiting: list[Entry] = []
    holder: list[Entry] | None = waiting
    for entry in entries:
        if entry.start is None or entry.end is None:
            if holder is not None:
                holder.append(entry)
            continue
        if not (math.isfinite(entry.start) and math.isfinite(entry.end)):
            raise Rejected("bad_word_times", f"the word {entry.text!r} from {entry.start} to {entry.end} s is nowhere.")
        if start <= (entry.start + entry.end) / 2 < end:
            own += waiting
            own.append(replace(entry, start=max(entry.start, start) - start, end=min(entry.end, end) - start))
            holder = own
        else:
            holder = None
        waiting.clear()
    return own


def spans_of(entries: list[Entry], samples: int) -> list[Span]:
    """Every entry's span: monotone, disjoint, inside the audio. Raises Rejected `bad_word_times`."""
    timed = tuple(TimedWord(e.text, e.start, e.end) for e in entries if e.start is not None and e.end is not None)
    if not timed:
        raise Rejected("missing_word_times", "words are named, but not one time.")
    placed = iter(from_manifest(timed, samples).words)
    known = [None if e.start is None or e.end is None else next(placed) for e in entries]
    spans: list[Span] = []
    while len(spans) < len(known):
        at = len(spans)
        if (word := known[at]) is not None:
            spans.append(Span(word.text, word.start, word.end))
            continue
        coming = ((i, word.start) for i in range(at, len(known)) if (word := known[i]) is not None)
        end, after = next(coming, (len(known), None))
        texts = [entry.text for entry in entries[at:end]]
        lengths = [len(text) for text in texts]
        bounds = between(spans[-1].end if spans else None, after, samples, sum(lengths))
        pieces = spread(lengths, *bounds)
        spans += [Span(text, *piece, is_guess=True) for text, piece in zip(texts, pieces, strict=True)]
    return spans


def between(before: int | None, after: int | None, samples: int, letters: int) -> tuple[int, int]:
    """The samples for so many letters: all from one neighbour's end to the other's start, few where one is missing."""
    if before is None:
        end = samples if after is None else after
        return max(0, end - letters * LETTER), end
    return before, min(before + letters * LETTER, samples) if after is None else after


def spread(letters: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """[start, end) divided in proportion to letters."""
    total, at = max(1, sum(letters)), 0
    for count in letters:
        yield start + (end - start) * at // total, start + (end - start) * (at + count) // total
        at += count
