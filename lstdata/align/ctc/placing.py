"""Tokens on frames to words on samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lstdata.align.ctc.spelling import Spelling
from lstdata.checkpoints.ctc_alphabet import Convolutions
from lstdata.records import Ints, Word

BEFORE = 640
"""Samples by which a letter begins before the model is sure of it."""

AFTER = 320
"""Samples by which a letter lasts after the model was sure of it."""

Scores = NDArray[np.float64]


def token_edges(stretches: Ints, convolutions: Convolutions, samples: int) -> Ints:
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
