"""The same build without a runner: `peers.py plain|ray-data OPTIONS SOURCE OUT`, with those of `build-shards`.

All but the building of shards is lstdata's: planning before, the tables of the whole run after.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import lstdata.build
from lstdata.build.events import EventLog
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.build.shard import ShardBuilder
from lstdata.build.spec import BuildSpec
from lstdata.build.task import ShardResult, ShardTask
from lstdata.cli import main as lstdata_main
from lstdata.workers import deadline
from lstdata.workers.worker import Worker

ACTORS = 2


def build_by(peer: str) -> None:
    make = {"plain": plain_loop, "ray-data": ray_data}[peer]

    def build_pending(spec: BuildSpec, plan: Plan, run: object, listener: object, events: EventLog, *_: object) -> None:
        events.write("started")
        for result in make(spec, plan.shards):
            events.write("built", **asdict(result))

    lstdata.build.build_pending = build_pending  # type: ignore[attr-defined,assignment]


def plain_loop(spec: BuildSpec, shards: tuple[PlannedShard, ...]) -> Iterator[ShardResult]:
    """One shard after another, in this process, as a worker would."""
    deadline.claim()
    worker = Worker[ShardTask, ShardResult](partial(ShardBuilder, spec))
    for shard in shards:
        yield _built(worker.do(ShardTask(shard)))


def ray_data(spec: BuildSpec, shards: tuple[PlannedShard, ...]) -> Iterator[ShardResult]:
    """A block per shard, through actors that load once."""
    import ray

    ray.init("local", num_cpus=ACTORS, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    numbers = ray.data.from_items([shard.number for shard in shards], override_num_blocks=len(shards))
    pool = ray.data.ActorPoolStrategy(size=ACTORS)
    built = numbers.map_batches(Builder, fn_constructor_args=(spec, shards), batch_size=None, compute=pool, num_cpus=1)
    for row in built.iter_rows():
        yield row["result"]


class Builder:
    """What its actors are."""

    def __init__(self, spec: BuildSpec, shards: tuple[PlannedShard, ...]) -> None:
        deadline.claim()
        self._worker = Worker[ShardTask, ShardResult](partial(ShardBuilder, spec))
        self._shards = shards

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"result": [_built(self._worker.do(ShardTask(self._shards[n]))) for n in batch["item"]]}


def _built(outcome: object) -> ShardResult:
    if not isinstance(outcome, ShardResult):
        raise RuntimeError(str(outcome))
    return outcome


if __name__ == "__main__":
    build_by(sys.argv[1])
    sys.argv[1:] = ["build-shards", *sys.argv[2:]]
    lstdata_main()
