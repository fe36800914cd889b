"""How many records may fail, judged while a build goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from upath import UPath

from lstdata.build.finish import plan_letters
from lstdata.build.plan_table import Plan
from lstdata.build.standing import Standing
from lstdata.errors import IncompleteBuild
from lstdata.filters import REASONS as FILTER_REASONS

LEAST_JUDGED: Final = 100
"""Records before which nothing is said of a rate."""

_TOP: Final = 3


@dataclass
class RejectBudget:
    """Of the records that shards held so far, those that no filter left out, and how many of them failed and why."""

    limit: float
    """`run.max_reject_rate`."""
    wanted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Of those that failed."""

    @classmethod
    def of(cls, limit: float, standing: Standing) -> Self:
        """With all complete shards but the doubtful ones: these are judged when they have been tried again."""
        budget = cls(limit)
        doubtful = {found.shard.name for found in standing.doubtful}
        letters = {found.shard.name: found.letters for found in standing.with_letters}
        for shard in standing.complete:
            if shard.name not in doubtful:
                budget.add(shard.records, Counter(letter.reason for letter in letters.get(shard.name, ())))
        return budget

    def add(self, records: int, reasons: Mapping[str, int]) -> None:
        """A shard: `reasons` counts all of its dead letters."""
        self.wanted += records
        for reason, count in reasons.items():
            if reason in FILTER_REASONS:
                self.wanted -= count
            else:
                self.reasons[reason] += count

    @property
    def rate(self) -> float:
        return self.reasons.total() / self.wanted if self.wanted else 0.0

    def breach(self, out: UPath) -> str | None:
        """One line on why the build stops and how it may go on; None while it need not."""
        if self.wanted < LEAST_JUDGED or self.rate <= self.limit:
            return None
        return (
            f"{self.rate:.1%} of the first {self.wanted} records failed ({_top(self.reasons)}), more than "
            f"`run.max_reject_rate` {self.limit:.1%} allows. Go on with a higher `--max-reject-rate`, or repair them "
            f"and run `lstdata retry {out}`."
        )


def refuse_plan(plan: Plan, out: UPath, limit: float) -> None:
    """IncompleteBuild where planning alone has rejected more than may fail, however the rest fares."""
    if plan.records < LEAST_JUDGED or plan.rejected <= limit * plan.records:
        return
    reasons = Counter(letter.reason for letter in plan_letters(out / "plan.parquet"))
    raise IncompleteBuild(
        f"{plan.rejected / plan.records:.1%} of the {plan.records} records were rejected while planning "
        f"({_top(reasons)}), more than `run.max_reject_rate` {limit:.1%} allows. Build the rest with a higher "
        "`--max-reject-rate`, or repair the source and run again."
    )


def _top(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common(_TOP))
