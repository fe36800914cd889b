"""An explanation of a plan for people: tables that stay short, however many shards and ranks there are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from lstdata.build.explain import Expected, Explanation, Rank
from lstdata.build.plan_table import PlannedShard
from lstdata.build.trial_table import aligned

MOST, FIRST, LAST = 20, 8, 4
"""Lines of a table that are shown, and those at both ends where there are more."""

_RUNS = 4
"""Stretches of shards that are named for a rank."""

T = TypeVar("T")


def shard_lines(shards: Sequence[PlannedShard]) -> Iterator[str]:
    """A line for each shard, or for the first and last."""
    for shard in _ends(shards):
        if shard is None:
            yield f"… {len(shards) - FIRST - LAST:,} more …"
        else:
            amount = f"{shard.text_bytes / 1e6:8.2f} MB" if shard.text_bytes else f"{shard.seconds / 3600:8.3f} h"
            yield f"{shard.name}  {shard.records:6d} records  {amount}"


def print_explanation(found: Explanation) -> None:
    """To stdout: drawn where that is a terminal, plain lines elsewhere."""
    for title, rows in _tables(found):
        _print_table(title, rows)
    for line in _closing(found):
        print(line)


def _tables(found: Explanation) -> Iterator[tuple[str, list[list[str]]]]:
    head = ["records", "hours", "MB", "units", f"{found.strategy} positions"]
    if any(shard.text_bytes for shard in found.shards):
        head = ["records", "MB of text", "MB", "tokens"]
    shards = [_cells(e) if e else _more(len(found.shards), len(head) + 1) for e in _ends(found.shards)]
    yield f"{len(found.shards):,} shards", [["shard", *head], *shards]
    yield "splits", [["split", *head], *map(_cells, found.splits)]
    if found.ranks:
        read = [e for e in found.shards if e.split == found.training]
        head = ["lanes", "samples", "shards", "which"]
        rows = [_rank(r, read) if r else _more(len(found.ranks), len(head) + 1) for r in _ends(found.ranks)]
        yield f"what each of {len(found.ranks)} ranks reads of {found.training}", [["rank", *head], *rows]


def _closing(found: Explanation) -> Iterator[str]:
    rates = found.rates
    is_text = any(shard.text_bytes for shard in found.shards)
    by = "documents of 2.4 kB" if is_text else "utterances of English read speech"
    by = f"{rates.samples:,} samples of this build" if rates.samples else by
    yield f"sizes: as measured on {by}, if no record is rejected"
    training = next((split for split in found.splits if split.name == found.training), None)
    if training and is_text:
        yield f"an epoch: {training.positions:,} tokens, each a position of its own"
    elif training:
        yield (
            f"an epoch: {training.positions:,} positions if all is speech, fewer with text; divided by "
            "`rows.positions` × `rows.per_step`, its steps"
        )
    yield from (f"warning: {warning}" for warning in found.warnings)
    yield f"recommended: --set plan.{found.advice.option}={found.advice.value:.15g}"
    yield from (f"  {reason}" for reason in found.advice.why)


def _cells(expected: Expected) -> list[str]:
    if expected.text_bytes:
        amounts = (f"{size / 1e6:,.2f}" for size in (expected.text_bytes, expected.bytes))
        return [expected.name, f"{expected.records:,}", *amounts, f"{expected.positions:,}"]
    counts = f"{expected.records:,}", f"{expected.seconds / 3600:,.3f}", f"{expected.bytes / 1e6:,.2f}"
    return [expected.name, *counts, f"{expected.units:,}", f"{expected.positions:,}"]


def _rank(rank: Rank, read: Sequence[Expected]) -> list[str]:
    return [f"{rank.rank}", f"{rank.lanes}", f"{rank.records:,}", f"{len(rank.shards):,}", _runs(rank.shards)]


def _runs(numbers: Sequence[int]) -> str:
    """Neighbours together: `0–3, 7, 9–12 and 5 more`."""
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(numbers), 1) if b != a + 1), len(numbers)]
    runs = [(numbers[a], numbers[b - 1]) for a, b in pairwise(cuts)] if numbers else []
    said = ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in runs[:_RUNS])
    rest = sum(b - a + 1 for a, b in runs[_RUNS:])
    return f"{said} and {rest:,} more" if rest else said


def _ends(items: Sequence[T]) -> list[T | None]:
    """All, or the first and the last with None between them."""
    return [*items] if len(items) <= MOST else [*items[:FIRST], None, *items[-LAST:]]


def _more(count: int, columns: int) -> list[str]:
    return [f"… {count - FIRST - LAST:,} more …", *[""] * (columns - 1)]


def _print_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        print(f"{title}:", *aligned(rows), "", sep="\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left")
    for row in rows[1:]:
        table.add_row(*row)
    Console().print(table)
