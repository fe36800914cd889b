"""The order of rows: row g comes from lane g mod L, and each lane packs its own samples, epoch after epoch.

So a row depends on (seed, row number) alone, not on the world size, and a rank reads only the lanes of its rows. In
each epoch a lane draws every one of its samples exactly once, in a seeded order; rows may span two epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final

from lstdata.documents import Document
from lstdata.errors import ConfigError
from lstdata.loader.corpus import Corpus
from lstdata.packing import Row, RowBudget, join, pieces
from lstdata.randomness import rng
from lstdata.records import Ints

MOST_LANES: Final = 256

WAITING: Final = 8
"""Samples at most that a lane has drawn and that wait for a row with room for them (chosen here)."""

Begun = tuple[int, int, int, int]
"""A sample that waits: epoch, place in the epoch's order, the lane's row for which it was drawn, pieces packed."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """Where a lane stands: all that its next row depends on."""

    rows: int = 0
    """Rows packed so far."""
    epoch: int = 0
    cursor: int = 0
    """Samples of this epoch that are drawn."""
    waiting: tuple[Begun, ...] = ()

    def to_json(self) -> list[int]:
        """Integers alone."""
        return [self.rows, self.epoch, self.cursor, *chain.from_iterable(self.waiting)]

    @classmethod
    def from_json(cls, values: Sequence[int]) -> LaneState:
        rows, epoch, cursor, *waiting = map(int, values)
        begun = zip(*(waiting[place::4] for place in range(4)), strict=True)
        return cls(rows, epoch, cursor, tuple(begun))


def lane_count(samples: int) -> int:
    """The default: a power of two, at most 256, that leaves each lane at least 16 samples (chosen here)."""
    lanes = MOST_LANES
    while lanes > 1 and lanes * 16 > samples:
        lanes //= 2
    return lanes


def lane_samples(samples: int, lane: int, lanes: int) -> range:
    """The samples of one of L equal parts of a corpus, contiguous in the index so that a rank touches few shards."""
    return range(samples * lane // lanes, samples * (lane + 1) // lanes)


def at_the_beginning(row: int) -> float:
    """The progress of what has no end."""
    return 0.0


def rank_lanes(rank: int, world: int, lanes: int) -> list[int]:
    """The lanes of a rank's rows, which are those ≡ rank mod world."""
    return sorted({row % lanes for row in range(rank, math.lcm(world, lanes), world)})


class Lane:
    """The rows of one part of a corpus."""

    def __init__(
        self,
        corpus: Corpus,
        budget: RowBudget,
        *,
        seed: int,
        lane: int = 0,
        lanes: int = 1,
        progress: Callable[[int], float] = at_the_beginning,
    ) -> None:
        """`progress` is the share of training that is over at a row of the lane, over which curricula change."""
        self._corpus = corpus
        self._budget = budget
        self._seed = seed
        self._name = f"lane {lane} of {lanes}"
        self._progress = progress
        samples = lane_samples(len(corpus), lane, lanes)
        self._first, self._size = samples.start, len(samples)
        self._order: tuple[int, Ints] | None = None
        self._over: tuple[int, float] | None = None
        self._drawn: dict[tuple[int, int], tuple[int, list[Document]]] = {}

    def pack(self, state: LaneState, *, epochs: int | None = None) -> tuple[Row, LaneState]:
        """The lane's next row and its state after it; the row is empty once `epochs` are over.

        Samples are packed in their order, but for those that do not fit: they wait, at most `WAITING` of them, and the
        first of them begins the next row.
        """
        waiting = list(state.waiting)
        epoch, cursor = state.epoch, state.cursor
        documents: list[Document] = []
        positions, tokens = self._budget.positions, self._budget.tokens
        place = continued = 0
        while place < WAITING:
            if place == len(waiting):
                if epochs is not None and epoch >= epochs:
                    break
                waiting.append((epoch, cursor, state.rows, 0))
                epoch, cursor = (epoch, cursor + 1) if cursor + 1 < self._size else (epoch + 1, 0)
            of, at, row, packed = waiting[place]
            parts = self._pieces(of, at, row)
            part = parts[packed]
            if len(part.lengths) > positions or len(part.tokens) > tokens:
                place += 1
                continue
            documents.append(part)
            positions -= len(part.lengths)
            tokens -= len(part.tokens)
            continued += packed > 0
            waiting[place : place + 1] = [(of, at, row, packed + 1)] if packed + 1 < len(parts) else []
        self._drawn = {begun[:2]: self._drawn[begun[:2]] for begun in waiting}
        return join(documents, continued), LaneState(state.rows + 1, epoch, cursor, tuple(waiting))

    def epochs(self, state: LaneState) -> float:
        return state.epoch + state.cursor / self._size

    def _pieces(self, epoch: int, cursor: int, row: int) -> list[Document]:
        drawn = self._drawn.get((epoch, cursor))
        if drawn is None or drawn[0] != row:
            number = self._first + int(self._permutation(epoch)[cursor])
            document = self._corpus.document(number, epoch, self._progress_at(row))
            drawn = row, list(pieces(document, self._budget, self._corpus.vocab))
            self._drawn[epoch, cursor] = drawn
        return drawn[1]

    def _progress_at(self, row: int) -> float:
        if self._over is None or self._over[0] != row:
            self._over = row, self._progress(row)
        return self._over[1]

    def _permutation(self, epoch: int) -> Ints:
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, rng(self._seed, epoch, self._name, "order").permutation(self._size)
        return self._order[1]


