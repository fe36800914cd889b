"""Accuracies of a set of items in one mode, and every item's scores behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.evaluate.items import Item
from lstdata.evaluate.scoring import Scores
from lstdata.evaluate.statistics import Interval, by_error, interval
from lstdata.index import write_table
from lstdata.storage import parquet_file

_COLUMNS: Final = {
    "task": "string",
    "mode": "string",
    "item": "string",
    "group": "string",
    "ending": "int32",
    "right": "bool_",
    "nll": "float64",
    "tokens": "int64",
    "nll_without_prompt": "float64",
    "given_boundaries": "bool_",
}

CONVENTIONS: Final = ("per_token", "raw")
"""What makes an ending the best: the greatest mean log-probability of its tokens, or the greatest sum."""


@dataclass(frozen=True, eq=False)
class Answered:
    """Items whose endings were scored in one mode, with the prompt and, as a control, without."""

    task: str
    mode: str
    items: Sequence[Item]
    scores: Scores
    """Of all endings, item after item."""
    control: Scores | None = None
    """Of the same endings without their prompts; None where items have none."""

    def credit(self, convention: str, *, control: bool = False) -> NDArray[np.float64]:
        """(I,) 1 where the right ending is the best, a share of 1 where it is among several equally good, else 0."""
        scores = self.control if control else self.scores
        if scores is None:
            raise ValueError(f"`{self.task}` has no prompts to leave out.")
        values = scores.nll / scores.tokens if convention == "per_token" else scores.nll
        return np.array([_credit(values[at], item.answer) for item, at in self._places()])

    def summary(self, seed: int = 0) -> dict[str, Any]:
        """Chance, and by convention the accuracy with its 95 % interval and the control's."""
        groups = [item.group for item in self.items]
        chance = float(np.mean([item.chance for item in self.items]))
        accuracies = {
            convention: {"accuracy": _rounded(interval(self.credit(convention), groups, seed=seed))}
            | (
                {}
                if self.control is None
                else {"no_prompt": _rounded(interval(self.credit(convention, control=True), groups, seed=seed))}
            )
            for convention in CONVENTIONS
        }
        head = {"task": self.task, "mode": self.mode, "items": len(self.items), "chance": chance}
        by = self.by()
        return {**head, **accuracies, **({"by": by} if by else {})}

    def by(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By division and kind the accuracies of its items: means over pairs, each the mean of its items.

        Intervals are by the standard error: there may be a hundred kinds.
        """
        members: dict[str, dict[str, list[int]]] = {}
        for number, item in enumerate(self.items):
            for division, kind in item.by:
                members.setdefault(division, {}).setdefault(kind, []).append(number)
        credits = {convention: self.credit(convention) for convention in CONVENTIONS}
        return {
            division: {kind: self._of_kind(kinds[kind], credits) for kind in sorted(kinds, key=_natural)}
            for division, kinds in members.items()
        }

    def _of_kind(self, numbers: list[int], credits: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
        groups = [self.items[number].group for number in numbers]
        names, pair, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        means = {name: np.bincount(pair, weights=credit[numbers]) / sizes for name, credit in credits.items()}
        found = {name: _rounded(by_error(mean)) for name, mean in means.items()}
        return {"items": len(numbers), "pairs": len(names), **found}

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row per ending, for a table."""
        for item, at in self._places():
            for ending, place in enumerate(range(at.start, at.stop)):
                alone = None if self.control is None else float(self.control.nll[place])
                yield {
                    "task": self.task,
                    "mode": self.mode,
                    "item": item.id,
                    "group": item.group,
                    "ending": ending,
                    "right": ending == item.answer,
                    "nll": float(self.scores.nll[place]),
                    "tokens": int(self.scores.tokens[place]),
                    "nll_without_prompt": alone,
                }

    def _places(self) -> Iterator[tuple[Item, slice]]:
        first = 0
        for item in self.items:
            yield item, slice(first, first + len(item.endings))
            first += len(item.endings)


def write_scores(path: UPath, answered: Sequence[Answered], *, given_boundaries: bool) -> None:
    """A Parquet table with one row per ending; `given_boundaries`: whether word times, also of endings, were known."""
    import pyarrow as pa

    rows = [{**row, "given_boundaries": given_boundaries} for one in answered for row in one.rows()]
    write_table(path, rows, pa.schema([(name, getattr(pa, kind)()) for name, kind in _COLUMNS.items()]))


def read_scores(path: UPath) -> list[dict[str, Any]]:
    """The rows again; ConfigError where the file is no such table."""
    return read_rows(path, _COLUMNS)


def read_rows(path: UPath, columns: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of a table of ours that has these columns; ConfigError where it is none."""
    import pyarrow as pa

    try:
        with parquet_file(path) as file:
            table = file.read()
    except FileNotFoundError as error:
        raise ConfigError(f"There is no `{path}`: it must be a table of `lstdata evaluate`.") from error
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(
            f"`{path}` must be a table of `lstdata evaluate`, but cannot be read: {str(error).rstrip('.')}."
        ) from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ConfigError(f"`{path}` must be a table of `lstdata evaluate`, but lacks {', '.join(missing)}.")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def credits_of(rows: Sequence[Mapping[str, Any]], convention: str) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Items, groups and credit again from the rows of one task and mode."""
    values: dict[str, list[float]] = {}
    answers: dict[str, int] = {}
    groups: dict[str, str] = {}
    for row in rows:
        nll = row["nll"] / row["tokens"] if convention == "per_token" else row["nll"]
        values.setdefault(row["item"], []).append(nll)
        groups[row["item"]] = row["group"]
        if row["right"]:
            answers[row["item"]] = row["ending"]
    credit = np.array([_credit(np.array(nll), answers[item]) for item, nll in values.items()])
    return list(values), [groups[item] for item in values], credit


def _credit(values: NDArray[np.float64], answer: int) -> float:
    best = values == values.min()
    return float(best[answer] / best.sum())


def _natural(name: str) -> list[str | int]:
    """The order of names in which numbers are numbers: 5-19, 20-99, oov."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _rounded(value: Interval) -> dict[str, float]:
    return {"mean": round(value.mean, 6), "low": round(value.low, 6), "high": round(value.high, 6)}
