from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.report.numbers import compute_numbers
from lstdata.report.outliers import LISTED, Ranking


def rows(values: list[float], first: int = 0) -> dict[str, Any]:
    names = np.array([f"k{first + i}" for i in range(len(values))], dtype=object)
    numbers = {"offset": 0, "bytes": 0, "crc32": 0, "seconds": 1.0}
    return {"key": names, "id": names, "shard": names} | {n: np.full(len(values), v) for n, v in numbers.items()}


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, float("nan")]), max_size=9), max_size=5), st.booleans())
def test_batches_give_what_sorting_gives(batches: list[list[float]], highest: bool) -> None:
    ranking = Ranking("n", "t", "u", highest)
    first = 0
    for values in batches:
        ranking.offer(np.array(values, dtype=np.float64), rows(values, first))
        first += len(values)
    everything = [(value, i) for i, value in enumerate(v for values in batches for v in values) if value == value]
    everything.sort(key=lambda one: (-one[0] if highest else one[0], one[1]))
    assert [(one.value, one.place.key) for one in ranking.found] == [(v, f"k{i}") for v, i in everything[:LISTED]]


def test_the_lists_of_a_run(run: Path) -> None:
    outliers = compute_numbers(run).outliers
    named = {
        ranking.name: [(one.place.id, one.value, one.what) for one in ranking.found] for ranking in outliers.rankings
    }
    assert named == {
        "lowest_score": [("A1", -15.0, ""), ("B2", -15.0, "")],
        "fastest": [("A1", 5.0, ""), ("B2", 2.5, "")],
        "slowest": [("B2", 2.5, ""), ("A1", 5.0, "")],
        "header_mismatch": [("B2", pytest.approx(0.2), "")],
        "longest": [("C3", 1.0, ""), ("B2", 0.8, ""), ("A1", 0.4, "")],
        "longest_word": [("B2", 10.0, "three"), ("A1", 5.0, "two")],
        "longest_silence": [("B2", 2.0, ""), ("A1", 1.0, "")],
    }
    assert {one.place.shard for ranking in outliers.rankings for one in ranking.found} == {
        "train-000000",
        "validation-000000",
    }
