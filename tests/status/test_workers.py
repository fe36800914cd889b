from __future__ import annotations

from typing import Any

import pytest

from lstdata.build.event_logs import ProcessLog
from lstdata.status.judging import status_of
from lstdata.status.status import Status, Worker
from lstdata.status.workers import patience
from tests.status.logs import START, built, log_of, seen_of, started


def shard(time: float, number: int) -> tuple[float, str, dict[str, Any]]:
    return time, "shard", {"name": f"train-{number:06d}", "records": 5}


def at(time: float, number: int, position: int, stage: str = "words") -> tuple[float, str, dict[str, Any]]:
    return time, "at", {"shard": f"train-{number:06d}", "position": position, "id": f"utt-{position}", "stage": stage}


def done(time: float, number: int) -> tuple[float, str, dict[str, Any]]:
    return time, "done", {"shard": f"train-{number:06d}", "seconds": 4.0}


def seen_at(now: float, driver: ProcessLog, *workers: ProcessLog, complete: int = 0) -> Status:
    return status_of(seen_of([driver], workers, complete), START + now)


def alive(until: float, *events: Any) -> ProcessLog:
    return log_of("driver", started(), *events, (until, "alive", {}))


def only(status: Status) -> Worker:
    (worker,) = status.workers
    return worker


def test_a_worker_is_where_its_log_says() -> None:
    worker = only(seen_at(38, alive(35), log_of("worker", shard(5, 1), at(15, 1, 2), at(25, 1, 3, "units"), pid=9)))
    assert (worker.name, worker.state, worker.shard, worker.records) == ("node:9", "working", "train-000001", 5)
    assert (worker.position, worker.id, worker.stage) == (3, "utt-3", "units")
    assert (worker.shard_seconds, worker.record_seconds, worker.silent_seconds) == (33, 13, 13)
    assert worker.event == "at"


def test_a_record_is_timed_from_when_it_was_first_seen() -> None:
    worker = only(seen_at(40, alive(35), log_of("worker", shard(5, 1), at(15, 1, 2), at(25, 1, 2, "units"))))
    assert (worker.record_seconds, worker.stage) == (25, "units")


@pytest.mark.parametrize("end", ["done", "timed_out", "out_of_memory"])
def test_without_a_shard_it_is_idle(end: str) -> None:
    over = (9, end, {"shard": "train-000001", "id": "a", "stage": "words"})
    assert only(seen_at(38, alive(35), log_of("worker", shard(5, 1), over))).state == "idle"


def test_a_record_that_takes_too_long_is_stuck_though_its_worker_lives() -> None:
    signs = [at(10.0 * n, 1, 2) for n in range(1, 10)]
    status = seen_at(92, alive(90), log_of("worker", shard(1, 1), *signs))
    assert [(w.shard, w.id, w.stage, w.record_seconds) for w in status.stuck] == [
        ("train-000001", "utt-2", "words", 82)
    ]
    assert (status.shards.stuck, status.shards.running, status.shards.pending) == (1, 0, 9)
    assert seen_at(62, alive(61), log_of("worker", shard(1, 1), *signs[:6])).stuck == ()


def test_a_silent_worker_is_stuck() -> None:
    worker = log_of("worker", shard(5, 1))
    assert seen_at(65, alive(60), worker).stuck == ()
    assert [w.shard for w in seen_at(66, alive(60), worker).stuck] == ["train-000001"]


def test_where_shards_take_long_more_patience_is_due() -> None:
    slow = [built(10, n, stage_seconds={"units": 30.0 + n}) for n in range(3)]
    driver = alive(190, *slow)
    assert patience([driver]) == 5 * 31
    worker = log_of("worker", shard(50, 5))
    assert seen_at(205, driver, worker, complete=3).stuck == ()
    assert len(seen_at(206, driver, worker, complete=3).stuck) == 1


@pytest.mark.parametrize("heard", [("failed", {"shard": "train-000001"}), ("built", {"name": "train-000001"})])
def test_what_the_driver_has_heard_of_a_shard_ends_a_worker_s_hold(heard: tuple[str, dict[str, Any]]) -> None:
    driver = alive(35, (20, *heard))
    assert only(seen_at(38, driver, log_of("worker", shard(5, 1), pid=1))).state == "idle"
    again = seen_at(38, driver, log_of("worker", shard(5, 1), pid=1), log_of("worker", shard(21, 1), pid=2))
    assert [(w.pid, w.state) for w in again.workers] == [(2, "working"), (1, "idle")]
    assert again.shards.running == 1


def test_a_worker_that_died_is_not_shown() -> None:
    """Its end is among the incidents."""
    driver = alive(35, (20, "died", {"shard": "train-000001", "cause": "killed by SIGKILL"}))
    assert seen_at(38, driver, log_of("worker", shard(5, 1))).workers == ()
    built_since = alive(35, (20, "died", {"shard": "train-000001"}), (30, "built", {"name": "train-000001"}))
    assert seen_at(38, built_since, log_of("worker", shard(5, 1))).workers == ()
    assert only(seen_at(38, driver, log_of("worker", shard(5, 1)), log_of("worker", shard(21, 1), pid=2))).pid == 2


def test_of_two_that_have_the_same_shard_the_later_one_has_it() -> None:
    """The first died, and its driver has not noticed or not written it yet."""
    status = seen_at(38, alive(35), log_of("worker", shard(5, 1), pid=1), log_of("worker", shard(9, 1), pid=2))
    assert [(w.pid, w.shard) for w in status.workers] == [(2, "train-000001")]


def test_a_dead_driver_s_workers_are_where_they_were() -> None:
    status = seen_at(500, alive(35), log_of("worker", shard(5, 1), at(15, 1, 2)))
    assert (only(status).state, only(status).shard, only(status).id) == ("gone", "train-000001", "utt-2")
    assert (status.state, status.shards.running, status.shards.pending) == ("interrupted", 0, 10)


def test_workers_of_an_earlier_driver_are_left_out() -> None:
    """Of another host they count a minute longer: its clock may differ."""
    old = [log_of("worker", shard(-30, 1)), log_of("worker", shard(-90, 2), pid=8)]
    assert seen_at(20, alive(15), *old).workers == ()
    assert only(seen_at(20, alive(15), log_of("worker", shard(-30, 1), host="far"))).shard == "train-000001"


def test_workers_that_have_long_been_without_a_shard_are_not_shown() -> None:
    idle = log_of("worker", shard(5, 1), done(9, 1))
    assert len(seen_at(600, alive(595), idle).workers) == 1
    assert seen_at(620, alive(615), idle).workers == ()
