"""A plan of ten shards, and logs as drivers and workers write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lstdata.build.arrange import Rules
from lstdata.build.event_logs import Event, ProcessLog
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.status.reading import Seen

START = 1_700_000_000.0

SHARDS = tuple(PlannedShard(f"train-{n:06d}", "train", n, 5, 100.0, f"print-{n}") for n in range(10))

PLAN = Plan(SHARDS, records=53, rejected=3, seconds=1000.0, source_fingerprint="s", rules=Rules(100.0, False))

STAGES = {"decode": 1.0, "units": 3.0}


def log_of(role: str, *events: tuple[float, str, dict[str, Any]], host: str = "node", pid: int = 7) -> ProcessLog:
    """A log whose times count from `START`."""
    lines = [Event(START + time, kind, details) for time, kind, details in events]
    return ProcessLog(role, host, pid, lines[0].time if lines else START, lines)


def started(workers: int = 2) -> tuple[float, str, dict[str, Any]]:
    return 0.0, "started", {"runner": "local", "workers": workers, "shards": 10, "pending": 10, "pid": 7}


def built(time: float, number: int, **details: Any) -> tuple[float, str, dict[str, Any]]:
    said = {"name": SHARDS[number].name, "samples": 5, "rejected": 0, "seconds": 90.0, "stage_seconds": STAGES}
    return time, "built", said | details


def seen_of(
    drivers: Sequence[ProcessLog] = (), workers: Sequence[ProcessLog] = (), complete: int = 0, **more: Any
) -> Seen:
    """The first `complete` shards are done."""
    found = Seen("out", PLAN, {"undecodable": 3}, None, SHARDS[:complete], (), tuple(drivers), tuple(workers))
    return replace(found, **more)
