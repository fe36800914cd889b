"""Counts of many numbers in bounded memory: bins of one width, whatever the range turns out to be."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 20_000
"""Beyond so many, two neighbours become one and `width` doubles: the result does not depend on the order of values."""

QUANTILES = {"p1": 0.01, "p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_FARTHEST = 2.0**62


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram: values in [low, high), the last one also those above."""

    low: float
    high: float
    count: int


@dataclass
class Distribution:
    """Values counted in bins [k·width, (k+1)·width); of integers, with width 1, every figure is exact."""

    width: float = 1.0
    bins: Counter[int] = field(default_factory=Counter)
    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: NDArray[Any]) -> None:
        """Count the finite ones of `values`."""
        values = np.asarray(values, dtype=np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            return
        with np.errstate(over="ignore"):
            places = np.clip(np.floor(values / self.width), -_FARTHEST, _FARTHEST).astype(np.int64)
        keys, counts = np.unique(places, return_counts=True)
        self.bins.update(dict(zip(keys.tolist(), counts.tolist(), strict=True)))
        self.count += len(values)
        self.total += float(values.sum())
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        while len(self.bins) > MOST_BINS:
            self._coarsen()

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else math.nan

    def quantile(self, q: float) -> float:
        """The lower edge of the bin that holds the value of rank ⌈q·count⌉; NaN where there is none."""
        wanted = max(1, math.ceil(q * self.count))
        seen = 0
        for key in sorted(self.bins):
            seen += self.bins[key]
            if seen >= wanted:
                return key * self.width
        return math.nan

    @property
    def median(self) -> float:
        return self.quantile(0.5)

    def below(self, value: float) -> int:
        """How many values lie in bins that end at `value` or before."""
        return sum(count for key, count in self.bins.items() if (key + 1) * self.width <= value + self.width * 1e-6)

    def above(self, value: float) -> int:
        """How many values lie in bins that begin at `value` or behind."""
        return sum(count for key, count in self.bins.items() if key * self.width >= value - self.width * 1e-6)

    def cumulative(self) -> list[tuple[float, float]]:
        """(upper edge, share of the values below it) of each bin that holds any, rising; the last share is 1."""
        seen = 0
        points = []
        for key in sorted(self.bins):
            seen += self.bins[key]
            points.append(((key + 1) * self.width, seen / self.count))
        return points

    def bars(self, step: float, low: float, high: float) -> list[Bar]:
        """Bars of `step` (a multiple of `width`) over [low, high); values outside go to the outermost bars."""
        number = max(1, round((high - low) / step))
        counts = [0] * number
        for key, count in self.bins.items():
            place = math.floor(((key + 0.5) * self.width - low) / step)
            counts[min(max(place, 0), number - 1)] += count
        return [Bar(low + i * step, low + (i + 1) * step, count) for i, count in enumerate(counts)]

    def to_json(self) -> dict[str, Any]:
        """Count, mean, extremes and quantiles; null where there are no values."""
        if not self.count:
            return {"count": 0} | dict.fromkeys(("mean", "min", *QUANTILES, "max"))
        quantiles = {name: round(self.quantile(q), 6) for name, q in QUANTILES.items()}
        return {"count": self.count, "mean": self.mean, "min": self.low, **quantiles, "max": self.high}

    def _coarsen(self) -> None:
        bins: Counter[int] = Counter()
        for key, count in self.bins.items():
            bins[key // 2] += count
        self.bins, self.width = bins, self.width * 2
