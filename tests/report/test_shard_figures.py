from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from lstdata.report.numbers import compute_numbers
from lstdata.report.shard_figures import SHOWN_WHOLE, MedianScores, ShardFigures, outstanding


def batch(shards: str, scores: list[float]) -> dict[str, Any]:
    return {"shard": np.array(list(shards), dtype=object), "align_score": np.array(scores)}


def test_medians_of_shards_that_batches_divide() -> None:
    medians = MedianScores()
    for part in (batch("aab", [1.0, 3.0, 5.0]), batch("", []), batch("bbc", [7.0, math.nan, math.nan])):
        medians.add_index(part)
    medians.close()
    assert medians.found == {"a": 2.0, "b": 6.0}


def test_the_shards_of_a_run(run: Path) -> None:
    first, second = compute_numbers(run).shards
    assert (first.shard, first.split, first.records, first.samples, first.units, first.words) == (
        "train-000000", "train", 2, 2, 30, 4,
    )  # fmt: skip
    assert first.bytes == (run / "shards" / "train-000000.tar").stat().st_size
    assert first.median_score == -15.0
    assert math.isnan(second.median_score)


def shard(number: int, seconds: float, rejected: int = 0) -> ShardFigures:
    return ShardFigures(f"s{number:05}", "train", 9, rejected, seconds, 1, 1, 0, 0, 1000 + number, math.nan)


def test_of_many_shards_the_ends_are_shown() -> None:
    few = [shard(i, 1.0) for i in range(SHOWN_WHOLE)]
    assert outstanding(few) == few
    many = [shard(i, float(i % 7777), rejected=int(i == 123)) for i in range(7777)]
    assert [one.shard for one in outstanding(many)] == [
        "s00000", "s00001", "s00002", "s00123", "s07774", "s07775", "s07776"
    ]  # fmt: skip
