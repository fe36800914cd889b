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


def test_shares_below_and_above() -> None:
    values = Distribution(0.5)
    values.add(np.array([0.1, 1.0, 1.4, 2.6]))
    assert (values.below(1.0), values.below(1.5), values.above(1.0), values.above(9.0)) == (1, 3, 3, 0)
    assert values.cumulative() == [(0.5, 0.25), (1.5, 0.75), (3.0, 1.0)]


@given(parts=st.lists(st.lists(st.integers(-1000, 1000), max_size=20), min_size=1, max_size=5))
def test_many_bins_become_wider_ones_whatever_the_order(parts: list[list[int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstdata.report.distribution.MOST_BINS", 4)
        forth, back = Distribution(0.5), Distribution(0.5)
        for part in parts:
            forth.add(np.array(part) / 8)
        for part in reversed(parts):
            back.add(np.array(part) / 8)
    assert len(forth.bins) <= 4
    assert (forth.width, forth.bins) == (back.width, back.bins)
    assert sum(forth.bins.values()) == forth.count


def test_absurd_values_do_not_overflow() -> None:
    values = Distribution(0.01)
    values.add(np.array([1e300, -1e300, 0.0]))
    assert (values.count, values.low, values.high) == (3, -1e300, 1e300)
    assert values.to_json()["max"] == 1e300
    assert Distribution().to_json()["median"] is None
