from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.report.distribution import Bar, Distribution


@given(parts=st.lists(st.lists(st.integers(-50, 50), max_size=20), min_size=1, max_size=5))
def test_figures_of_integers_are_exact(parts: list[list[int]]) -> None:
    values = Distribution()
    for part in parts:
        values.add(np.array(part, dtype=np.int64))
    everything = sorted(v for part in parts for v in part)
    assert values.count == len(everything)
    if everything:
        assert values.mean == pytest.approx(np.mean(everything))
        assert (values.low, values.high) == (everything[0], everything[-1])
        assert values.median == everything[(len(everything) - 1) // 2]
        assert values.quantile(1.0) == everything[-1]
        assert sum(bar.count for bar in values.bars(1, 0, 10)) == len(everything)


def test_nothing_has_no_figures() -> None:
    values = Distribution()
    values.add(np.array([math.nan, math.inf]))
    assert values.count == 0
    assert math.isnan(values.mean)
    assert math.isnan(values.median)


def test_bars_gather_what_lies_outside() -> None:
    values = Distribution(0.5)
    values.add(np.array([0.1, 1.0, 1.4, 2.6, 9.0]))
    assert values.bars(1.0, 1.0, 3.0) == [Bar(1.0, 2.0, 3), Bar(2.0, 3.0, 2)]