class RowStream:
    """The rows of one corpus by number, without end; cheap in rising order, from the start of the lane otherwise."""

    def __init__(
        self,
        corpus: Corpus,
        budget: RowBudget,
        *,
        seed: int,
        lanes: int | None = None,
        progress: Callable[[int], float] = at_the_beginning,
    ) -> None:
        """`progress` is the share of training that is over at a row of the stream."""
        count = lane_count(len(corpus)) if lanes is None else lanes
        if count > len(corpus):
            raise ConfigError(f"`lanes` must be ≤ the number of samples ({len(corpus)}), but is {count}.")
        self.budget = budget
        self.lanes = count
        self._identity = {"samples": len(corpus), "lanes": count, "seed": seed}
        self._lanes = [
            Lane(corpus, budget, seed=seed, lane=i, lanes=count, progress=_of_lane(progress, i, count))
            for i in range(count)
        ]
        self._states: dict[int, LaneState] = {}

    def row(self, number: int) -> Row:
        """Row `number`, the same whatever was read before."""
        turn, lane = divmod(number, self.lanes)
        state = self._states.get(lane, LaneState())
        if state.rows > turn:
            state = LaneState()
        while state.rows <= turn:
            row, state = self._lanes[lane].pack(state)
        self._states[lane] = state
        return row

    def lane_state(self, lane: int) -> LaneState:
        return self._states.get(lane, LaneState())

    def set_lane(self, lane: int, state: LaneState) -> None:
        """Where a lane stands that is packed elsewhere."""
        self._states[lane] = state

    @property
    def epochs(self) -> float:
        """Times the samples were drawn, the mean over the lanes that were read."""
        drawn = [self._lanes[lane].epochs(state) for lane, state in self._states.items()]
        return sum(drawn) / max(1, len(drawn))

    def state(self) -> dict[str, Any]:
        """A few integers: what identifies the order, and where each lane stands that was read."""
        return {**self._identity, "states": {lane: state.to_json() for lane, state in self._states.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state, also one of another world size; ConfigError where it is of another order of rows."""
        wrong = [
            f"`{k}` was {state[k]} at the checkpoint, but is {v}." for k, v in self._identity.items() if state[k] != v
        ]
        if wrong:
            raise ConfigError("The checkpoint was made with other data or another order of rows.", *wrong)
        self._states = {int(lane): LaneState.from_json(values) for lane, values in state["states"].items()}


def merge_states(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state of a stream that read what several streams of one order did: each lane where it was read furthest."""
    lanes: dict[int, list[int]] = {}
    for state in states:
        for lane, values in state["states"].items():
            lanes[int(lane)] = max(lanes.get(int(lane), [0]), list(values), key=itemgetter(0))
    return {**states[0], "states": lanes}


def one_pass(corpus: Corpus, budget: RowBudget, *, seed: int, lane: int = 0, lanes: int = 1) -> Iterator[Row]:
    """Every sample of a lane exactly once, as drawn in epoch 0, in a seeded order."""
    reader = Lane(corpus, budget, seed=seed, lane=lane, lanes=lanes)
    state = LaneState()
    while True:
        row, state = reader.pack(state, epochs=1)
        if not len(row.documents):
            return
        yield row


def held_out_rows(
    corpus: Corpus, budget: RowBudget, *, seed: int, rank: int = 0, world: int = 1, most: int | None = None
) -> Iterator[Row]:
    """A rank's part of one pass over a corpus, by lanes; `most`: of all rows of the pass at most, evenly by lane."""
    lanes = lane_count(len(corpus))
    for lane in range(rank, lanes, world):
        rows = one_pass(corpus, budget, seed=seed, lane=lane, lanes=lanes)
        yield from rows if most is None else islice(rows, (most + lanes - 1 - lane) // lanes)


def _of_lane(progress: Callable[[int], float], lane: int, lanes: int) -> Callable[[int], float]:
    return lambda row: progress(row * lanes + lane)
