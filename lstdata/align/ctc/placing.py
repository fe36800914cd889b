"""Tokens on frames to words on samples."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lstdata.align.ctc.spelling import Spelling
from lstdata.checkpoints.convolutions import ConvStack
from lstdata.records import Ints, Word

BEFORE = 640
"""Samples by which a letter begins before the model is sure of it."""

AFTER = 320
"""Samples by which a letter lasts after the model was sure of it."""

HELD = 8000
"""Samples that a letter lasts at most: a model may take a noise for one, and hold it until the next is spoken."""

STRAYS = 2
"""Letters at either end of a word that a silence of more than `HELD` samples may part from the rest, by mistake."""

Scores = NDArray[np.float64]


def gathered(spelling: Spelling, stretches: Ints, convolutions: ConvStack) -> Ints:
    """The frames of each token, those of a word together.

    Of a letter that lasts longer than `HELD`, what is left is beside the rest of its word. Letters that stray from it
    into a noise, far behind a pause, are empty and beside it too; in a text without spaces, a pause is no mistake.
    """
    most = HELD // convolutions.hop
    held = (stretches[:, 1] - stretches[:, 0] > most) & (spelling.tokens != spelling.wildcard)
    is_last = np.append(spelling.owners[1:] != spelling.owners[:-1], True)
    starts = np.where(held & ~is_last, stretches[:, 1] - most, stretches[:, 0])
    ends = np.where(held & is_last, stretches[:, 0] + most, stretches[:, 1])
    parted = np.flatnonzero(~is_last[:-1] & (starts[1:] - ends[:-1] > most)) + 1
    for word in np.unique(spelling.owners[parted]):
        first, last = (int(i) for i in np.searchsorted(spelling.owners, [word, word + 1]))
        low, high = _without_strays(first, last, [int(i) for i in parted if first < i < last])
        starts[first:low] = ends[first:low] = starts[low]
        starts[high:last] = ends[high:last] = ends[high - 1]
    return np.stack([starts, ends], axis=1)


def _without_strays(first: int, last: int, parted: list[int]) -> tuple[int, int]:
    """Of a word's tokens [first, last), parted before those in `parted`, the longest part if it is half of them."""
    low, high = max(pairwise([first, *parted, last]), key=lambda part: part[1] - part[0])
    is_word = 2 * (high - low) >= last - first and low - first <= STRAYS and last - high <= STRAYS
    return (low, high) if is_word else (first, last)


def token_edges(stretches: Ints, convolutions: ConvStack, samples: int) -> Ints:
    """(tokens, 2) samples where each token begins and ends: in order, disjoint, inside the audio.

    A frame stands for the samples around the middle of what it was made of. From there a token reaches `BEFORE` and
    `AFTER` samples into the silence around it or, of a silence that is too short for both neighbours, in proportion:
    a model gives a letter few frames, the rest of it looks like silence, but a pause stays one.
    """
    shift = (convolutions.field - convolutions.hop) // 2
    edges = np.clip(stretches * convolutions.hop + shift, 0, samples)
    ends, starts = np.append(0, edges[:, 1]), np.append(edges[:, 0], samples)
    after = np.append(0, np.full(len(edges), AFTER))
    before = np.append(np.full(len(edges), BEFORE), 0)
    gaps = starts - ends
    after = np.minimum(after, gaps * after // np.maximum(after + before, 1))
    before = np.minimum(before, gaps - after)
    return np.stack([starts[:-1] - before[:-1], ends[1:] + after[1:]], axis=1)


def placed(spelling: Spelling, edges: Ints, sums: Scores, letters: Ints) -> tuple[Word, ...]:
    """Each written word from its first token to its last; one that is not spoken is empty, behind the one before.

    `sums` is what each word's letters scored together, and `letters` how many were spelt.
    """
    bounds = np.searchsorted(spelling.owners, np.arange(len(spelling.words) + 1))
    words: list[Word] = []
    cursor = 0
    for number, text in enumerate(spelling.words):
        first, last = int(bounds[number]), int(bounds[number + 1])
        if first == last:
            words.append(Word(text, cursor, cursor))
            continue
        start, cursor = int(edges[first, 0]), int(edges[last - 1, 1])
        if (spelling.tokens[first:last] == spelling.wildcard).all():
            words.append(Word(text, start, cursor, interpolated=True))
            continue
        score = float(sums[number] / letters[number])
        starts = zip(spelling.places[first:last].tolist(), edges[first:last, 0].tolist(), strict=True)
        words.append(Word(text, start, cursor, score, characters=_characters(len(text), starts, cursor)))
    return tuple(words)


def _characters(count: int, starts: Iterable[tuple[int, int]], end: int) -> tuple[int, ...]:
    """Where each character begins: with its first token or, where it has none, with the next one that has."""
    found: dict[int, int] = {}
    for place, start in starts:
        found.setdefault(place, start)
    out = [end] * count
    for place in range(count - 1, -1, -1):
        end = out[place] = found.get(place, end)
    return tuple(out)
