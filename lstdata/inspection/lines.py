"""Where a long utterance is broken into lines, for paper."""

from __future__ import annotations

import numpy as np

from lstdata.records import Mask, Sample


def break_lines(sample: Sample, longest: int) -> list[tuple[int, int]]:
    """(first frame, frame after) of lines that partition the utterance, none above `longest` frames.

    A line ends in the middle of the longest silence of its second half; where there is none, where it must.
    """
    quiet = ~(sample.activity if sample.word_frames is None else sample.in_word)
    lines: list[tuple[int, int]] = []
    start = 0
    while sample.frames - start > longest:
        first = start + (longest + 1) // 2
        end = _middle(quiet[first : start + longest])
        lines.append((start, start + longest if end is None else first + end))
        start = lines[-1][1]
    return [*lines, (start, sample.frames)]


def _middle(quiet: Mask) -> int | None:
    """Of the longest run of True, the first of equals."""
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False)).reshape(-1, 2)
    if not len(edges):
        return None
    begin, end = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return int(begin + end + 1) // 2
