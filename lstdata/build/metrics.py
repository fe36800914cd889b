"""What Ray's own metrics say of shards, from the tasks that build them: Prometheus reads it on every node."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstdata.build.task import ShardResult


def observe(result: ShardResult) -> None:
    """Count a built shard, in a task of Ray's; nothing anywhere else."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return
    counters = _counters()
    counters["shards"].inc(1)
    if result.seconds:  # a counter of Ray's refuses to count nothing
        counters["seconds"].inc(result.seconds)
    for reason, count in result.reasons.items():
        counters["rejected"].inc(count, {"reason": reason})
    for stage, seconds in result.stage_seconds.items():
        if seconds:
            counters["stages"].inc(seconds, {"stage": stage})


@lru_cache(maxsize=1)
def _counters() -> dict[str, Any]:
    from ray.util.metrics import Counter

    return {
        "shards": Counter("lstdata_shards_built", "Shards that were built and committed."),
        "seconds": Counter("lstdata_audio_seconds", "Seconds of audio in them."),
        "rejected": Counter("lstdata_records_rejected", "Records that became dead letters.", ("reason",)),
        "stages": Counter("lstdata_stage_seconds", "Seconds of workers in each stage.", ("stage",)),
    }
