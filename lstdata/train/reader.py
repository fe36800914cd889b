"""Batches for fairseq2: rank r of W takes the rows of a step that are ≡ r mod W."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

from fairseq2.datasets import DataReader

from lstdata.loader.corpus import Corpus
from lstdata.loader.rows import RowStream, one_pass
from lstdata.loader.rows import merge_states as merge_stream_states
from lstdata.model.batch import Batch, collate
from lstdata.packing import Row, RowBudget, join


class TrainReader(DataReader[Batch]):
    """Steps without end; its state is the next row and where the lanes stand."""

    def __init__(self, stream: RowStream, per_step: int, rank: int, world: int) -> None:
        self._stream = stream
        self._per_step = per_step
        self._rank = rank
        self._world = world
        self._next = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Batch]:
        first, self._next = self._next, self._next + self._per_step
        return [collate([self._stream.row(g) for g in range(first + self._rank, self._next, self._world)])]

    def reset(self) -> None:
        self._next = 0

    def state_dict(self) -> dict[str, object]:
        return {"version": 1, "next": self._next, "stream": self._stream.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict.get("version") != 1:
            raise ValueError(f"`version` of the reader's state must be 1, but is {state_dict.get('version')}.")
        self._stream.restore(state_dict["stream"])
        self._next = int(state_dict["next"])

    @property
    def num_accumulate(self) -> int:
        return 1


def merge_states(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One state for any number of readers, of the states of the readers of all ranks at one step."""
    return {**states[0], "stream": merge_stream_states([state["stream"] for state in states])}


class ValidationReader(DataReader[Batch]):
    """Every sample of a corpus exactly once; the last step is filled with empty rows, so all ranks take as many."""

    def __init__(self, corpus: Corpus, budget: RowBudget, per_step: int, seed: int, rank: int, world: int) -> None:
        self._corpus = corpus
        self._budget = budget
        self._per_step = per_step
        self._seed = seed
        self._rank = rank
        self._world = world
        self.reset()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Batch]:
        rows = [row for _, row in zip(range(self._per_step), self._rows, strict=False)]
        if not rows:
            raise StopIteration
        rows += [join([])] * (self._per_step - len(rows))
        return [collate(rows[self._rank :: self._world])]

    def reset(self) -> None:
        self._rows: Iterator[Row] = one_pass(self._corpus, self._budget, seed=self._seed)

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self.reset()

    @property
    def num_accumulate(self) -> int:
        return 1
