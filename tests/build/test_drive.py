"""Rounds of tries: what the world has made fail is tried again, for as long as there is patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from lstdata.build.drive import _Build
from lstdata.build.plan_table import PlannedShard
from lstdata.build.recovery import NotAgain, Outcome
from lstdata.build.standing import Standing
from lstdata.build.task import ShardResult, ShardTask
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, Unavailable
from lstdata.workers.faults import MOST_FAULTS
from tests.conftest import Quiet

GONE = Unavailable("the mount is gone")


@dataclass
class World(Quiet):
    """A listener, an event log, workers in step, and a clock that only work and pauses move."""

    does: Callable[[World, ShardTask], LstDataError | None]
    workers: int = 1
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def note(self, line: str) -> None:
        self.notes.append(line)

    def write(self, event: str, **details: Any) -> None:
        self.events.append((event, details))

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def work_off(self, make: object, line: Any, run: object, **how: object) -> Iterator[tuple[ShardTask, Outcome]]:
        busy: list[ShardTask] = []
        while True:
            while len(busy) < self.workers and (task := line.next()) is not None:
                busy.append(task)
            if not busy:
                return
            self.now += 0.1
            task = busy.pop(0)
            self.tries.append(task.shard.name)
            fault = self.does(self, task)
            yield task, fault or ShardResult(task.shard.name, 4, 4, 0, 40.0)

    def build(self, shards: int, patience: float) -> _Build:
        """Carried out, to whichever end."""
        planned = [PlannedShard(f"train-{n:06d}", "train", n, 4, 40.0, "print") for n in range(shards)]
        config = load(BuildConfig, None, [f"run.patience={patience}"])
        spec: Any = SimpleNamespace(config=config, out=UPath("out"))
        events: Any = self
        build = _Build(spec, self, events, Standing(planned, [], []), shards)
        build._outage.clock = lambda: self.now
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lstdata.build.drive.work_off", self.work_off)
            patch.setattr("lstdata.build.drive._pause", self.pause)
            build.carry_out()
            build.say_the_end()
        return build


def away(begin: float, end: float) -> Callable[[World, ShardTask], LstDataError | None]:
    return lambda world, task: GONE if begin <= world.now < end else None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(begin=st.floats(0, 5), length=st.floats(0, 290), workers=st.integers(1, 40), shards=st.integers(1, 120))
def test_an_outage_within_patience_is_waited_out(begin: float, length: float, workers: int, shards: int) -> None:
    world = World(away(begin, begin + length), workers)
    build = world.build(shards, 300)
    assert build.left == 0 and build.faults == {}
    assert sorted(world.names) == [f"train-{n:06d}" for n in range(shards)], "each is built once"


@settings(max_examples=50, deadline=None)
@given(patience=st.floats(0, 300), workers=st.integers(1, 40), shards=st.integers(1, 120))
def test_one_that_lasts_ends_the_build_when_patience_does(patience: float, workers: int, shards: int) -> None:
    world = World(away(0, float("inf")), workers)
    with pytest.raises(IncompleteBuild, match=r"stay pending; run again to resume\. the mount is gone"):
        world.build(shards, patience)
    a_round = 0.1 * 3 * max(MOST_FAULTS, workers)
    assert patience <= world.now <= patience + 2 * a_round
    assert world.names == []


def test_without_patience_nothing_is_tried_again() -> None:
    world = World(away(0, float("inf")))
    with pytest.raises(IncompleteBuild, match=rf"{MOST_FAULTS} shards in a row .*: 50 of 50 stay pending"):
        world.build(50, 0)
    assert len(world.tries) == len(set(world.tries)) == MOST_FAULTS and world.pauses == []
    world = World(lambda world, task: GONE if task.shard.number == 1 else None)
    with pytest.raises(IncompleteBuild, match="1 of 3 shards stay pending"):
        world.build(3, 0)
    assert world.tries == ["train-000000", "train-000001", "train-000002"]


def test_pauses_grow_and_say_why_for_how_long_and_until_when() -> None:
    world = World(away(0, float("inf")))
    with pytest.raises(IncompleteBuild, match=r"1 of 1 shards stay pending"):
        world.build(1, 200)
    assert world.pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert sum(world.pauses) < 200 and max(world.pauses) == 60
    assert world.notes[1] == (
        "1 shard could not be built; tried again in 2 s, and given up if none is built within 199 s (`run.patience`): "
        "the mount is gone"
    )
    waits = [details for event, details in world.events if event == "waiting"]
    assert waits[1] == {"seconds": 2, "message": "the mount is gone"} and len(waits) == len(world.pauses)


def test_shards_whose_part_of_the_source_is_gone_hold_up_no_other() -> None:
    world = World(lambda world, task: GONE if task.shard.number < 3 * MOST_FAULTS else None)
    with pytest.raises(IncompleteBuild):
        world.build(100, 300)
    assert len(world.names) == 100 - 3 * MOST_FAULTS


def test_as_many_may_fail_in_a_row_as_are_under_way_twice() -> None:
    world = World(away(0, float("inf")), workers=40)
    with pytest.raises(IncompleteBuild):
        world.build(1000, 100)
    first = next(n for n, (event, _) in enumerate(world.events) if event == "waiting")
    assert 80 <= first < 120, "80 in a row, and those that were under way by then"


def test_what_waiting_does_not_help_is_not_waited_for() -> None:
    world = World(lambda world, task: NotAgain("killed") if task.shard.number == 1 else None)
    with pytest.raises(IncompleteBuild, match=r"1 of 3 shards stay pending; run again to resume\. killed"):
        world.build(3, 300)
    assert len(world.tries) == 3 and world.pauses == []
    world = World(lambda world, task: LstDataError("unexpected KeyError"))
    with pytest.raises(IncompleteBuild, match=f"{MOST_FAULTS} shards in a row"):
        world.build(50, 300)
    assert world.pauses == []


def test_the_users_fault_ends_a_build_at_once() -> None:
    world = World(lambda world, task: ConfigError("another machine") if task.shard.number == 1 else None)
    with pytest.raises(ConfigError, match="another machine"):
        world.build(3, 300)
    assert len(world.tries) == 2


def test_patience_must_not_be_negative(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`run\.patience` must be ≥ 0, but is -1"):
        load(BuildConfig, None, ["run.patience=-1"])
