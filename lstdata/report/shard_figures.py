"""What each shard holds, and which shards stand out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SHOWN_WHOLE: Final = 200
"""Shards in a table of all; of more, a page shows the ends of each measure."""

ENDS: Final = 3
"""Shards at each end of a measure."""


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """One row of `shards.parquet`, and the median score of its samples."""

    shard: str
    split: str
    samples: int
    rejected: int
    seconds: float
    units: int
    words: int
    text_bytes: int
    text_tokens: int
    bytes: int
    median_score: float
    """NaN where nothing was scored."""

    @property
    def records(self) -> int:
        return self.samples + self.rejected


class MedianScores:
    """Of the shards, as rows of the index stream by: rows of one shard are adjacent."""

    def __init__(self) -> None:
        self.found: dict[str, float] = {}
        self._shard: str | None = None
        self._scores: list[NDArray[np.float64]] = []

    def add_index(self, batch: Mapping[str, NDArray[Any]]) -> None:
        shards, scores = batch["shard"], batch["align_score"].astype(np.float64)
        if not len(shards):
            return
        bounds = [0, *(np.flatnonzero(shards[1:] != shards[:-1]) + 1).tolist(), len(shards)]
        for start, end in pairwise(bounds):
            if shards[start] != self._shard:
                self.close()
                self._shard = str(shards[start])
            self._scores.append(scores[start:end])

    def close(self) -> None:
        """What has come so far is whole."""
        if self._shard is not None:
            scores = np.concatenate(self._scores)
            scores = scores[np.isfinite(scores)]
            if len(scores):
                self.found[self._shard] = float(np.median(scores))
        self._shard, self._scores = None, []


def shard_figures(rows: Iterable[Mapping[str, Any]], scores: Mapping[str, float]) -> list[ShardFigures]:
    return [
        ShardFigures(
            row["shard"],
            row["split"],
            row["samples"],
            row["rejected"],
            row["seconds"],
            row["units"],
            row["words"],
            row["text_bytes"],
            row["text_tokens"],
            row["bytes"],
            scores.get(row["shard"], math.nan),
        )
        for row in rows
    ]


def outstanding(shards: Sequence[ShardFigures]) -> list[ShardFigures]:
    """Those at the ends of seconds, bytes, rejects and score, in order of name; all where they are few."""
    if len(shards) <= SHOWN_WHOLE:
        return list(shards)
    chosen: set[str] = set()
    for measure in ("seconds", "bytes", "rejected", "median_score"):
        known = [(getattr(one, measure), one.shard) for one in shards if math.isfinite(getattr(one, measure))]
        known.sort()
        least = [] if measure == "rejected" else known[:ENDS]
        chosen.update(name for value, name in [*least, *known[-ENDS:]] if measure != "rejected" or value)
    return [one for one in shards if one.shard in chosen]
