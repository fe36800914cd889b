"""All that is computed of a reproduction's results before anything is written: accuracies, differences, savings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean
from typing import Final

from lstdata.reproduce.results import BASE, Budget, Reproduction
from lstdata.reproduce.scores import Accuracy, Answers, Difference, read_answers

STATIC: Final = "static-4"
"""The arm that other ways of patching are compared with."""

_ORDERS: Final = ("mixed", "curriculum", "aligned", "aligned-merged", "static-6", "static-9", "unit-bpe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures of all evaluation sets, budgets, arms, modes and conventions."""

    accuracies: tuple[Accuracy, ...]
    differences: tuple[Difference, ...]
    like: str
    """The arm whose raw tokens the baseline of the second budget has read."""
    saved: Mapping[str, float]
    """By arm: 1 − positions / raw tokens in training, a mean over seeds."""

    def difference(
        self, set_name: str, budget: Budget, ours: str, theirs: str, mode: str, convention: str
    ) -> Difference | None:
        wanted = (set_name, budget, ours, theirs, mode, convention)
        for by in self.differences:
            if (by.set, by.budget, by.ours, by.theirs, by.mode, by.convention) == wanted:
                return by
        return None


def measure(found: Reproduction) -> Measured:
    """ConfigError where runs that are to be compared were asked different items."""
    answers = [one for name in found.sets for one in read_answers(found, name)]
    budgets: list[Budget] = ["compute", "data"] if found.has_second_budget else ["compute"]
    return Measured(
        accuracies=tuple(one for budget in budgets for one in _accuracies(found, budget, answers)),
        differences=tuple(by for budget in budgets for each in answers for by in _differences(found, budget, each)),
        like=found.like,
        saved=dict(_saved(found)),
    )


def _accuracies(found: Reproduction, budget: Budget, answers: Sequence[Answers]) -> Iterator[Accuracy]:
    """Arm by arm."""
    for arm, each in product(found.arms, answers):
        one = each.accuracy(budget, arm, found.of(budget, arm))
        if one is not None:
            yield one


def _differences(found: Reproduction, budget: Budget, answers: Answers) -> Iterator[Difference]:
    pairs = [(arm, BASE) for arm in found.arms if arm != BASE]
    if budget == "compute":
        pairs += [(arm, STATIC) for arm in _ORDERS if arm in found.arms]
    for arms in pairs:
        by = answers.difference(budget, arms, *(found.of(budget, arm) for arm in arms))
        if by is not None:
            yield by


def _saved(found: Reproduction) -> Iterator[tuple[str, float]]:
    for arm in found.arms:
        shares = [run.training.saved_positions for run in found.of("compute", arm) if run.training is not None]
        known = [share for share in shares if share is not None]
        if known:
            yield arm, mean(known)
