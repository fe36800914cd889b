"""How the clusters of a codebook are used: how often each, how long in a row, and how well one foretells the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import CorruptShard
from lstdata.records import Ints
from lstdata.report.distribution import Distribution

_BUFFERED = 1 << 20
"""Transitions that are kept before they are counted."""


@dataclass
class UnitUsage:
    """Units are counted by utterance: the last of one is not followed by the first of the next."""

    counts: Ints
    """(clusters,) occurrences of each id."""
    runs: Distribution = field(default_factory=Distribution)
    """Lengths, in frames, of runs of one unit."""
    transitions: int = 0
    """Units that have one before them in their utterance."""
    repeats: int = 0
    """Those of them that equal the one before."""
    _pairs: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _pair_counts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _waiting: list[Ints] = field(default_factory=list)
    _waiting_for: int = 0

    def add(self, ids: NDArray[np.uint16]) -> None:
        """Count one utterance; CorruptShard for an id that the vocabulary has not."""
        counts = np.bincount(ids, minlength=len(self.counts))
        if len(counts) > len(self.counts):
            raise CorruptShard(f"A unit must be below the {len(self.counts)} of vocab.json, but is {int(ids.max())}.")
        if not len(ids):
            return
        self.counts += counts
        changes = np.flatnonzero(ids[1:] != ids[:-1]) + 1
        self.runs.add(np.diff(np.concatenate(([0], changes, [len(ids)]))))
        self.transitions += len(ids) - 1
        self.repeats += len(ids) - 1 - len(changes)
        wide = ids.astype(np.int64)
        self._waiting.append(wide[:-1] * len(self.counts) + wide[1:])
        self._waiting_for += len(ids) - 1
        if self._waiting_for > _BUFFERED:
            self._settle()

    @property
    def used(self) -> int:
        return int(np.count_nonzero(self.counts))

    @property
    def unused(self) -> list[int]:
        """Ids that do not occur."""
        return [int(unit) for unit in np.flatnonzero(self.counts == 0)]

    @property
    def entropy(self) -> float:
        """Of the unigram distribution, in bits."""
        return _entropy(self.counts)

    @property
    def perplexity(self) -> float:
        return float(2.0**self.entropy)

    @property
    def transition_entropy(self) -> float:
        """H(next unit | unit) in bits: H(pairs) − H(first of a pair); NaN where nothing follows anything."""
        self._settle()
        if not self.transitions:
            return math.nan
        firsts = np.bincount(self._pairs // len(self.counts), weights=self._pair_counts, minlength=len(self.counts))
        return max(0.0, _entropy(self._pair_counts) - _entropy(firsts))

    @property
    def pairs(self) -> int:
        """How many different pairs of neighbours occur."""
        self._settle()
        return len(self._pairs)

    @property
    def missing_bits(self) -> float:
        """By about so much `transition_entropy` is too low, as so few transitions were counted (Miller and Madow)."""
        self._settle()
        firsts = len(np.unique(self._pairs // max(1, len(self.counts))))
        return (self.pairs - firsts) / (2 * self.transitions * math.log(2)) if self.transitions else math.nan

    def to_json(self) -> dict[str, Any]:
        return {
            "clusters": len(self.counts),
            "used": self.used,
            "unused": self.unused,
            "entropy_bits": self.entropy,
            "perplexity": self.perplexity,
            "transitions": self.transitions,
            "transition_pairs": self.pairs,
            "transition_entropy_bits": self.transition_entropy,
            "transition_entropy_missing_bits": self.missing_bits,
            "repeats": self.repeats,
            "run_frames": self.runs.to_json(),
            "counts": self.counts.tolist(),
        }

    def _settle(self) -> None:
        """Count the transitions that wait; memory is bounded by the pairs that occur."""
        if not self._waiting:
            return
        codes, counts = np.unique(np.concatenate(self._waiting), return_counts=True)
        merged, places = np.unique(np.concatenate((self._pairs, codes)), return_inverse=True)
        weights = np.concatenate((self._pair_counts, counts))
        self._pairs, self._pair_counts = merged, np.bincount(places, weights=weights).astype(np.int64)
        self._waiting, self._waiting_for = [], 0


def _entropy(counts: NDArray[Any]) -> float:
    """In bits; 0 of nothing."""
    share = counts[counts > 0] / max(1, counts.sum())
    return float(-(share * np.log2(share)).sum()) + 0.0
