"""Two models, or several seeds of each, on the same utterances: error rates, lengths, steps and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.evaluate.comparing import difference_lines
from lstdata.evaluate.speaking.results import COSTS, read_attempts
from lstdata.evaluate.statistics import Values, difference
from lstdata.storage import exists, parquet_file, place, read_json

RATES: Final = {
    "wer": ("words", ("substitutions", "insertions", "deletions")),
    "cer": ("characters", ("character_errors",)),
}
"""Of each rate what it is relative to, and what is summed."""


@dataclass(frozen=True, eq=False)
class Result:
    """One task of one run."""

    path: UPath
    """Of the table."""
    rows: list[dict[str, Any]]
    said: dict[str, Any]
    """The figures beside the table; none where that file is gone."""

    @property
    def task(self) -> str:
        return str(self.rows[0]["task"])

    @property
    def utterances(self) -> list[tuple[str, str]]:
        return [(row["id"], row["reference_words"]) for row in self.rows]

    @property
    def heard(self) -> bool:
        """Whether there are errors to count."""
        return self.rows[0]["words"] is not None

    def column(self, name: str) -> Values:
        return np.array([row[name] for row in self.rows], dtype=np.float64)

    def errors(self, rate: str) -> Values:
        """(U,)"""
        total: Values = np.sum([self.column(name) for name in RATES[rate][1]], axis=0)
        return total

    def figures(self, side: str) -> dict[str, Any]:
        rates = {
            rate: float(self.errors(rate).sum() / self.column(of).sum())
            for rate, (of, _) in RATES.items()
            if self.heard
        }
        costs = {name: int(self.column(name).sum()) for name in COSTS}
        cut_off = sum(row["ended"] != "eos" for row in self.rows)
        known = {name: self.said.get(name) for name in ("run", "step", "patching", "seconds")}
        return {"side": side, "file": str(self.path), **known, **rates, "cut_off": cut_off, **costs}


def holds_attempts(path: str) -> bool:
    """Whether a file is a result of a task or the table beside it, as far as it can be read."""
    import pyarrow as pa

    try:
        with parquet_file(_table(path)) as file:
            return {"hypothesis", "local_steps"} <= set(file.schema_arrow.names)
    except (OSError, pa.ArrowException):
        return False


def compare_attempts(ours: Sequence[str], theirs: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """`differences` of word and character error rates with their intervals, and the `results` that they are of.

    ConfigError where files are of several tasks, not of the same utterances, or of other recognisers.
    """
    sides = [[_read(path) for path in paths] for paths in (ours, theirs)]
    all_ = [result for side in sides for result in side]
    first = all_[0]
    for other in all_[1:]:
        if other.task != first.task:
            raise ConfigError(f"The files must be of one task, but are of {first.task} and {other.task}.")
        if other.utterances != first.utterances:
            raise ConfigError(f"`{first.path}` and `{other.path}` must have the same utterances, but have not.")
        mine, his = ((one.said.get("recogniser"), one.said.get("recogniser_step")) for one in (first, other))
        if first.said and other.said and mine != his:
            raise ConfigError(f"`{first.path}` and `{other.path}` were not read back by the same recogniser.")
    differences = [_difference(sides, rate, seed) for rate in RATES] if all(one.heard for one in all_) else []
    results = [one.figures(name) for name, side in zip(("ours", "theirs"), sides, strict=True) for one in side]
    return {"differences": differences, "results": results}


def comparison_table(found: dict[str, Any]) -> str:
    """For people: a line per rate, then a line per result."""
    lines: list[str] = []
    if found["differences"]:
        lines += difference_lines({f"{row['task']} {row['rate'].upper()}": row for row in found["differences"]})
    heads = ("prompt tokens", "positions", "tokens", "global steps", "local steps", "cut off", "seconds")
    lines.append(f"{'':<32}" + "".join(f"{head:>14}" for head in heads))
    for row in found["results"]:
        name = f"{row['side']:<8}{row['patching'] or ''} {place(row['run']).name if row['run'] else ''}"
        counts = [f"{row[name]:,}" for name in (*COSTS, "cut_off")]
        seconds = "–" if row["seconds"] is None else f"{row['seconds']:,.1f}"
        lines.append(f"{name:<32}" + "".join(f"{cell:>14}" for cell in (*counts, seconds)))
    return "\n".join(lines)


def _read(path: str) -> Result:
    """Of either of the two files."""
    table = _table(path)
    beside = table.with_suffix(".json")
    return Result(table, read_attempts(table), read_json(beside) if exists(beside) else {})


def _table(path: str) -> UPath:
    return place(path).with_suffix(".parquet")


def _difference(sides: Sequence[Sequence[Result]], rate: str, seed: int) -> dict[str, Any]:
    ours, theirs = (np.stack([one.errors(rate) for one in side]) for side in sides)
    weights = sides[0][0].column(RATES[rate][0])
    by = difference(ours, theirs, range(len(weights)), weights=weights, seed=seed)
    return {
        "task": sides[0][0].task,
        "rate": rate,
        "items": len(weights),
        "runs": [len(side) for side in sides],
        "ours": float(ours.sum(axis=1).mean() / weights.sum()),
        "theirs": float(theirs.sum(axis=1).mean() / weights.sum()),
        "difference": by.mean,
        "low": by.low,
        "high": by.high,
    }
