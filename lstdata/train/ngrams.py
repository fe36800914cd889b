"""What a model must beat: unigram and bigram cross-entropies of each modality, in nats per token.

Both are fitted within a modality, so that they need not spend probability on when a span ends, as a model does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lstdata.packing import Row
from lstdata.vocab import VocabCard

Ids = NDArray[np.int64]

STRENGTHS: Final = tuple(2.0**power for power in range(-3, 13))
"""Candidates for how many observations of a context the unigram is worth to the bigram."""

HELD_OUT: Final = 10
"""Every so many documents of the training data serve to choose the strength, before all of them are counted."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Tokens of one modality with the token before each."""

    before: Ids
    """Ids of the joint vocabulary."""
    token: Ids
    """Ids from 0 of the modality."""


def modality_pairs(rows: Iterable[Row], vocab: VocabCard) -> dict[str, list[Pairs]]:
    """For `text` and `units`, one Pairs per document."""
    ranges = {"text": (0, vocab.text_size), "units": (vocab.first_unit, vocab.size)}
    own = {vocab.bos, vocab.eos}
    pairs: dict[str, list[Pairs]] = {name: [] for name in ranges}
    for row in rows:
        for tokens in np.split(row.tokens.astype(np.int64), np.cumsum(row.documents)[:-1]):
            special = np.isin(tokens[1:], list(own))
            for name, (first, end) in ranges.items():
                chosen = (tokens[1:] >= first) & (tokens[1:] < end) & ~special
                pairs[name].append(Pairs(tokens[:-1][chosen], tokens[1:][chosen] - first))
    return pairs


class Bigram:
    """P(w | h) = (c(h, w) + s·P(w)) / (c(h) + s) over an add-one unigram P(w); s chosen on held-out training data."""

    def __init__(self, documents: Sequence[Pairs], size: int) -> None:
        self._size = size
        kept = [d for i, d in enumerate(documents) if i % HELD_OUT]
        held_out = joined([d for i, d in enumerate(documents) if not i % HELD_OUT])
        self._count(joined(kept))
        self.strength = min(STRENGTHS, key=lambda s: self._bigram(held_out, s)) if len(held_out.token) else 1.0
        self._count(joined(documents))

    def cross_entropies(self, test: Pairs) -> tuple[float, float]:
        """Mean −ln P over the test tokens: the unigram's, the bigram's."""
        return float(-np.log(self._unigram[test.token]).mean()), self._bigram(test, self.strength)

    def _count(self, train: Pairs) -> None:
        counts = np.bincount(train.token, minlength=self._size)
        self._unigram = (counts + 1) / (counts.sum() + self._size)
        self._pairs, self._pair_counts = np.unique(self._key(train), return_counts=True)
        self._contexts, self._context_counts = np.unique(train.before, return_counts=True)

    def _bigram(self, test: Pairs, strength: float) -> float:
        joint = _look_up(self._pairs, self._pair_counts, self._key(test))
        context = _look_up(self._contexts, self._context_counts, test.before)
        p = (joint + strength * self._unigram[test.token]) / (context + strength)
        return float(-np.log(p).mean())

    def _key(self, pairs: Pairs) -> Ids:
        return pairs.before * self._size + pairs.token


def joined(documents: Sequence[Pairs]) -> Pairs:
    none = np.zeros(0, dtype=np.int64)
    return Pairs(
        np.concatenate([none, *(d.before for d in documents)]),
        np.concatenate([none, *(d.token for d in documents)]),
    )


def _look_up(keys: Ids, counts: Ids, wanted: Ids) -> Ids:
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, counts[place], 0)
