"""What it costs to give each record an end: this process becomes a worker by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from lstdata.build.whereabouts import Whereabouts
from lstdata.workers import deadline

RECORDS = 10_000
TIMES = 5


def microseconds_per_record() -> float:
    """From one record to the next, with its shard's share of beginning and ending, at the default timeout."""
    deadline.claim()
    place = Whereabouts(600.0)
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        place.timed(partial(_shard, place.at))
        seconds.append(time.perf_counter() - started)
    return median(seconds) / RECORDS * 1e6


def _shard(at: Callable[[int, str], None]) -> None:
    for number in range(RECORDS):
        at(number, "recording-000000")
