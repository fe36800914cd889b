"""Why records were left out, and what to do about each reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from upath import UPath

from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.report.advice import advice_for
from lstdata.report.reading import iter_batches

EXAMPLES: Final = 3
"""Dead letters shown for each reason."""

_LONGEST: Final = 2000
"""Characters that are kept of an example's message."""

MOST_REASONS: Final = 1000
"""Stages and reasons that are told apart; there are some fifty."""


@dataclass
class Reason:
    """Dead letters of one stage and reason code; environmental ones apart."""

    stage: str
    reason: str
    environmental: bool = False
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    """(id, message) of the first few."""

    @property
    def kind(self) -> str:
        """`filtered`: left out on purpose; `environmental`: the next run tries them again; else `failed`."""
        if self.environmental:
            return "environmental"
        return "filtered" if self.reason in FILTER_REASONS else "failed"

    @property
    def advice(self) -> str:
        return advice_for(self.reason)

    def to_json(self) -> dict[str, Any]:
        examples = [{"id": id, "message": message} for id, message in self.examples]
        named = {"stage": self.stage, "reason": self.reason, "kind": self.kind, "count": self.count}
        return named | {"advice": self.advice, "examples": examples}


def read_reasons(path: UPath) -> list[Reason]:
    """The most frequent first."""
    reasons: dict[tuple[str, str, bool], Reason] = {}
    for batch in iter_batches(path, ["id", "stage", "reason", "message", "environmental"]):
        for id, stage, code, message, environmental in zip(*batch.values(), strict=True):
            key = (stage, code, bool(environmental))
            if key not in reasons and len(reasons) >= MOST_REASONS:
                key = ("any", "others", bool(environmental))
            reason = reasons.setdefault(key, Reason(*key))
            reason.count += 1
            if len(reason.examples) < EXAMPLES:
                reason.examples.append((id, (message or "")[:_LONGEST]))
    return sorted(reasons.values(), key=lambda r: (-r.count, r.stage, r.reason, r.environmental))
