"""What a plan tells of its build before any audio is decoded, read from whole columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from lstdata.align import chosen_aligner
from lstdata.build.plan_table import UNKNOWN_SECONDS, Plan
from lstdata.config import WordsConfig


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


def foresee(plan_path: UPath, words: WordsConfig) -> Outlook:
    """One pass over the plan, a row group at a time."""
    unknown = silent = 0
    reasons: Counter[str] = Counter()
    needed = words.missing == "skip" and chosen_aligner(words) not in ("none", "files")
    with pq.ParquetFile(plan_path) as file:
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, columns=["shard", "duration", "reason"])
            if part["shard"].null_count:
                for counted in part["reason"].value_counts().to_pylist():
                    reasons[counted["values"] or "rejected"] += counted["counts"]
                continue
            unknown += part["duration"].null_count
            silent += _without_transcript(file, group) if needed else 0
    expected = {"missing_transcript": silent} if silent else {}
    return Outlook(unknown, dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))), expected)


def outlook_text(plan: Plan, outlook: Outlook) -> list[str]:
    """Lines for a person; nothing of what is none."""
    lines = [f"split {name}: {records} records, {seconds / 3600:.2f} h" for name, (records, seconds) in plan.splits()]
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


def _without_transcript(file: pq.ParquetFile, group: int) -> int:
    """Records of a row group that have neither text nor words: the rule of `Stages.check_transcript`."""
    text = file.read_row_group(group, columns=["text"])["text"]
    blank = pc.equal(pc.utf8_trim_whitespace(pc.fill_null(text, "")), "")
    if not pc.any(blank).as_py():
        return 0
    words = file.read_row_group(group, columns=["words"])["words"]
    none = pc.equal(pc.fill_null(pc.list_value_length(words), 0), 0)
    found: int = pc.sum(pc.and_(blank, none)).as_py()
    return found
