"""Batches for fairseq2: rank r of W takes the rows of a step that are ≡ r mod W."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, Self

import torch
from fairseq2.datasets import DataReader
from fairseq2.gang import Gang, ReduceOperation

from lstdata.loader.corpus import Corpus
from lstdata.loader.feed import Feed
from lstdata.loader.mixture import Mixture, merged_mixtures
from lstdata.loader.rows import held_out_rows
from lstdata.model.attention import multiple_on
from lstdata.model.batch import Batch, collate
from lstdata.packing import Row, RowBudget, join
from lstdata.train.config import TrainConfig, required, row_budget
from lstdata.train.data import TrainingData

VERSION: Final = 2
"""Of a reader's state."""

Total = Callable[[Sequence[int]], list[int]]
"""Sums over all ranks of what each of them counted."""


def own(counts: Sequence[int]) -> list[int]:
    """The total of one process."""
    return list(counts)


def total_of(gang: Gang) -> Total:
    """The total of a gang; each of its processes must ask for it at the same time."""

    def total(counts: Sequence[int]) -> list[int]:
        tensor = torch.tensor(list(counts), dtype=torch.int64, device=gang.device)
        gang.all_reduce(tensor, ReduceOperation.SUM)
        return tensor.tolist()

    return own if gang.size == 1 else total


class TrainReader(DataReader[Batch]):
    """Steps until so many raw tokens are read, or without end; its state is the next step and where the lanes stand."""

    def __init__(
        self,
        rows: Mixture,
        rank: int,
        world: int,
        *,
        per_batch: int | None = None,
        tokens: int | None = None,
        total: Total = own,
        feed: Feed | None = None,
    ) -> None:
        """`tokens`: end after the first step at which all ranks have read so many; `feed`: makes this rank's rows."""
        self._rows = rows
        self._feed = feed
        self._rank = rank
        self._world = world
        self._per_batch = per_batch or rows.schedule.per_step // world
        self._end = tokens
        self._total = total
        self._step = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Batch]:
        if self._end is not None and sum(self._rows.tokens) >= self._end:
            raise StopIteration
        numbers = self._rows.rows_of_step(self._step, self._rank, self._world)
        rows = [self._rows.row(n) for n in numbers] if self._feed is None else self._feed.rows(self._step)
        read = [0] * len(self._rows.tokens)
        for number, row in zip(numbers, rows, strict=True):
            read[self._rows.place(number).source] += len(row.tokens)
        self._rows.tokens = [a + b for a, b in zip(self._rows.tokens, self._total(read), strict=True)]
        self._step += 1
        return batches(rows, self._per_batch)

    def reset(self) -> None:
        """Nothing: what ends has no second beginning, and its state is asked for after its end."""

    def state_dict(self) -> dict[str, object]:
        return {"version": VERSION, "step": self._step, "rows": self._rows.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict.get("version") != VERSION:
            raise ValueError(f"`version` of the reader's state must be {VERSION}, but is {state_dict.get('version')}.")
        self.close()
        self._rows.restore(state_dict["rows"])
        self._step = int(state_dict["step"])

    def close(self) -> None:
        """End the processes that make rows."""
        if self._feed is not None:
            self._feed.close()

    @property
    def num_accumulate(self) -> int:
        return -(-self._rows.schedule.per_step // (self._world * self._per_batch))


def merge_states(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One state for any number of readers, of the states of the readers of all ranks at one step."""
    return {**states[0], "rows": merged_mixtures([state["rows"] for state in states])}


def train_reader(config: TrainConfig, data: TrainingData, gang: Gang) -> TrainReader:
    """A rank's part of the training rows of a resolved config."""
    workers = config.rows.workers
    return TrainReader(
        data.rows,
        gang.rank,
        gang.size,
        per_batch=config.rows.per_batch,
        tokens=config.tokens,
        total=total_of(gang),
        feed=Feed(data.spec, data.rows, rank=gang.rank, world=gang.size, workers=workers) if workers else None,
    )


def validation_reader(config: TrainConfig, corpus: Corpus, gang: Gang) -> ValidationReader:
    """A rank's part of a pass over one held-out corpus."""
    return ValidationReader(
        corpus,
        row_budget(config),
        per_step=required(config.rows.per_step),
        seed=config.rows.seed,
        rank=gang.rank,
        world=gang.size,
        per_batch=config.rows.per_batch,
        most=config.validate_rows,
        total=total_of(gang),
    )


class ValidationReader(DataReader[Batch]):
    """Every sample of a corpus exactly once, or the first rows: each rank packs its own lanes.

    A rank that has no rows left takes empty ones until all have none, so all take as many steps.
    """

    def __init__(
        self,
        corpus: Corpus,
        budget: RowBudget,
        *,
        per_step: int,
        seed: int,
        rank: int,
        world: int,
        per_batch: int | None = None,
        most: int | None = None,
        total: Total = own,
    ) -> None:
        """`most`: rows of a pass at most."""
        self._pass = partial(held_out_rows, corpus, budget, seed=seed, rank=rank, world=world, most=most)
        self._per_rank = per_step // world
        self._per_batch = per_batch or self._per_rank
        self._total = total
        self.reset()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Batch]:
        rows = list(islice(self._rows, self._per_rank))
        if self._total([len(rows)]) == [0]:
            raise StopIteration
        return batches([*rows, *[join([])] * (self._per_rank - len(rows))], self._per_batch)

    def reset(self) -> None:
        self._rows: Iterator[Row] = self._pass()

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self.reset()

    @property
    def num_accumulate(self) -> int:
        return 1


def batches(rows: Sequence[Row], per_batch: int) -> list[Batch]:
    """One batch of every so many rows."""
    multiple = multiple_on(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    return [collate(rows[first : first + per_batch], multiple) for first in range(0, len(rows), per_batch)]
