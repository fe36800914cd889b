"""The finished runs that a run was made of, and what it took of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from upath import UPath

from lstdata.report.reading import iter_batches


@dataclass
class Origin:
    """One of the `parents` in `run.json`."""

    name: str
    """Of its folder."""
    samples: int
    """That it holds."""
    seconds: float
    taken: int = 0
    """Of its samples, by the plan."""
    seconds_taken: float = 0.0


def read_origins(run: Mapping[str, Any], plan: UPath) -> list[Origin]:
    """None where the run was made of a corpus. Of several runs, the path in a plan's row begins with the number."""
    origins = [
        Origin(str(parent["path"]).rstrip("/").rpartition("/")[2], parent["written"], parent["seconds"])
        for parent in run.get("parents") or []
    ]
    if not origins:
        return []
    for batch in iter_batches(plan, ["path", "shard", "duration"]):
        planned = np.array([shard is not None for shard in batch["shard"]], dtype=np.bool_)
        several = len(origins) > 1
        numbers = [int(path.partition("/")[0]) if several else 0 for path in batch["path"][planned]]
        lengths = np.nan_to_num(batch["duration"].astype(np.float64)[planned])
        counts = np.bincount(numbers, minlength=len(origins))
        sums = np.bincount(numbers, weights=lengths, minlength=len(origins))
        for origin, count, seconds in zip(origins, counts.tolist(), sums.tolist(), strict=True):
            origin.taken += count
            origin.seconds_taken += seconds
    return origins
