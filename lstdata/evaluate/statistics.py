"""Intervals and comparisons by the bootstrap, in which items that belong together are drawn together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from lstdata.randomness import rng

DRAWS: Final = 10_000
_AT_ONCE: Final = 2**22
"""Counts of a group in a draw that exist at once."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % percentile interval."""

    mean: float
    low: float
    high: float


def by_error(values: Values) -> Interval:
    """Of shares from 0 to 1 the mean ± 1.96 standard errors, and no more than a share can be; of one value, itself."""
    mean = float(values.mean())
    margin = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return Interval(mean, max(0.0, mean - margin), min(1.0, mean + margin))


def interval(values: Values, groups: Sequence[object], *, weights: Values | None = None, seed: int = 0) -> Interval:
    """Of the mean over items (I,), whole groups (I,) drawn with replacement; ValueError without items.

    With weights (I,) of the ratio of both sums: of errors and of words it is the error rate of a corpus.
    """
    totals = _Groups(values[None], groups, weights)
    means = np.concatenate([totals.means(counts)[0] for counts in totals.draws(seed, "interval")])
    return Interval(float(totals.mean()[0]), *_percentiles(means))


def difference(
    ours: Values, theirs: Values, groups: Sequence[object], *, weights: Values | None = None, seed: int = 0
) -> Interval:
    """Of the mean of ours − theirs, each (runs, items), over the same items in the same order; with weights (items,)
    of the ratios to their sum.

    A hierarchical bootstrap: in every draw first the runs of either side, which differ by their training seeds, then
    the groups of items, the same for both sides. With one run a side only items vary, and nothing is said of other
    seeds.
    """
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(f"Both sides must have the same items, but have {ours.shape[1]} and {theirs.shape[1]}.")
    runs, first = range(len(ours) + len(theirs)), len(ours)
    drawn = Resampled.draw(np.concatenate([ours, theirs]), groups, weights=weights, seed=seed)
    return drawn.difference(runs[:first], runs[first:])


class _Groups:
    """Sums over the items of each group, for every run, and what they are divided by: items, or their weights."""

    def __init__(self, values: Values, groups: Sequence[object], weights: Values | None = None) -> None:
        if not len(groups) or len(groups) != values.shape[1]:
            raise ValueError(f"{values.shape[1]} items must have as many groups, at least one, but have {len(groups)}.")
        names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
        member = np.array([names[name] for name in groups])
        self.sizes = np.bincount(member, weights=weights).astype(np.float64)
        self.sums = np.stack([np.bincount(member, weights=run) for run in values])

    def mean(self) -> Values:
        """(runs,)"""
        means: Values = self.sums.sum(axis=1) / self.sizes.sum()
        return means

    def draws(self, seed: int, purpose: str) -> Iterator[NDArray[np.int64]]:
        """(draws, groups) how often each group is in a draw."""
        random = rng(seed, 0, purpose, "bootstrap of items")
        groups, left = len(self.sizes), DRAWS
        while left:
            size = min(left, max(1, _AT_ONCE // groups))
            yield random.multinomial(groups, np.full(groups, 1 / groups), size=size)
            left -= size

    def means(self, counts: NDArray[np.int64]) -> Values:
        """(runs, draws)"""
        means: Values = (self.sums @ counts.T) / (counts @ self.sizes)
        return means


def _percentiles(means: Values) -> tuple[float, float]:
    low, high = np.percentile(means, (2.5, 97.5)).tolist()
    return low, high


@dataclass(frozen=True, eq=False)
class Resampled:
    """Runs over the same items, in the same draws of groups of them: drawn once, and any runs then compared."""

    means: Values
    """(runs,) over all items."""
    drawn: Values
    """(runs, draws)"""
    seed: int

    @classmethod
    def draw(cls, values: Values, groups: Sequence[object], *, weights: Values | None = None, seed: int = 0) -> Self:
        """Of values (runs, items), the items' groups and weights; ValueError without items."""
        totals = _Groups(values, groups, weights)
        drawn = [totals.means(counts) for counts in totals.draws(seed, "difference")]
        return cls(totals.mean(), np.concatenate(drawn, axis=1), seed)

    def mean(self, runs: Sequence[int]) -> Interval:
        """Over runs and items."""
        return self._interval([runs])

    def difference(self, ours: Sequence[int], theirs: Sequence[int]) -> Interval:
        """Of the means of ours − theirs."""
        return self._interval([ours, theirs])

    def _interval(self, sides: Sequence[Sequence[int]]) -> Interval:
        random = rng(self.seed, 0, "difference", "bootstrap of runs")
        draws = self.drawn.shape[1]
        mean, drawn = 0.0, np.zeros(draws)
        for sign, runs in zip((1, -1), sides, strict=False):
            chosen = random.integers(len(runs), size=(len(runs), draws))
            mean += sign * float(self.means[list(runs)].mean())
            drawn += sign * self.drawn[list(runs)][chosen, range(draws)].mean(axis=0)
        return Interval(mean, *_percentiles(drawn))
