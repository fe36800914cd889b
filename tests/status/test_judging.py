from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.build.event_logs import Event, ProcessLog
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.build.standing import Letters
from lstdata.records import DeadLetter
from lstdata.status.judging import status_of
from lstdata.status.lines import text_of
from lstdata.status.reading import Seen
from lstdata.status.status import Shards
from tests.status.logs import START, built, log_of, seen_of, started

FAILED = {"shard": "train-000003", "message": "the mount is gone", "kind": "Unavailable"}


def test_a_plan_alone_is_planned() -> None:
    status = status_of(seen_of(), START)
    assert (status.state, status.driver, status.since) == ("planned", None, None)
    assert status.shards == Shards(planned=10, done=0, running=0, stuck=0, failed=0, pending=10)
    assert (status.records.planned, status.records.written, status.records.reasons) == (53, 0, {"undecodable": 3})


def test_a_driver_that_gave_a_sign_lately_is_at_work() -> None:
    driver = log_of("driver", started(), built(20, 0), built(40, 1), (50, "alive", {}))
    workers = [
        log_of("worker", (41, "shard", {"name": "train-000002", "records": 5}), pid=11),
        log_of("worker", (45, "shard", {"name": "train-000003", "records": 5}), pid=12),
    ]
    status = status_of(seen_of([driver], workers, complete=2), START + 55)
    assert (status.state, status.since_seconds) == ("running", 55.0)
    assert status.driver is not None
    assert (status.driver.host, status.driver.pid, status.driver.workers) == ("node", 7, 2)
    assert status.driver.silent_seconds == 5
    assert status.shards == Shards(planned=10, done=2, running=2, stuck=0, failed=0, pending=6)
    assert (status.audio.done_seconds, status.audio.planned_seconds) == (200, 1000)
    assert (status.records.written, status.records.rejected) == (10, 3)


@pytest.mark.parametrize(
    ("last", "state", "message"),
    [
        ((50, "alive", {}), "interrupted", None),
        ((50, "failed", FAILED), "interrupted", None),
        ((50, "failed", FAILED | {"kind": "ConfigError"}), "failed", "the mount is gone"),
        ((50, "stopped", {"message": "too many rejects"}), "stopped", "too many rejects"),
        ((50, "stopped", {"message": "KeyboardInterrupt"}), "interrupted", None),
        ((50, "ended", {"failed": 2, "pending": 2}), "failed", "2 shards stay pending"),
        ((50, "ended", {"failed": 0, "pending": 0}), "planned", None),
    ],
)
def test_how_a_driver_came_to_its_end(last: Any, state: str, message: str | None) -> None:
    status = status_of(seen_of([log_of("driver", started(), last)]), START + 200)
    assert (status.state, status.message, status.since_seconds) == (state, message, 150.0)
    assert status.shards.running == 0
    assert status.audio.rate is None


def test_when_all_shards_are_built_the_tables_are_still_to_come() -> None:
    driver = log_of("driver", started(), (50, "ended", {"failed": 0, "pending": 0}))
    assert status_of(seen_of([driver], complete=10), START + 60).state == "finishing"
    silent = status_of(seen_of([driver], complete=10), START + 111)
    assert (silent.state, silent.since_seconds) == ("interrupted", 61.0)


def test_before_the_first_shard_a_codebook_is_made() -> None:
    freezing = (0, "freezing", {"pid": 7})
    beating = status_of(seen_of([log_of("driver", freezing, (50, "alive", {}))]), START + 100)
    assert (beating.state, beating.since_seconds, beating.shards.pending) == ("preparing", 100.0, 10)
    assert status_of(seen_of([log_of("driver", freezing, (50, "alive", {}))]), START + 111).state == "interrupted"
    stopped = log_of("driver", freezing, (50, "stopped", {"message": "no frame to fit on"}))
    assert status_of(seen_of([stopped]), START + 60).message == "no frame to fit on"


def test_a_finished_run_is_as_its_totals_say() -> None:
    driver = log_of("driver", started(), built(20, 0), (30, "ended", {"failed": 0}))
    totals = {
        "written": 48,
        "environmental": 1,
        "reasons": {"undecodable": 3, "worker_died": 1, "filtered_min_seconds": 1},
    }
    status = status_of(seen_of([driver], totals=totals), START + 100)
    assert (status.state, status.since_seconds, status.workers) == ("finished", 70.0, ())
    assert status.shards.done == 10
    assert (status.records.rejected, status.records.filtered, status.records.environmental) == (4, 1, 1)
    assert status.records.reasons == {"undecodable": 3, "worker_died": 1}
    assert status.records.filters == {"filtered_min_seconds": 1}


def test_dead_letters_are_counted_by_reason_and_filters_apart() -> None:
    def letter(reason: str, *, environmental: bool = False) -> DeadLetter:
        return DeadLetter("x", "decode", reason, "", "x.wav", environmental)

    seen: Seen = seen_of(complete=2)
    held = (letter("no_path"), letter("filtered_max_seconds"), letter("timed_out", environmental=True))
    records = status_of(replace(seen, letters=(Letters(seen.complete[1], held),)), START).records
    assert (records.written, records.rejected, records.filtered, records.environmental) == (7, 5, 1, 1)
    assert records.reasons == {"undecodable": 3, "no_path": 1, "timed_out": 1}


