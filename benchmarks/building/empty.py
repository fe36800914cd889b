"""Shards that cost nothing to build, so that what is left is the driver and the runner: `empty.py CASE COUNT FOLDER`.

Prints one JSON object. Cases are processes of their own: memory is that of a driver alone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from building.processes import own_megabytes
from upath import UPath

import lstdata.build.shard
from lstdata.build.arrange import Rules
from lstdata.build.drive import build_pending
from lstdata.build.events import EventLog
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.build.spec import BuildSpec
from lstdata.build.task import ShardResult, ShardTask
from lstdata.config import BuildConfig
from lstdata.errors import LstDataError
from lstdata.run_options import RunConfig
from lstdata.workers import run_tasks

WORKERS = 2
RECORDS, SECONDS = 1_000, 14_400.0
"""Of one shard, as in a large run."""

SETTLED = 50
"""Shards after which whatever is made once has been made."""

STAGES = ("filter", "transcript", "decode", "activity", "words", "units", "sample", "commit")


class NoWork:
    """In place of the `ShardBuilder`: answers at once, at the length of a real answer."""

    def __init__(self, *_: object) -> None: ...

    def __call__(self, task: ShardTask) -> ShardResult:
        return ShardResult(
            name=task.shard.name,
            records=task.shard.records,
            samples=task.shard.records - 3,
            rejected=3,
            seconds=task.shard.seconds,
            reasons={"low_score": 2, "silent": 1},
            stage_seconds=dict.fromkeys(STAGES, 12.345678901234567),
            host=os.uname().nodename,
            pid=os.getpid(),
        )


class Watcher:
    """The build's listener: when the first and the last shards came, and the memory there was."""

    def __init__(self, count: int) -> None:
        self.count, self.built_shards = count, 0
        self.began = self.settled = 0.0
        self.megabytes: dict[int, float] = {}

    def note(self, line: str) -> None: ...

    def fault(self, line: str) -> None: ...

    def building(self, shards: int, done: int, size: float, *, is_text: bool = False) -> None: ...

    def built(self, shard: PlannedShard, samples: int, reasons: Mapping[str, int]) -> None:
        self.built_shards += 1
        if self.built_shards == 1:
            self.began = time.perf_counter()
        if self.built_shards in (SETTLED, self.count):
            self.megabytes[self.built_shards] = own_megabytes()

    def said(self) -> dict[str, float]:
        """Completions a second from the first on, and megabytes at the end."""
        rate = (self.built_shards - 1) / (time.perf_counter() - self.began)
        return {"rate": rate, "settled": self.megabytes[SETTLED], "end": self.megabytes[self.count]}


def planned(count: int) -> Iterator[PlannedShard]:
    for number in range(count):
        yield PlannedShard(f"train-{number:06d}", "train", number, RECORDS, SECONDS, f"{number:016x}")


def drive(runner: str, count: int, folder: Path) -> dict[str, float]:
    """The build's own driver: recovery, budget, events, hosting; everything but the stages."""
    lstdata.build.shard.ShardBuilder = NoWork  # type: ignore[assignment,misc]
    plan = Plan(tuple(planned(count)), count * RECORDS, 0, count * SECONDS, "0" * 16, Rules(SECONDS, True))
    watcher = Watcher(count)
    spec = spec_of(folder, runner)
    with EventLog(spec.out, "driver") as events, events.alive():
        build_pending(spec, plan, {}, watcher, events)
    return watcher.said()


def tasks(runner: str, count: int, folder: Path) -> dict[str, float]:
    """`run_tasks` alone."""
    watcher = Watcher(count)
    line = (ShardTask(shard) for shard in planned(count))
    for task, result in run_tasks(NoWork, line, spec_of(folder, runner).config.run, describe=ShardTask.describe):
        assert not isinstance(result, LstDataError), result
        watcher.built(task.shard, result.samples, result.reasons)
    return watcher.said()


def spec_of(folder: Path, runner: str = "local") -> BuildSpec:
    config = BuildConfig(run=RunConfig(runner=runner, workers=WORKERS))  # type: ignore[arg-type]
    stages = tuple((name, "0" * 16) for name in ("plan", "decode", "units", "words", "activity", "filter", "sample"))
    return BuildSpec("/corpus", UPath(folder), config, "none", "none", stages)


def ray_data(count: int, folder: Path) -> dict[str, float]:
    """As many blocks, through as many actors that do nothing."""
    import ray

    ray.init("local", num_cpus=WORKERS, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    watcher = Watcher(count)
    shards = list(planned(count))
    rows = ray.data.from_items([{"number": shard.number} for shard in shards], override_num_blocks=count)
    pool = ray.data.ActorPoolStrategy(size=WORKERS)
    for row in rows.map_batches(_Actor, batch_size=None, compute=pool, num_cpus=1).iter_rows():
        watcher.built(shards[row["records"]], 0, {})
    return watcher.said()


class _Actor:
    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"records": batch["number"], "seconds": [12.345678901234567] * len(batch["number"])}


CASES: dict[str, Callable[[int, Path], dict[str, float]]] = {
    "driver on local": partial(drive, "local"),
    "driver on ray": partial(drive, "ray"),
    "tasks on local": partial(tasks, "local"),
    "tasks on ray": partial(tasks, "ray"),
    "Ray Data": ray_data,
}

if __name__ == "__main__":
    # Pickled by the module's name, not as parts of the script.
    from building import empty

    print(json.dumps(empty.CASES[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
