"""How much of a run a verify decodes: everything, a chosen part, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from lstdata.build.plan_table import Plan


@dataclass(frozen=True)
class Depth:
    """Whatever is decoded, check sums, sidecars, index, plan and tables are always checked for every shard."""

    samples: int | None = None
    """How many samples are decoded; None: as `share` says."""
    share: float = 1.0
    """The part of them."""

    def __str__(self) -> str:
        return f"{self.samples} samples" if self.samples is not None else f"{self.share:g} of all"

    def decoded(self, plan: Plan) -> Iterator[int | None]:
        """For each shard, how many of its samples are decoded; None: all. Even over the run, the same every time."""
        if self.samples is None and self.share >= 1:
            yield from (None for _ in plan.shards)
            return
        records = sum(shard.records for shard in plan.shards)
        wanted = ceil(self.share * records) if self.samples is None else min(self.samples, records)
        begin = 0
        for shard in plan.shards:
            end = begin + shard.records
            yield wanted * end // records - wanted * begin // records
            begin = end


EVERYTHING = Depth()
QUICK = Depth(samples=0)
