from __future__ import annotations

from typing import Any

import pytest

from lstdata.build.event_logs import Event, ProcessLog
from lstdata.build.timing import time_spent, workers_of


def driver(*events: tuple[float, str, dict[str, Any]]) -> ProcessLog:
    return ProcessLog("driver", "node", 1, events[0][0], [Event(*event) for event in events])


def built(time: float, name: str, audio: float, **more: Any) -> tuple[float, str, dict[str, Any]]:
    return time, "built", {"name": name, "seconds": audio, "stage_seconds": {"decode": 1.0, "units": 4.0}, **more}


def test_runs_that_were_resumed_add_up() -> None:
    first = driver((0, "started", {"workers": 2}), built(10, "a", 100), built(20, "b", 60))
    second = driver((1000, "started", {"workers": 4}), built(1005, "b", 60), (1010, "ended", {}))
    spent = time_spent([first, second])
    assert (spent.shards, spent.again, spent.drivers, spent.audio) == (3, 1, 2, 220)
    assert [(s.name, s.seconds, s.share) for s in spent.stages] == [("units", 12, 0.8), ("decode", 3, 0.2)]
    assert spent.stages[1].real_time == pytest.approx(220 / 3)
    assert (spent.wall, spent.workers, spent.worker_seconds) == (30, (2, 4), 80)
    assert spent.busy == pytest.approx(15 / 80)


def test_of_no_runs_nothing_was_spent() -> None:
    spent = time_spent([])
    assert (spent.stages, spent.shards, spent.wall, spent.busy) == ((), 0, 0, None)


def test_a_stage_that_took_no_time_has_no_speed() -> None:
    (stage,) = time_spent([driver(built(0, "a", 5, stage_seconds={"words": 0.0}))]).stages
    assert (stage.seconds, stage.share, stage.real_time) == (0, 0, None)


def test_a_clock_that_is_set_back_takes_no_time_away() -> None:
    spent = time_spent(
        [driver((100, "started", {"workers": 1}), (150, "alive", {}), (20, "alive", {}), (30, "ended", {}))]
    )
    assert spent.wall == 60


def test_workers_are_counted_where_the_driver_does_not_say() -> None:
    hands = [built(n, f"s{n}", 1, host=f"node{n % 3}", pid=7) for n in range(6)]
    assert workers_of(driver((0, "started", {"workers": None}), *hands)) == 3
    assert workers_of(driver((0, "started", {}), built(1, "a", 1))) is None
