"""Accuracies of an arm over its seeds, and by how much two arms differ, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from lstdata.errors import ConfigError
from lstdata.evaluate.results import CONVENTIONS, credits_of, read_scores
from lstdata.evaluate.statistics import Resampled, Values
from lstdata.reproduce.results import Budget, Reproduction, Run
from lstdata.storage import place

MODES: Final = {"s-s": "S→S", "t-t": "T→T", "s-t": "S→T", "t-s": "T→S"}
"""Prompt and ending: speech or text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Of an arm under a budget, as shares of 1.

    `low` and `high` are the 95 % interval of a hierarchical bootstrap: over runs, then over groups of items. With one
    run it says nothing of other seeds.
    """

    set: str
    budget: Budget
    arm: str
    mode: str
    convention: str
    items: int
    chance: float
    given_boundaries: bool
    seeds: tuple[int, ...]
    of_seeds: tuple[float, ...]
    mean: float
    std: float | None
    """Of the seeds' accuracies, over n − 1; None with one seed."""
    low: float
    high: float
    no_prompt: float | None
    """The same endings without their prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of two arms under one budget, item by item; `low` and `high` as those of an accuracy."""

    set: str
    budget: Budget
    ours: str
    theirs: str
    mode: str
    convention: str
    runs: tuple[int, int]
    mean: float
    low: float
    high: float
    above_chance: bool
    """Whether the interval of either arm's accuracy lies above chance."""

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 0, and it is more than two ways of guessing that differ."""
        return self.excludes_zero and self.above_chance


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What runs that can be compared answered to one set in one mode, by one convention."""

    set: str
    mode: str
    convention: str
    runs: tuple[Run, ...]
    items: int
    chance: float
    drawn: Resampled
    controls: tuple[float | None, ...]
    """Accuracies of the runs without prompts."""

    def accuracy(self, budget: Budget, arm: str, runs: Sequence[Run]) -> Accuracy | None:
        """Of an arm's runs; None where one of them was not asked."""
        at = self._at(runs)
        if not at:
            return None
        by, means = self.drawn.mean(at), self.drawn.means[at]
        controls = [control for control in (self.controls[n] for n in at) if control is not None]
        return Accuracy(
            set=self.set,
            budget=budget,
            arm=arm,
            mode=self.mode,
            convention=self.convention,
            items=self.items,
            chance=self.chance,
            given_boundaries=runs[0].given_boundaries,
            seeds=tuple(run.seed for run in runs),
            of_seeds=tuple(means.tolist()),
            mean=by.mean,
            std=float(means.std(ddof=1)) if len(at) > 1 else None,
            low=by.low,
            high=by.high,
            no_prompt=float(np.mean(controls)) if controls else None,
        )

    def difference(
        self, budget: Budget, arms: tuple[str, str], ours: Sequence[Run], theirs: Sequence[Run]
    ) -> Difference | None:
        """None where a run was not asked, or is not one of these."""
        sides = self._at(ours), self._at(theirs)
        if not all(sides):
            return None
        by = self.drawn.difference(*sides)
        return Difference(
            set=self.set,
            budget=budget,
            ours=arms[0],
            theirs=arms[1],
            mode=self.mode,
            convention=self.convention,
            runs=(len(ours), len(theirs)),
            mean=by.mean,
            low=by.low,
            high=by.high,
            above_chance=any(self.drawn.mean(side).low > self.chance for side in sides),
        )

    def _at(self, runs: Sequence[Run]) -> list[int]:
        """Their places; none where one is missing."""
        places = {run.folder: place for place, run in enumerate(self.runs)}
        found = [places.get(run.folder) for run in runs]
        return [] if None in found else [place for place in found if place is not None]


def read_answers(found: Reproduction, set_name: str) -> Iterator[Answers]:
    """In every mode and convention, apart for runs that were told word boundaries: they may have been asked less.

    ConfigError where two runs that can be compared were asked different items.
    """
    runs = [run for run in found.runs if run.state == "done" and set_name in run.tables]
    rows = [read_scores(place(run.tables[set_name])) for run in runs]
    for mode, given in product(MODES, (False, True)):
        of_mode = [[row for row in of_run if row["mode"] == mode] for of_run in rows]
        alike = [(run, of_run) for run, of_run in zip(runs, of_mode, strict=True) if run.given_boundaries == given]
        asked = [(run, of_run) for run, of_run in alike if of_run]
        if asked:
            yield from (_answers(set_name, mode, convention, asked) for convention in CONVENTIONS)


def _answers(
    set_name: str, mode: str, convention: str, asked: Sequence[tuple[Run, Sequence[Mapping[str, Any]]]]
) -> Answers:
    credits = [credits_of(rows, convention) for _, rows in asked]
    items, groups, _ = credits[0]
    for (run, _), (other, _, _) in zip(asked, credits, strict=True):
        if other != items:
            raise ConfigError(
                f"All runs must be asked the same items of {set_name} {mode}, but `{asked[0][0].folder}` and "
                f"`{run.folder}` were not: `lstdata evaluate` them again."
            )
    endings = Counter(row["item"] for row in asked[0][1])
    return Answers(
        set_name,
        mode,
        convention,
        tuple(run for run, _ in asked),
        len(items),
        float(np.mean([1 / number for number in endings.values()])),
        Resampled.draw(np.stack([credit for _, _, credit in credits]), groups),
        tuple(_control(rows, convention) for _, rows in asked),
    )


def _control(rows: Sequence[Mapping[str, Any]], convention: str) -> float | None:
    """The accuracy without prompts; None where items have none."""
    if any(row["nll_without_prompt"] is None for row in rows):
        return None
    credit: Values = credits_of([{**row, "nll": row["nll_without_prompt"]} for row in rows], convention)[2]
    return float(credit.mean())
