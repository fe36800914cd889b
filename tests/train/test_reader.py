from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.rows import RowStream, one_pass, rank_lanes
from lstdata.model.batch import Batch
from lstdata.packing import Row, RowBudget

pytest.importorskip("fairseq2")

from lstdata.train.reader import TrainReader, ValidationReader

BUDGET = RowBudget(positions=64, tokens=100)


@pytest.fixture
def corpus(built: Path) -> SplitCorpus:
    return SplitCorpus(open_run(built), "train", InterleaveConfig(), PatchingConfig())


def documents_of(batch: Batch) -> list[tuple[int, ...]]:
    return [tuple(batch.tokens[batch.document == number].tolist()) for number in range(batch.documents)]


def documents_in(row: Row) -> list[tuple[int, ...]]:
    return [tuple(part.tolist()) for part in np.split(row.tokens, np.cumsum(row.documents)[:-1])]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_ranks_of_a_step_take_its_rows_between_them(corpus: SplitCorpus, world: int) -> None:
    readers = [TrainReader(RowStream(corpus, BUDGET, seed=0, lanes=2), 4, r, world) for r in range(world)]
    stream = RowStream(corpus, BUDGET, seed=0, lanes=2)
    for step in range(3):
        taken = sorted(d for reader in readers for batch in next(reader) for d in documents_of(batch))
        assert taken == sorted(d for g in range(4 * step, 4 * step + 4) for d in documents_in(stream.row(g)))


@pytest.mark.parametrize(("world", "lanes"), [(1, 3), (2, 4), (4, 2), (3, 4), (6, 4)])
def test_a_rank_reads_the_lanes_that_a_plan_explains(
    world: int, lanes: int, corpus: SplitCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.train.reader.collate", lambda rows: rows)
    for rank in range(world):
        stream = RowStream(corpus, BUDGET, seed=0, lanes=lanes)
        reader = TrainReader(stream, 2 * world, rank, world)
        for _ in range(lanes):
            next(reader)
        assert sorted(stream.state()["states"]) == rank_lanes(rank, world, lanes)


def test_a_reader_goes_on_where_its_state_says(corpus: SplitCorpus) -> None:
    reader = TrainReader(RowStream(corpus, BUDGET, seed=0, lanes=2), 3, 0, 1)
    for _ in range(2):
        next(reader)
    state = reader.state_dict()
    expected = documents_of(next(reader)[0])
    other = TrainReader(RowStream(corpus, BUDGET, seed=0, lanes=2), 3, 0, 1)
    other.load_state_dict(state)
    assert documents_of(next(other)[0]) == expected
    with pytest.raises(ValueError, match="`version`"):
        other.load_state_dict({"version": 0})


@pytest.mark.parametrize("world", [1, 2, 4])
def test_a_validation_pass_is_exact_and_equally_long_on_every_rank(corpus: SplitCorpus, world: int) -> None:
    readers = [ValidationReader(corpus, BUDGET, 4, 0, rank, world) for rank in range(world)]
    for _ in range(2):
        steps = [[batch for batches in reader for batch in batches] for reader in readers]
        assert len({len(taken) for taken in steps}) == 1
        documents = sorted(d for taken in steps for batch in taken for d in documents_of(batch))
        assert documents == sorted(d for row in one_pass(corpus, BUDGET, seed=0) for d in documents_in(row))
        assert {batch.rows for taken in steps for batch in taken} == {4 // world}
        for reader in readers:
            reader.reset()
    assert len(np.concatenate([row.documents for row in one_pass(corpus, BUDGET, seed=0)])) >= len(corpus)
