from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import CorruptShard
from lstdata.report import unit_usage
from lstdata.report.unit_usage import UnitUsage


def usage(*utterances: list[int], clusters: int = 4) -> UnitUsage:
    units = UnitUsage(np.zeros(clusters, dtype=np.int64))
    for ids in utterances:
        units.add(np.array(ids, dtype=np.uint16))
    return units


def test_figures_worked_by_hand() -> None:
    """Pairs 00 00 01 11 12 and 22: after 0 come 2 of 3 times 0, after 1 either, after 2 only 2."""
    units = usage([0, 0, 0, 1, 1, 2], [2, 2])
    assert (units.counts.tolist(), units.used, units.unused) == ([3, 2, 3, 0], 3, [3])
    assert units.entropy == pytest.approx(-(2 * 3 / 8 * math.log2(3 / 8) + 2 / 8 * math.log2(2 / 8)))
    assert units.perplexity == pytest.approx(2**units.entropy)
    assert (units.transitions, units.repeats, units.pairs) == (6, 4, 5)
    after_0 = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert units.transition_entropy == pytest.approx((3 * after_0 + 2 * 1 + 1 * 0) / 6)
    assert units.missing_bits == pytest.approx((5 - 3) / (2 * 6 * math.log(2)))
    assert sorted(units.runs.bins.elements()) == [1, 2, 2, 3]


def test_what_is_certain_has_no_entropy() -> None:
    units = usage([0, 1, 2, 3] * 5)
    assert (units.entropy, units.transition_entropy) == (2.0, 0.0)
    assert units.missing_bits == 0.0, "as many pairs as units that begin one"


def test_nothing_is_said_of_nothing() -> None:
    for units in (usage(), usage([]), usage([3])):
        assert math.isnan(units.transition_entropy)
        assert units.entropy == 0.0


@given(st.lists(st.lists(st.integers(0, 5), max_size=30), max_size=8), st.integers(1, 20))
def test_counting_in_parts_changes_nothing(utterances: list[list[int]], buffered: int) -> None:
    whole = usage(*utterances, clusters=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_usage, "_BUFFERED", buffered)
        parts = usage(*utterances, clusters=6)
    assert (parts.pairs, parts.transitions) == (whole.pairs, whole.transitions)
    assert parts.transition_entropy == pytest.approx(whole.transition_entropy, nan_ok=True)
    assert whole.transitions == 0 or whole.transition_entropy <= math.log2(6) + 1e-9


def test_a_unit_beyond_the_vocabulary_is_refused() -> None:
    with pytest.raises(CorruptShard, match=r"below the 4 of vocab\.json, but is 4"):
        usage([4])
