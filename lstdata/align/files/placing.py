"""The transcript's own words, as written, at the times that a file names for what is spoken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from lstdata.align.files.matching import Letters, letters_of, matched
from lstdata.align.files.timing import Span, between, spread
from lstdata.align.normalise import written_words
from lstdata.records import Word

Times = tuple[int, int, bool]
"""Samples [start, end), and whether they are interpolated."""


def transcript_words(text: str, spans: Sequence[Span], samples: int) -> tuple[Word, ...]:
    """Every written word in order: monotone, disjoint, inside the audio. Raises Rejected `transcript_mismatch`.

    One that the file does not have lies between its neighbours, interpolated; one in which nothing is spoken is empty,
    at the end of the one before.
    """
    words = written_words(text)
    written = letters_of(words)
    spoken = letters_of(["" if span.is_unknown else span.text for span in spans])
    match = matched(written, spoken)
    counts = [end - first for first, end in written.words]
    letters = [match[first:end] for first, end in written.words if end > first]
    times = iter(_Placement(spoken, spans, samples).times(letters))
    placed: list[Word] = []
    cursor = 0
    for word, count in zip(words, counts, strict=True):
        start, cursor, is_guess = next(times) if count else (cursor, cursor, False)
        placed.append(Word(word, start, cursor, interpolated=is_guess))
    return tuple(placed)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A written word that the file has."""

    entries: tuple[int, int]
    """The first and the last entry that it is in."""
    times: Times


class _Placement:
    """Times for written words by the letters of the file that are theirs."""

    def __init__(self, spoken: Letters, spans: Sequence[Span], samples: int) -> None:
        self._ranges, self._spans, self._samples = spoken.words, spans, samples
        self._owner = [i for i, (first, end) in enumerate(spoken.words) for _ in range(end - first)]

    def times(self, letters: Sequence[Sequence[int | None]]) -> list[Times]:
        """Those of each word, of which at least one letter is given."""
        anchors = self._anchors(letters)
        found: list[Times] = []
        for is_anchored, group in groupby(range(len(letters)), lambda i: anchors[i] is not None):
            numbers = list(group)
            if is_anchored:
                found += [anchor.times for anchor in anchors[numbers[0] : numbers[-1] + 1] if anchor is not None]
                continue
            before = anchors[numbers[0] - 1] if numbers[0] else None
            after = anchors[numbers[-1] + 1] if numbers[-1] + 1 < len(anchors) else None
            found += self._between([len(letters[i]) for i in numbers], before, after)
        return found

    def _anchors(self, letters: Sequence[Sequence[int | None]]) -> list[Anchor | None]:
        """An anchor for each word of which half the letters are in the file.

        What the file's entry has besides, as in a word misheard, is its too, up to the next word in the same entry.
        """
        own = [[letter for letter in word if letter is not None] for word in letters]
        spans = [(o[0], o[-1] + 1) if o and 2 * len(o) >= len(w) else None for o, w in zip(own, letters, strict=True)]
        known = [span for span in spans if span is not None]
        following = iter([first for first, _ in known[1:]] + [len(self._owner)])
        anchors: list[Anchor | None] = []
        taken = 0
        for span in spans:
            if span is None:
                anchors.append(None)
                continue
            entries = self._owner[span[0]], self._owner[span[1] - 1]
            first = max(self._ranges[entries[0]][0], taken)
            taken = min(self._ranges[entries[1]][1], next(following))
            within = range(entries[0], entries[1] + 1)
            is_guess = all(self._spans[i].is_guess for i in within if self._has_letters(i))
            times = self._sample(entries[0], first), self._sample(entries[1], taken), is_guess
            anchors.append(Anchor(entries, times))
        return anchors

    def _between(self, letters: Sequence[int], before: Anchor | None, after: Anchor | None) -> list[Times]:
        """Words that the file lacks: at what it has instead, else in the gap.

        Unknown speech, if it is as many entries as there are words, is these words.
        """
        first = before.entries[1] + 1 if before else 0
        end = after.entries[0] if after else len(self._spans)
        instead = [self._spans[i] for i in range(first, end) if self._spans[i].is_unknown or self._has_letters(i)]
        if len(instead) == len(letters) and all(span.is_unknown for span in instead):
            return [(span.start, span.end, span.is_guess) for span in instead]
        if instead:
            bounds = instead[0].start, instead[-1].end
        else:
            start = None if before is None else before.times[1]
            stop = None if after is None else after.times[0]
            bounds = between(start, stop, self._samples, sum(letters))
        return [(*piece, True) for piece in spread(letters, *bounds)]

    def _has_letters(self, entry: int) -> bool:
        first, end = self._ranges[entry]
        return end > first

    def _sample(self, entry: int, letter: int) -> int:
        """Where a letter of an entry begins, or the one before it ends: letters are equally long."""
        span, (first, end) = self._spans[entry], self._ranges[entry]
        return span.start + (span.end - span.start) * (letter - first) // (end - first)
