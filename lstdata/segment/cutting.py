"""Where a recording is cut: pure functions on samples of its 16 kHz signal.

Segments are disjoint and in order, and lie inside the recording. Each consists of neighbouring *parts* (stretches of
speech, or words) and a margin on either side; silences longer than the limits allow are in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstdata.config import SegmentConfig
from lstdata.records import sample_at

FRAME = 512
"""Samples for which a detector gives one probability: frame f covers [f·FRAME, (f+1)·FRAME)."""

Probabilities = NDArray[np.float32]

_SHORTEST_SPEECH = 3200
"""Samples; a shorter stretch with silence around it is a click or a breath."""

_HYSTERESIS = 0.15
"""A stretch of speech reaches as far as the probability stays less than this below the threshold."""

_DIP = 5
"""Frames over which probabilities are averaged to find a place to cut: longer than the closure of a stop."""


class Span(NamedTuple):
    """Samples [start, end)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The options of segmenting, in samples."""

    target: int
    longest: int
    min_silence: int
    max_silence: int
    margin: int

    @classmethod
    def of(cls, config: SegmentConfig) -> Limits:
        return cls(
            target=sample_at(config.target_seconds),
            longest=sample_at(config.max_seconds),
            min_silence=sample_at(config.min_silence),
            max_silence=sample_at(config.max_silence),
            margin=sample_at(config.margin),
        )


def speech_stretches(probabilities: Probabilities, samples: int, threshold: float, min_silence: int) -> list[Span]:
    """Stretches of speech between silences of at least `min_silence`, to the frame."""
    wide = probabilities >= max(threshold - _HYSTERESIS, threshold / 2)
    edges = np.flatnonzero(np.diff(wide, prepend=False, append=False)).reshape(-1, 2)
    stretches: list[Span] = []
    for first, last in edges.tolist():
        if probabilities[first:last].max() < threshold:
            continue
        start, end = first * FRAME, min(last * FRAME, samples)
        if stretches and start - stretches[-1].end < min_silence:
            start = stretches.pop().start
        stretches.append(Span(start, end))
    return [span for span in stretches if span.end - span.start >= _SHORTEST_SPEECH]


def cut_speech(probabilities: Probabilities, stretches: Sequence[Span], samples: int, limits: Limits) -> list[Span]:
    """The segments of a recording without word times."""
    room = limits.longest - 2 * limits.margin
    parts = [part for stretch in stretches for part in _cut_at_dips(stretch, probabilities, room)]
    return _with_margins(parts, _grouped(parts, limits), samples, limits)


def cut_words(words: Sequence[Span], samples: int, limits: Limits) -> list[tuple[Span, range]]:
    """The segments of a recording with word times, each with its words by number: every word is in exactly one.

    Words are in order and disjoint. A segment is longer than the limits allow only if its single word is.
    """
    room = limits.longest - 2 * limits.margin
    runs = [part for run in _runs(words, limits.min_silence) for part in _cut_at_gaps(run, words, room)]
    parts = [Span(words[run[0]].start, words[run[-1]].end) for run in runs]
    groups = _grouped(parts, limits)
    spans = _with_margins(parts, groups, samples, limits)
    return [(span, range(runs[g[0]][0], runs[g[-1]][-1] + 1)) for span, g in zip(spans, groups, strict=True)]


def _grouped(parts: Sequence[Span], limits: Limits) -> list[range]:
    """Neighbours put together, by number, as many as the target allows.

    Where more follow, the cut is at the longest silence (of equal ones the last) after half of the target.
    """
    room = limits.target - 2 * limits.margin
    groups: list[range] = []
    first = 0
    while first < len(parts):
        last = first
        while last + 1 < len(parts) and _gap(parts, last) <= limits.max_silence:
            if parts[last + 1].end - parts[first].start > room:
                half = [k for k in range(first, last) if 2 * (parts[k].end - parts[first].start) >= room]
                last = max([*half, last], key=lambda k: (_gap(parts, k), k))
                break
            last += 1
        groups.append(range(first, last + 1))
        first = last + 1
    return groups


def _with_margins(parts: Sequence[Span], groups: Sequence[range], samples: int, limits: Limits) -> list[Span]:
    """Each group's span and its margins: no longer than the limit, and never past the middle of a silence."""
    spans: list[Span] = []
    for group in groups:
        start, end = parts[group[0]].start, parts[group[-1]].end
        margin = min(limits.margin, max(0, limits.longest - (end - start)) // 2)
        least = 0 if group[0] == 0 else (parts[group[0] - 1].end + start + 1) // 2
        most = samples if group[-1] == len(parts) - 1 else (end + parts[group[-1] + 1].start) // 2
        spans.append(Span(max(start - margin, least), min(end + margin, most)))
    return spans


def _gap(parts: Sequence[Span], number: int) -> int:
    """Silence after a part that is not the last."""
    return parts[number + 1].start - parts[number].end


def _cut_at_dips(stretch: Span, probabilities: Probabilities, longest: int) -> list[Span]:
    """A stretch in parts of at most `longest` samples, cut where speech is least likely, none of them tiny."""
    parts: list[Span] = []
    start, end = stretch
    while end - start > longest:
        first = -(-(start + longest // 2) // FRAME)
        last = min(start + longest, end - longest // 4) // FRAME
        near = np.pad(probabilities, _DIP // 2, mode="edge")[first : last + _DIP - 1]
        dips = np.convolve(near, np.full(_DIP, 1 / _DIP), mode="valid")
        cut = (first + int(np.argmin(dips))) * FRAME + FRAME // 2
        parts.append(Span(start, cut))
        start = cut
    return [*parts, Span(start, end)]


def _runs(words: Sequence[Span], min_silence: int) -> list[range]:
    """Words between which there is no silence at which one may cut, by number."""
    runs: list[range] = []
    first = 0
    for number in range(len(words)):
        if number + 1 == len(words) or _gap(words, number) >= min_silence:
            runs.append(range(first, number + 1))
            first = number + 1
    return runs


def _cut_at_gaps(run: range, words: Sequence[Span], longest: int) -> list[range]:
    """A run in parts of at most `longest` samples, cut at the widest gap after half of that; a word is never cut."""
    parts: list[range] = []
    first = run.start
    while words[run[-1]].end - words[first].start > longest and first < run[-1]:
        fits = [k for k in range(first, run[-1]) if words[k].end - words[first].start <= longest] or [first]
        half = [k for k in fits if 2 * (words[k].end - words[first].start) >= longest] or fits[-1:]
        cut = max(half, key=lambda k: (_gap(words, k), k))
        parts.append(range(first, cut + 1))
        first = cut + 1
    return [*parts, range(first, run.stop)]
