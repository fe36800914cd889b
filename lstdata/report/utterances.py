"""The three utterances a report draws: chosen by rule."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from upath import UPath

from lstdata.inspection.finding import Place
from lstdata.report.distribution import Distribution
from lstdata.report.reading import iter_batches

QUANTILES = (0.2, 0.5, 0.8)
"""Of the durations of the utterances that may be drawn."""

LONGEST = 30.0
"""Seconds of the longest utterance that may be drawn, so that a report stays some hundred kilobytes."""


def choose_utterances(out: UPath) -> list[Place]:
    """Up to three utterances of at most 30 s, with word times if any have them, at quantiles of duration."""
    timed = any(_eligible(batch, True).any() for batch in _rows(out))
    durations = Distribution(0.01)
    for batch in _rows(out):
        durations.add(batch["seconds"][_eligible(batch, timed)])
    chosen: list[Place] = []
    for quantile in QUANTILES if durations.count else ():
        nearest = _nearest(out, durations.quantile(quantile), timed, {place.key for place in chosen})
        if nearest is not None:
            chosen.append(nearest)
    return chosen


def _rows(out: UPath) -> Iterator[dict[str, Any]]:
    for batch in iter_batches(out / "index.parquet", [*Place.COLUMNS, "seconds", "words"]):
        batch["words"] = np.nan_to_num(batch["words"].astype(np.float64))
        yield batch


def _eligible(batch: dict[str, Any], timed: bool) -> Any:
    return (batch["seconds"] > 0) & (batch["seconds"] <= LONGEST) & ((batch["words"] > 0) | (not timed))


def _nearest(out: UPath, seconds: float, timed: bool, taken: Collection[str]) -> Place | None:
    """The utterance whose duration is nearest; of equals, the one whose key comes first."""
    best: tuple[float, str, Place] | None = None
    for batch in _rows(out):
        open_to_choice = _eligible(batch, timed) & ~np.isin(batch["key"].astype(str), list(taken))
        distances = np.where(open_to_choice, np.abs(batch["seconds"] - seconds), math.inf)
        nearest = float(distances.min(initial=math.inf))
        if math.isfinite(nearest):
            at = min(np.flatnonzero(distances == nearest), key=lambda row: str(batch["key"][row]))
            place = Place.of({name: batch[name][at] for name in Place.COLUMNS})
            if best is None or (nearest, place.key) < best[:2]:
                best = nearest, place.key, place
    return None if best is None else best[2]
