"""Whole builds of one corpus: by each runner with one worker and with two, and by what one would write without."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from statistics import median

from building.corpus import Corpus
from building.processes import Usage, watched
from upath import UPath

from lstdata.build.event_logs import EventLogs, ProcessLog

PEERS = Path(__file__).with_name("peers.py")
SHARD_SECONDS = 120.0


@dataclass(frozen=True)
class Way:
    """To build the corpus."""

    name: str
    command: tuple[str, ...]
    """What is run; the corpus and the output follow."""
    workers: int


@dataclass(frozen=True)
class Build:
    """One run of a way."""

    way: Way
    usage: Usage
    starting: float
    """Wall seconds until the first shard is begun: processes or Ray, imports."""
    span: float
    """Wall seconds from then until the last is done."""
    alone: float
    """Those without waits for a core, on average of the workers, each until its own last shard."""
    stages: float
    """From here on seconds of all workers together."""
    loading: float
    """In a worker's first shard, apart from stages: source, codebook and what they import."""
    apart: float
    """In the other shards: reading the plan, mostly."""
    between: float
    """From the end of one shard to the beginning of the next: what the driver costs."""

    @property
    def worker_seconds(self) -> float:
        return self.span * self.way.workers

    @property
    def idle(self) -> float:
        """Before a worker's first shard and after its last."""
        return self.worker_seconds - self.stages - self.loading - self.apart - self.between

    @property
    def cost(self) -> float:
        """Share of the workers' time that is in no stage."""
        return 1 - self.stages / self.worker_seconds


def ways(corpus: Corpus, ray_python: str | None) -> Iterator[Way]:
    options = corpus.options(SHARD_SECONDS)
    yield Way("plain loop", (sys.executable, str(PEERS), "plain", *options), 1)
    for runner in ("local", "ray"):
        for workers in (1, 2):
            build = (sys.executable, "-m", "lstdata", "build-shards", *options)
            yield Way(f"{runner}, {workers}", (*build, f"--runner={runner}", f"--workers={workers}"), workers)
    if ray_python is not None:
        yield Way("Ray Data, 2", (ray_python, str(PEERS), "ray-data", *options), 2)


def run_all(corpus: Corpus, chosen: Sequence[Way], rounds: int, folder: Path) -> list[Build]:
    """Every way in turn, again and again. AssertionError where two of them make different bytes."""
    builds: list[Build] = []
    digests: dict[str, str] = {}
    for _ in range(rounds):
        for way in chosen:
            out = folder / "out"
            usage = watched([*way.command, corpus.folder, out])
            builds.append(read_build(way, usage, out))
            digests[way.name] = _digest(out)
            print(described(builds[-1]), flush=True)
            shutil.rmtree(out)
    assert len(set(digests.values())) == 1, digests
    return builds


def read_build(way: Way, usage: Usage, out: Path) -> Build:
    """By its events; clocks of one machine."""
    logs = EventLogs(UPath(out))
    logs.look()
    workers = [log for log in logs.read("worker") if any(log.of("done"))]
    stages: defaultdict[str, float] = defaultdict(float)
    for driver in logs.read("driver"):
        for event in driver.of("built"):
            stages[event.text("name") or ""] += sum(event.numbers("stage_seconds").values())
    began = min(log.events[0].time for log in logs.read("driver"))
    begins, ends = [next(_times(log, "shard")) for log in workers], [max(_times(log, "done")) for log in workers]
    working = [
        end - begin - usage.waited(log.pid, begin, end) for log, begin, end in zip(workers, begins, ends, strict=True)
    ]
    first, rest = [], []
    for log in workers:
        took = [(event.number("seconds") or 0.0) - stages[event.text("shard") or ""] for event in log.of("done")]
        first.append(took[0])
        rest += took[1:]
    return Build(
        way,
        usage,
        starting=min(begins) - began,
        span=max(ends) - min(begins),
        alone=sum(working) / way.workers,
        stages=sum(stages.values()),
        loading=sum(first),
        apart=sum(rest),
        between=sum(map(_between, workers)),
    )


def _times(log: ProcessLog, kind: str) -> Iterator[float]:
    return (event.time for event in log.of(kind))


def _between(log: ProcessLog) -> float:
    """Seconds that a worker waited for its next shard."""
    events = list(log.of("shard", "done"))
    return sum(later.time - earlier.time for earlier, later in pairwise(events) if later.kind == "shard")


def _digest(out: Path) -> str:
    found = hashlib.sha256()
    for path in sorted((out / "shards").glob("*.tar")):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def described(build: Build) -> str:
    usage = build.usage
    return (
        f"{build.way.name:12} {usage.wall:6.1f} s: starting {build.starting:.1f}, shards {build.span:.1f}, alone "
        f"{build.alone:.1f}; workers: stages {build.stages:.1f}, loading {build.loading:.1f}, apart {build.apart:.1f}, "
        f"between {build.between:.1f}, idle {build.idle:.1f}; processor {usage.cpu:.0f} s; "
        f"others had {usage.others:.1f} cores"
    )


def print_builds(builds: Sequence[Build], chosen: Iterable[Way]) -> None:
    """Medians; `alone` is what would be without other load on the machine."""
    print("\n| | command | start | shards | of 1 worker's | shards, alone | of 1 worker's | in no stage | processor |")
    print("| --- " + "| --: " * 8 + "|")
    for way in chosen:
        runs = [build for build in builds if build.way == way]
        ratios = [f"{scaling(builds, way, of):.2f}" if way.workers > 1 else "" for of in (SPAN, ALONE)]
        cells = [
            way.name,
            f"{median(map(COMMAND, runs)):.1f} s",
            f"{median(build.starting for build in runs):.1f} s",
            f"{median(map(SPAN, runs)):.1f} s",
            ratios[0],
            f"{median(map(ALONE, runs)):.1f} s",
            ratios[1],
            f"{median(build.cost for build in runs):.1%}",
            f"{median(build.usage.cpu for build in runs):.0f} s",
        ]
        print(f"| {' | '.join(cells)} |")


Seconds = Callable[[Build], float]
COMMAND: Seconds = attrgetter("usage.wall")
SPAN: Seconds = attrgetter("span")
ALONE: Seconds = attrgetter("alone")


def scaling(builds: Sequence[Build], way: Way, of: Seconds) -> float:
    """Seconds by two workers over those by one in the same round, by the plain loop where there is no such; median."""
    names = {build.way.name for build in builds}
    single = one if (one := way.name.replace("2", "1")) in names else "plain loop"
    pairs = zip(*([of(b) for b in builds if b.way.name == name] for name in (way.name, single)), strict=True)
    return float(median(two / one for two, one in pairs))
