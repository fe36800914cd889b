from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.mixture import Mixture, Source
from lstdata.loader.rows import RowStream, held_out_rows, rank_lanes
from lstdata.model.batch import Batch
from lstdata.packing import Row, RowBudget

pytest.importorskip("fairseq2")

from lstdata.train.reader import TrainReader, ValidationReader, merge_states

BUDGET = RowBudget(positions=64, tokens=100)


@pytest.fixture
def corpus(built: Path) -> SplitCorpus:
    return SplitCorpus(open_run(built), "train", InterleaveConfig(), PatchingConfig())


def documents_of(batch: Batch) -> list[tuple[int, ...]]:
    return [tuple(batch.tokens[batch.document == number].tolist()) for number in range(batch.documents)]


def documents_in(row: Row) -> list[tuple[int, ...]]:
    return [tuple(part.tolist()) for part in np.split(row.tokens, np.cumsum(row.documents)[:-1])]


def rows_of(corpus: SplitCorpus, per_step: int = 4, lanes: int = 2) -> Mixture:
    source = Source(name="only", corpus=corpus, share=1, tokens_per_row=100, lanes=lanes)
    return Mixture([source], BUDGET, seed=0, per_step=per_step)


class Together:
    """The totals of readers in threads: each counts for itself, and hears what all have counted."""

    def __init__(self, world: int) -> None:
        self._barrier = threading.Barrier(world, timeout=60)
        self._lock = threading.Lock()
        self._counts: list[int] = []

    def __call__(self, counts: Sequence[int]) -> list[int]:
        with self._lock:
            self._counts = [a + b for a, b in zip(self._counts or [0] * len(counts), counts, strict=True)]
        self._barrier.wait()
        total = self._counts
        if self._barrier.wait() == 0:
            self._counts = []
        self._barrier.wait()
        return total


def at_once(readers: Sequence[Any]) -> list[list[list[Batch]]]:
    """Every step of each reader, each in a thread of its own."""
    with ThreadPoolExecutor(len(readers)) as pool:
        return list(pool.map(list, readers))


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_ranks_of_a_step_take_its_rows_between_them(corpus: SplitCorpus, world: int) -> None:
    readers = [TrainReader(rows_of(corpus), rank, world) for rank in range(world)]
    stream = RowStream(corpus, BUDGET, seed=0, lanes=2)
    for step in range(3):
        taken = sorted(d for reader in readers for batch in next(reader) for d in documents_of(batch))
        assert taken == sorted(d for g in range(4 * step, 4 * step + 4) for d in documents_in(stream.row(g)))


def test_a_step_of_several_batches_has_the_same_documents(corpus: SplitCorpus) -> None:
    whole, parted = (TrainReader(rows_of(corpus), 0, 1, per_batch=per_batch) for per_batch in (None, 3))
    (one,), (first, second) = next(whole), next(parted)
    assert (first.rows, second.rows, one.rows) == (3, 1, 4)
    assert documents_of(one) == documents_of(first) + documents_of(second)
    assert (whole.num_accumulate, parted.num_accumulate) == (1, 2)


@pytest.mark.parametrize(("world", "lanes"), [(1, 3), (2, 4), (4, 2), (3, 4), (6, 4)])
def test_a_rank_reads_the_lanes_that_a_plan_explains(
    world: int, lanes: int, corpus: SplitCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.train.reader.collate", lambda rows, multiple: rows)
    for rank in range(world):
        rows = rows_of(corpus, 2 * world, lanes)
        reader = TrainReader(rows, rank, world)
        for _ in range(lanes):
            next(reader)
        assert sorted(rows.streams[0].state()["states"]) == rank_lanes(rank, world, lanes)


def test_a_reader_goes_on_where_its_state_says(corpus: SplitCorpus) -> None:
    reader = TrainReader(rows_of(corpus, 3), 0, 1)
    for _ in range(2):
        next(reader)
    state = reader.state_dict()
    expected = documents_of(next(reader)[0])
    other = TrainReader(rows_of(corpus, 3), 0, 1)
    other.load_state_dict(state)
    assert documents_of(next(other)[0]) == expected
    with pytest.raises(ValueError, match="`version`"):
        other.load_state_dict({"version": 0})


@pytest.mark.parametrize("world", [1, 2, 4])
def test_training_ends_with_the_step_that_reaches_the_tokens_and_stays_ended(corpus: SplitCorpus, world: int) -> None:
    """At the same step on every rank, whatever their number; a state taken at the end is one of the end."""
    stream = RowStream(corpus, BUDGET, seed=0, lanes=2)
    tokens = [sum(len(stream.row(g).tokens) for g in range(4 * step, 4 * step + 4)) for step in range(5)]
    together = Together(world)

    def reader(rank: int) -> TrainReader:
        return TrainReader(rows_of(corpus), rank, world, tokens=sum(tokens[:3]) + 1, total=together)

    readers = [reader(rank) for rank in range(world)]
    assert {len(steps) for steps in at_once(readers)} == {4}
    assert {sum(r.state_dict()["rows"]["tokens"]) for r in readers} == {sum(tokens[:4])}  # type: ignore[index]
    for ended in readers:
        ended.reset()
    state = merge_states([ended.state_dict() for ended in readers])
    resumed = reader(0)
    resumed.load_state_dict(state)
    assert next(resumed, None) is None


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("world", [1, 2, 4])
def test_a_validation_pass_is_exact_and_equally_long_on_every_rank(
    corpus: SplitCorpus, world: int, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.loader.rows.lane_count", lambda samples: 3)
    together = Together(world)
    readers = [
        ValidationReader(
            corpus, BUDGET, per_step=4, seed=0, rank=rank, world=world, per_batch=3, most=most, total=together
        )
        for rank in range(world)
    ]
    rows = list(held_out_rows(corpus, BUDGET, seed=0, most=most))
    assert len(rows) == (most or len(rows))
    assert most is not None or sum(len(row.documents) for row in rows) >= len(corpus)
    for _ in range(2):
        steps = at_once(readers)
        assert len({len(taken) for taken in steps}) == 1
        batches = [batch for taken in steps for step in taken for batch in step]
        documents = sorted(d for batch in batches for d in documents_of(batch))
        assert documents == sorted(d for row in rows for d in documents_in(row))
        assert all(sum(batch.rows for batch in step) == 4 // world for taken in steps for step in taken)
        for reader in readers:
            reader.reset()
