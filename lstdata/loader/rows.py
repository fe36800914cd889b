"""The order of rows: row g comes from lane g mod L, and each lane packs its own samples, epoch after epoch.

So a row depends on (seed, row number) alone, not on the world size, and a rank reads only the lanes of its rows. In
each epoch a lane draws every one of its samples exactly once, in a seeded order; rows may span two epochs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from lstdata.documents import Document
from lstdata.errors import ConfigError
from lstdata.loader.corpus import Corpus
from lstdata.packing import Row, RowBudget, join, pieces
from lstdata.randomness import rng
from lstdata.records import Ints

MOST_LANES = 256


@dataclass(frozen=True, slots=True)
class LaneState:
    """Where a lane stands: all that its next row depends on."""

    rows: int = 0
    """Rows packed so far."""
    epoch: int = 0
    cursor: int = 0
    """Samples of this epoch that are packed."""
    piece: int = 0
    """Pieces of the sample at the cursor that are packed."""
    drawn: int = 0
    """The lane's row for which the sample at the cursor was drawn: not the next one, where it did not fit."""


def lane_count(samples: int) -> int:
    """The default: a power of two, at most 256, that leaves each lane at least 16 samples (chosen here)."""
    lanes = MOST_LANES
    while lanes > 1 and lanes * 16 > samples:
        lanes //= 2
    return lanes


def lane_samples(samples: int, lane: int, lanes: int) -> range:
    """The samples of one of L equal parts of a corpus, contiguous in the index so that a rank touches few shards."""
    return range(samples * lane // lanes, samples * (lane + 1) // lanes)


def rank_lanes(rank: int, world: int, lanes: int) -> list[int]:
    """The lanes of a rank's rows, which are those ≡ rank mod world."""
    return sorted({row % lanes for row in range(rank, math.lcm(world, lanes), world)})


class Lane:
    """The rows of one part of a corpus."""

    def __init__(
        self, corpus: Corpus, budget: RowBudget, *, seed: int, lane: int, lanes: int, rows: int | None = None
    ) -> None:
        """`rows` is the length of training, over which curricula change; without it they stay at their beginning."""
        self._corpus = corpus
        self._budget = budget
        self._seed = seed
        self._name = f"lane {lane} of {lanes}"
        self._lane, self._lanes, self._rows = lane, lanes, rows
        samples = lane_samples(len(corpus), lane, lanes)
        self._first, self._size = samples.start, len(samples)
        self._order: tuple[int, Ints] | None = None
        self._drawn: tuple[tuple[int, int, int], list[Document]] | None = None

    def pack(self, state: LaneState, *, epochs: int | None = None) -> tuple[Row, LaneState]:
        """The lane's next row and its state after it; the row is empty once `epochs` are over."""
        documents: list[Document] = []
        positions = tokens = continued = 0
        while epochs is None or state.epoch < epochs:
            parts = self._pieces(state)
            part = parts[state.piece]
            positions += len(part.lengths)
            tokens += len(part.tokens)
            if documents and (positions > self._budget.positions or tokens > self._budget.tokens):
                break
            documents.append(part)
            continued += state.piece > 0
            state = self._after(state, len(parts))
        return join(documents, continued), replace(state, rows=state.rows + 1)

    def epochs(self, state: LaneState) -> float:
        return state.epoch + state.cursor / self._size

    def _after(self, state: LaneState, parts: int) -> LaneState:
        if state.piece + 1 < parts:
            return replace(state, piece=state.piece + 1)
        state = replace(state, piece=0, drawn=state.rows)
        if state.cursor + 1 < self._size:
            return replace(state, cursor=state.cursor + 1)
        return replace(state, epoch=state.epoch + 1, cursor=0)

    def _pieces(self, state: LaneState) -> list[Document]:
        at = state.epoch, state.cursor, state.drawn
        if self._drawn is None or self._drawn[0] != at:
            number = self._first + int(self._permutation(state.epoch)[state.cursor])
            document = self._corpus.document(number, state.epoch, self._progress(state.drawn))
            self._drawn = at, list(pieces(document, self._budget, self._corpus.vocab))
        return self._drawn[1]

    def _progress(self, row: int) -> float:
        """The share of training that is over when a row of this lane is read."""
        return 0.0 if self._rows is None else min(1.0, (row * self._lanes + self._lane) / self._rows)

    def _permutation(self, epoch: int) -> Ints:
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, rng(self._seed, epoch, self._name, "order").permutation(self._size)
        return self._order[1]


class RowStream:
    """Rows by number, without end; cheap in rising order, from the start of the lane otherwise."""

    def __init__(
        self, corpus: Corpus, budget: RowBudget, *, seed: int, lanes: int | None = None, rows: int | None = None
    ) -> None:
        """`rows` is the length of training: see `Lane`."""
        count = lane_count(len(corpus)) if lanes is None else lanes
        if count > len(corpus):
            raise ConfigError(f"`lanes` must be ≤ the number of samples ({len(corpus)}), but is {count}.")
        self.budget = budget
        self._identity = {"samples": len(corpus), "lanes": count, "seed": seed}
        self._lanes = [Lane(corpus, budget, seed=seed, lane=i, lanes=count, rows=rows) for i in range(count)]
        self._states: dict[int, LaneState] = {}

    def row(self, number: int) -> Row:
        """Row `number`, the same whatever was read before."""
        turn, lane = divmod(number, len(self._lanes))
        state = self._states.get(lane, LaneState())
        if state.rows > turn:
            state = LaneState()
        while state.rows <= turn:
            row, state = self._lanes[lane].pack(state)
        self._states[lane] = state
        return row

    @property
    def epochs(self) -> float:
        """Times the samples were drawn, the mean over the lanes that were read."""
        drawn = [self._lanes[lane].epochs(state) for lane, state in self._states.items()]
        return sum(drawn) / max(1, len(drawn))

    def state(self) -> dict[str, Any]:
        """A few integers: what identifies the order, and where each lane stands that was read."""
        return {**self._identity, "states": {lane: astuple(state) for lane, state in self._states.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state, also one of another world size; ConfigError where it is of another order of rows."""
        wrong = [
            f"`{k}` was {state[k]} at the checkpoint, but is {v}." for k, v in self._identity.items() if state[k] != v
        ]
        if wrong:
            raise ConfigError("The checkpoint was made with other data or another order of rows.", *wrong)
        self._states = {int(lane): LaneState(*values) for lane, values in state["states"].items()}


def merge_states(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state of a stream that read what several streams of one order did: each lane where it was read furthest."""
    lanes: dict[Any, Any] = {}
    for state in states:
        for lane, values in state["states"].items():
            lanes[lane] = max(lanes.get(lane, values), values)
    return {**states[0], "states": lanes}


def one_pass(corpus: Corpus, budget: RowBudget, *, seed: int, epoch: int = 0) -> Iterator[Row]:
    """Every sample exactly once, as drawn in one epoch, in a seeded order."""
    lane = Lane(corpus, budget, seed=seed, lane=0, lanes=1)
    state = LaneState(epoch=epoch)
    while True:
        row, state = lane.pack(state, epochs=epoch + 1)
        if not len(row.documents):
            return
        yield row
