"""Counts of many numbers in bounded memory: bins of one width, whatever the range turns out to be."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        keys, counts = np.unique(np.floor(values / self.width).astype(np.int64), return_counts=True)
        self.bins.update(dict(zip(keys.tolist(), counts.tolist(), strict=True)))
        self.count += len(values)
        self.total += float(values.sum())
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))

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

    def bars(self, step: float, low: float, high: float) -> list[Bar]:
        """Bars of `step` (a multiple of `width`) over [low, high); values outside go to the outermost bars."""
        number = max(1, round((high - low) / step))
        counts = [0] * number
        for key, count in self.bins.items():
            place = math.floor(((key + 0.5) * self.width - low) / step)
            counts[min(max(place, 0), number - 1)] += count
        return [Bar(low + i * step, low + (i + 1) * step, count) for i, count in enumerate(counts)]