def test_a_shard_that_was_given_up_is_failed_until_it_is_built() -> None:
    events = [started(), (5, "failed", FAILED), (6, "failed", FAILED | {"shard": "train-000004"})]
    driver = log_of("driver", *events, built(20, 4))
    status = status_of(seen_of([driver]), START + 25)
    assert [(one.shard, one.message) for one in status.failed] == [("train-000003", "the mount is gone")]
    assert (status.shards.failed, status.shards.pending) == (1, 9)
    assert status.incidents == {"failed": 2}


def test_what_went_wrong_is_told_in_order() -> None:
    died = (30, "died", {"shard": "train-000001", "deaths": 1, "cause": "killed by\nSIGKILL"})
    driver = log_of("driver", started(), died, (31, "alive", {}))
    slow = (20, "timed_out", {"shard": "train-000002", "id": "a", "stage": "words", "seconds": 600})
    status = status_of(seen_of([driver], [log_of("worker", slow)]), START + 35)
    assert status.incidents == {"timed_out": 1, "died": 1}
    assert [incident.message for incident in status.latest_incidents] == [
        "shard train-000002: stage words: record `a`",
        "shard train-000001: killed by SIGKILL",
    ]


def test_the_rate_is_that_of_the_last_minutes() -> None:
    """Ten shards an hour at first; then, for eleven minutes, one of 100 s each minute."""
    shards = tuple(PlannedShard(f"s{n}", "train", n, 5, 100.0, "") for n in range(100))
    seen = seen_of(complete=0)
    plan = Plan(shards, 500, 0, 10_000.0, "s", seen.plan.rules)
    early = [(n * 360.0, "built", {"name": f"s{n}", "seconds": 1.0}) for n in range(1, 11)]
    late = [(3600.0 + n * 60.0, "built", {"name": f"s{n + 20}", "seconds": 1.0}) for n in range(1, 12)]
    driver = log_of("driver", started(), *early, *late)
    audio = status_of(replace(seen, plan=plan, drivers=(driver,), complete=shards[:21]), driver.last + 5).audio
    assert audio.rate_over_seconds == 600
    assert audio.rate == pytest.approx(11 * 100 / 600)
    assert audio.eta_seconds == pytest.approx(7900 / (11 * 100 / 600))


def test_of_few_shards_the_rate_is_taken_since_the_start() -> None:
    driver = log_of("driver", started(), built(900, 0), built(1000, 1), (2000, "alive", {}))
    audio = status_of(seen_of([driver], complete=2), driver.last).audio
    assert (audio.rate, audio.rate_over_seconds) == (0.1, 2000)


def test_before_the_first_shard_there_is_no_rate() -> None:
    audio = status_of(seen_of([log_of("driver", started(), (10, "alive", {}))]), START + 10).audio
    assert (audio.rate, audio.eta_seconds) == (None, None)


def test_the_last_driver_is_the_one_that_counts() -> None:
    """The times of builds by earlier ones still do."""
    first = log_of("driver", started(), built(10, 0), (11, "failed", FAILED), pid=1)
    second = log_of("driver", (100, "started", {"workers": 4}), (110, "alive", {}), pid=2)
    status = status_of(seen_of([first, second], complete=1), START + 115)
    assert status.driver is not None and status.driver.pid == 2
    assert status.failed == ()
    assert [(s.name, s.seconds, s.real_time) for s in status.stages] == [("units", 3.0, 30.0), ("decode", 1.0, 90.0)]


def test_a_clock_that_was_set_back_or_ran_ahead_does_not_hide_the_run() -> None:
    ahead = log_of("driver", (86_400, "started", {"workers": 1}), (86_410, "alive", {}), pid=1)
    back = log_of("driver", (500, "started", {"workers": 1}), built(20, 0), (30, "alive", {}), pid=2)
    status = status_of(seen_of([ahead, back], complete=1), START + 35)
    assert status.driver is not None
    assert (status.driver.pid, status.state, status.since_seconds) == (2, "running", 0)
    assert status.audio.rate is None


times = st.floats(0, 4e9) | st.floats(1.7e9 - 100, 1.7e9 + 1000)
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
values |= st.sampled_from(["train-000001", "train-000002", "x\x1b[2J\ud800"])
details = st.dictionaries(
    st.sampled_from(["shard", "name", "id", "stage", "position", "records", "seconds", "workers", "failed", "message"]),
    values,
) | st.dictionaries(st.just("stage_seconds"), st.dictionaries(st.text(max_size=3), values) | values)
kinds = st.sampled_from(
    "started alive built failed died probing poisoned stopped ended shard at done timed_out odd".split()
)
logs = st.builds(
    ProcessLog,
    st.just("worker"),
    st.sampled_from(["node", "other"]),
    st.integers(0, 3),
    times,
    st.lists(st.builds(Event, times, kinds, details), max_size=8),
)


@given(st.lists(logs, max_size=3), st.lists(logs, max_size=4), st.integers(0, 10), times)
def test_whatever_events_say_every_shard_is_counted_once(
    drivers: list[ProcessLog], workers: list[ProcessLog], complete: int, now: float
) -> None:
    status = status_of(seen_of(drivers, workers, complete), now)
    shards = status.shards
    assert shards.planned == shards.done + shards.running + shards.stuck + shards.failed + shards.pending == 10
    assert min(shards.running, shards.stuck, shards.failed, shards.pending) >= 0
    json.dumps(status.to_json(), allow_nan=False, ensure_ascii=False).encode()
    assert text_of(status).isprintable() or "\x1b" not in text_of(status)
