"""How far an alignment's words begin and end from where a reference says."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from lstdata.records import SAMPLE_RATE, Word
from lstdata.source_row import TimedWord

Differences = NDArray[np.float64]

WITHIN = 50
"""Milliseconds."""


def differences(words: Sequence[Word], reference: Sequence[TimedWord]) -> Differences:
    """(2, words found in both) milliseconds by which words begin, and end, later than the reference's.

    The two texts may differ: words are the same where their letters stand at the same place of the longest stretches
    that the texts have in common, first letters for beginnings, last ones for ends. One that is found by its beginning
    alone, or by its end alone, is left out.
    """
    ours, our_words = _letters([w.text for w in words])
    theirs, their_words = _letters([w.text for w in reference])
    same: dict[int, int] = {}
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        same |= {block.a + i: block.b + i for i in range(block.size)}
    ends_at = {end: (start, number) for number, (start, end) in their_words.items()}
    found: list[tuple[float, float]] = []
    for number, (start, end) in our_words.items():
        at, other = ends_at.get(same.get(end, -1), (None, -1))
        if at is not None and same.get(start) == at:
            word, true = words[number], reference[other]
            found.append((word.start / SAMPLE_RATE - true.start, word.end / SAMPLE_RATE - true.end))
    return 1000 * np.array(found).reshape(-1, 2).T


def _letters(texts: Sequence[str]) -> tuple[str, dict[int, tuple[int, int]]]:
    """All letters, and by a word's number the places of its first and last one."""
    letters, places = "", {}
    for number, text in enumerate(texts):
        own = "".join(c for c in text.lower() if c.isalnum())
        if own:
            places[number] = (len(letters), len(letters) + len(own) - 1)
        letters += own
    return letters, places


def described(late: Differences) -> str:
    """Median of the sizes, median, 90th percentile of the sizes, share within 50 ms."""
    if not len(late):
        return f"{'-':>8}{'-':>8}{'-':>8}{'-':>8}"
    sizes = np.abs(late)
    share = (sizes <= WITHIN).mean()
    return f"{np.median(sizes):8.1f}{np.median(late):8.1f}{np.quantile(sizes, 0.9):8.1f}{share:8.1%}"
