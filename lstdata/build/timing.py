"""Where a build's time went, by the events of all drivers that ever worked on the folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from upath import UPath

from lstdata.build.event_logs import EventLogs, ProcessLog


@dataclass(frozen=True)
class StageTime:
    """One stage of all builds together."""

    name: str
    seconds: float
    """Of workers, each on one core."""
    share: float
    """Of all stages' seconds."""
    real_time: float | None
    """Seconds of audio for each of its seconds; None where it took none, or there is no audio."""


@dataclass(frozen=True)
class Spent:
    """What builds took. A shard that was built twice counts twice."""

    stages: tuple[StageTime, ...]
    """Slowest first."""
    audio: float
    """Seconds that were written."""
    shards: int
    again: int
    """Builds of a shard that had been built before."""
    wall: float
    """Seconds in which shards were built: those of one driver after another."""
    drivers: int
    workers: tuple[int, ...]
    """How many each driver had, the same number once; none where no driver says."""
    worker_seconds: float
    """Wall seconds times workers."""

    @property
    def real_time(self) -> float | None:
        """Seconds of audio in each wall second; None where there were none."""
        return self.audio / self.wall if self.wall and self.audio else None

    @property
    def busy(self) -> float | None:
        """Share of the workers' time that was in some stage; None where it is not known how many there were."""
        return sum(s.seconds for s in self.stages) / self.worker_seconds if self.worker_seconds else None


def read_time_spent(out: UPath) -> Spent:
    logs = EventLogs(out)
    logs.look()
    return time_spent(logs.read("driver"))


def time_spent(drivers: Iterable[ProcessLog]) -> Spent:
    stages: Counter[str] = Counter()
    names: Counter[str] = Counter()
    counts: dict[int, None] = {}
    audio = wall = worker_seconds = 0.0
    number = 0
    for log in drivers:
        number += 1
        for event in log.of("built"):
            names[event.text("name") or ""] += 1
            audio += event.number("seconds") or 0.0
            stages.update(event.numbers("stage_seconds"))
        took, workers = _elapsed(log), workers_of(log)
        wall += took
        if workers:
            counts[workers] = None
            worker_seconds += took * workers
    total = sum(stages.values())
    return Spent(
        stages=tuple(
            StageTime(name, seconds, seconds / total if total else 0.0, audio / seconds if seconds and audio else None)
            for name, seconds in sorted(stages.items(), key=lambda item: (-item[1], item[0]))
        ),
        audio=audio,
        shards=names.total(),
        again=names.total() - len(names),
        wall=wall,
        drivers=number,
        workers=tuple(counts),
        worker_seconds=worker_seconds,
    )


def workers_of(driver: ProcessLog) -> int | None:
    """As many as it says it has, or else as it had results from."""
    started = driver.last_of("started")
    said = started.count("workers") if started is not None else 0
    return said or len({(e.text("host"), e.number("pid")) for e in driver.of("built") if e.number("pid")}) or None


def _elapsed(log: ProcessLog) -> float:
    """Seconds from its first event to its last; where its clock was set back, nothing is counted."""
    return sum(max(0.0, later.time - earlier.time) for earlier, later in pairwise(log.events))
