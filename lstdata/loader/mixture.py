"""Rows of several sources as one stream: each source packs its own, and a schedule says whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstdata.errors import ConfigError
from lstdata.loader.corpus import Corpus
from lstdata.loader.rows import RowStream, merge_states
from lstdata.loader.schedule import Schedule
from lstdata.packing import Row, RowBudget


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """One corpus of a mixture."""

    name: str
    corpus: Corpus
    share: float
    """Of all raw tokens, beside the shares of the others."""
    tokens_per_row: float
    """That are expected in a row of it."""
    lanes: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row comes from."""

    source: int
    lane: int
    number: int
    """Among the rows of the source."""


class Mixture:
    """Rows by their global number, without end: the same whatever was read before, and whoever reads."""

    def __init__(
        self, sources: Sequence[Source], budget: RowBudget, *, seed: int, per_step: int, rows: int | None = None
    ) -> None:
        """`rows` is the length of training, over which curricula change; without it they stay at their beginning."""
        self.budget = budget
        self.schedule = Schedule([s.share for s in sources], [s.tokens_per_row for s in sources], per_step)
        self._rows = rows
        self._seed = seed
        self.streams = tuple(
            RowStream(s.corpus, budget, seed=seed, lanes=s.lanes, progress=self._progress_of(number))
            for number, s in enumerate(sources)
        )
        self.names = tuple(s.name for s in sources)
        self.tokens = [0] * len(sources)
        """Raw tokens of each source that all processes have read: whoever reads rows adds them."""

    def place(self, row: int) -> Place:
        source, number = self.schedule.place(row)
        return Place(source, number % self.streams[source].lanes, number)

    def rows_of_step(self, step: int, rank: int = 0, world: int = 1) -> list[int]:
        """A rank's rows of a step, those ≡ rank mod world, such that the rows of each source come in their order."""
        first = step * self.schedule.per_step
        rows = range(first + rank, first + self.schedule.per_step, world)
        return sorted(rows, key=lambda row: self.schedule.place(row)[1])

    def row(self, number: int) -> Row:
        """Row `number`; cheap in the order of `rows_of_step`, from the start of its lane otherwise."""
        place = self.place(number)
        return self.streams[place.source].row(place.number)

    def figures(self) -> dict[str, float]:
        """Times that the samples were drawn; of several sources those of each, and its measured share of raw tokens."""
        if len(self.streams) == 1:
            return {"epochs": self.streams[0].epochs}
        epochs = {f"epochs_{name}": stream.epochs for name, stream in zip(self.names, self.streams, strict=True)}
        read = max(1, sum(self.tokens))
        return epochs | {f"share_{name}": n / read for name, n in zip(self.names, self.tokens, strict=True)}

    def state(self) -> dict[str, Any]:
        """Integers: what was read, and where each lane stands of which it was."""
        return {
            "per_step": self.schedule.per_step,
            "tokens": list(self.tokens),
            "streams": [stream.state() for stream in self.streams],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state; ConfigError where it is of another order of rows."""
        for name, now, then in (
            ("rows.per_step", self.schedule.per_step, state["per_step"]),
            ("data", len(self.streams), len(state["streams"])),
        ):
            if now != then:
                raise ConfigError(f"The checkpoint was made with `{name}` {then}, but now it is {now}.")
        for stream, of_stream in zip(self.streams, state["streams"], strict=True):
            stream.restore(of_stream)
        self.tokens = [int(tokens) for tokens in state["tokens"]]

    def _progress_of(self, source: int) -> Any:
        """The share of training that is over at a row of a source."""

        def progress(number: int) -> float:
            return 0.0 if self._rows is None else min(1.0, self.schedule.row(source, number) / self._rows)

        return progress


def merged_mixtures(states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The states of all ranks after the same step as one, for any number of ranks to go on from."""
    streams = zip(*(state["streams"] for state in states), strict=True)
    return {**states[0], "streams": [merge_states(of_ranks) for of_ranks in streams]}
