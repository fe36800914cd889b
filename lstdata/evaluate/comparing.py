"""Two models, or several seeds of each, on the same items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstdata.errors import ConfigError
from lstdata.evaluate.results import credits_of, read_scores
from lstdata.evaluate.statistics import difference
from lstdata.storage import place


def compare(ours: Sequence[str], theirs: Sequence[str], convention: str, *, seed: int = 0) -> list[dict[str, Any]]:
    """Of every task and mode that all files hold: both accuracies, and their difference with its interval.

    ConfigError where files hold no task and mode in common, or not the same items of one, or where one was scored under
    boundaries that the other did not know.
    """
    sides = [[_by_mode(path) for path in paths] for paths in (ours, theirs)]
    common = set.intersection(*(set(run) for side in sides for run in side))
    if not common:
        raise ConfigError("The files have no task and mode in common.")
    found = []
    for task, mode in sorted(common):
        credits = [[credits_of(run[task, mode], convention) for run in side] for side in sides]
        items, groups, _ = credits[0][0]
        given = {row["given_boundaries"] for side in sides for run in side for row in run[task, mode]}
        if any(other != items for side in credits for other, _, _ in side):
            raise ConfigError(f"The files must have the same items of {task} {mode}, but have not.")
        if len(given) > 1:
            raise ConfigError(
                f"{task} {mode}: one side was scored with word boundaries given, the other without: not comparable."
            )
        values = [np.stack([credit for _, _, credit in side]) for side in credits]
        by = difference(values[0], values[1], groups, seed=seed)
        found.append(
            {
                "task": task,
                "mode": mode,
                "items": len(items),
                "runs": [len(side) for side in values],
                "ours": float(values[0].mean()),
                "theirs": float(values[1].mean()),
                "difference": by.mean,
                "low": by.low,
                "high": by.high,
            }
        )
    return found


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line per task and mode."""
    return "\n".join(difference_lines({f"{row['task']} {row['mode']}": row for row in found}))


def difference_lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A head, and a line for each name and the shares of both sides."""
    yield f"{'':<32}{'items':>7}{'ours':>8}{'theirs':>8}{'difference':>12}  95 % interval"
    for name, row in rows.items():
        yield (
            f"{name:<32}{row['items']:>7}{row['ours']:>8.1%}{row['theirs']:>8.1%}"
            f"{100 * row['difference']:>+12.1f}  {100 * row['low']:+.1f} … {100 * row['high']:+.1f}"
        )


def _by_mode(path: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in read_scores(place(path).with_suffix(".parquet")):
        rows[row["task"], row["mode"]].append(row)
    return rows
