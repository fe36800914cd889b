"""Finished runs as one source: their samples one run after another, or those of them that rules choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lstdata.config import SelectConfig, SourceConfig
from lstdata.errors import ConfigError
from lstdata.records import Coded, Mask, TextDocument, UnitInventory
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.choosing import Left, choose
from lstdata.sources.runs import RunSource, open_one
from lstdata.storage import absolute

if TYPE_CHECKING:
    from lstdata.sources.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Selection:
    """Several runs, or one of which not all is taken.

    Where there are several, the path in a locator begins with the number of the run. Dead letters follow the samples of
    their run, unless a rule leaves something out: of what was not chosen there are none.
    """

    runs: tuple[RunSource, ...]
    select: SelectConfig
    kind: str = "run"

    @property
    def root(self) -> str:
        return self.runs[0].root

    def scan(self) -> Iterator[SourceRow]:
        for run in self.runs:
            run.check_tables()
        chosen = self.choose()[0] if self.select.leaves_out else [None for _ in self.runs]
        for number, (run, mask) in enumerate(zip(self.runs, chosen, strict=True)):
            rows = [run.samples(mask)] if self.select.leaves_out else [run.samples(), run.letters()]
            for row in (row for some in rows for row in some):
                yield self._of(number, row)

    def open(self, locator: Locator) -> Coded | TextDocument:
        if len(self.runs) == 1:
            return self.runs[0].open(locator)
        number, _, path = locator.path.partition("/")
        return self.runs[int(number)].open(replace(locator, path=path))

    def inventory(self) -> UnitInventory:
        """Of the first run: the others have the same vocab card."""
        kept = {run.audio for run in self.runs}
        return replace(self.runs[0].inventory(), audio=kept.pop() if len(kept) == 1 else None)

    def candidates(self) -> tuple[Candidates, list[int]]:
        """The numbers by which rules choose, read from the indices, and how many samples each run has."""
        from lstdata.sources.candidates import Reading

        reading = Reading(self.select)
        counts = [reading.read(run, prefix) for run, prefix in zip(self.runs, self._prefixes, strict=True)]
        return reading.candidates(), counts

    def choose(self) -> tuple[list[Mask], list[Left]]:
        """(which samples of each run's index are taken, what each rule has left); ConfigError where none is."""
        candidates, counts = self.candidates()
        chosen, said = choose(candidates, self.select)
        if not chosen.any():
            empty = next(left.rule for left in said if not left.samples)
            raise ConfigError(f"`source.select` leaves nothing of `{self.root}`: no sample is left after {empty}.")
        return np.split(chosen, np.cumsum(counts)[:-1]), said

    @property
    def _prefixes(self) -> tuple[str, ...]:
        return self.select.prefixes or ("",) * len(self.runs)

    def _of(self, number: int, row: SourceRow) -> SourceRow:
        """A row of a run as one of the selection."""
        if len(self.runs) > 1 and row.reject is None:
            row = replace(row, locator=replace(row.locator, path=f"{number}/{row.locator.path}"))
        prefix = self._prefixes[number]
        return replace(row, id=prefix + row.id) if prefix else row


def open_run(path: str, config: SourceConfig) -> RunSource | Selection | None:
    """The run in a folder, with those that go with it; ConfigError where their vocabularies differ."""
    first = open_one(path, config)
    if first is None or config.select == SelectConfig():
        return first
    more = [_further(absolute(other), config, first) for other in config.select.runs]
    return Selection((first, *more), config.select)


def _further(path: str, config: SourceConfig, first: RunSource) -> RunSource:
    run = open_one(path, config)
    if run is None:
        raise ConfigError(f"`{path}` is no run folder: it has no run.json with a plan.")
    mine, its = first.card(), run.card()
    for name in ("codebook_sha256", "units", "hop", "sample_rate"):
        here, there = getattr(mine, name), getattr(its, name)
        if here != there:
            raise ConfigError(
                f"`{path}` has other units than `{first.root}`: `{name}` is {there} there, but {here} here."
            )
    return run
