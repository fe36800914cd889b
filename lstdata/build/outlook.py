"""What a plan tells of its build before any audio is decoded, read from whole columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from lstdata.align import chosen_aligner
from lstdata.build.plan_table import UNKNOWN_SECONDS, Plan, read_plan, read_shard, rejected_tables
from lstdata.config import WordsConfig

if TYPE_CHECKING:
    from lstdata.storage import AnyPath


@dataclass(frozen=True, slots=True)
class Outlook:
    """Records by what will become of them."""

    unknown_lengths: int
    """Planned records whose source gives no duration."""
    source_rejects: dict[str, int]
    """Rejected while planning, by reason, most first."""
    expected_rejects: dict[str, int]
    """Planned records that a build will reject before it decodes them, by reason."""

    def to_json(self) -> dict[str, Any]:
        return {
            "unknown_lengths": self.unknown_lengths,
            "source_rejects": self.source_rejects,
            "expected_rejects": self.expected_rejects,
        }


def foresee(plan_path: AnyPath, words: WordsConfig) -> Outlook:
    """From the plan's own summary, the rejected rows and, where a transcript is needed, each row's text."""
    plan = read_plan(plan_path)
    reasons: Counter[str] = Counter()
    for rows in rejected_tables(plan_path, ("reason",)):
        for counted in rows["reason"].value_counts().to_pylist():
            reasons[counted["values"] or "rejected"] += counted["counts"]
    needed = not plan.text_bytes and words.missing == "skip" and chosen_aligner(words) not in ("none", "files")
    silent = sum(_without_transcript(plan_path, shard.number) for shard in plan.shards) if needed else 0
    expected = {"missing_transcript": silent} if silent else {}
    by_count = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return Outlook(sum(shard.unknown_lengths for shard in plan.shards), by_count, expected)


def outlook_text(plan: Plan, outlook: Outlook) -> list[str]:
    """Lines for a person; nothing of what is none."""
    lines = [f"split {name}: {records} records, {plan.amount(size)}" for name, (records, size) in plan.splits()]
    lines += source_rejects_text(outlook)
    lines += [f"will be rejected undecoded: {reason} {count}" for reason, count in outlook.expected_rejects.items()]
    if outlook.unknown_lengths:
        guess = (
            f"{outlook.unknown_lengths} of {plan.records - plan.rejected} records, taken for {UNKNOWN_SECONDS:g} s each"
        )
        lines.append(f"length not known: {guess}; the hours are a guess")
    return lines


def source_rejects_text(outlook: Outlook) -> list[str]:
    return [f"rejected by the source: {reason} {count}" for reason, count in outlook.source_rejects.items()]


def _without_transcript(plan_path: AnyPath, number: int) -> int:
    """Records of a shard that have neither text nor words: the rule of `Stages.check_transcript`."""
    text = read_shard(plan_path, number, ("text",))["text"]
    blank = pc.equal(pc.utf8_trim_whitespace(pc.fill_null(text, "")), "")
    if not pc.any(blank).as_py():
        return 0
    words = read_shard(plan_path, number, ("words",))["words"]
    none = pc.equal(pc.fill_null(pc.list_value_length(words), 0), 0)
    found: int = pc.sum(pc.and_(blank, none)).as_py()
    return found
