"""Time limits interrupt what Python can interrupt, and do nothing outside of workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from lstdata.build.task import RecordFailed
from lstdata.build.whereabouts import NOWHERE, Whereabouts
from lstdata.config import RunConfig
from lstdata.workers import run_tasks
from lstdata.workers.deadline import Deadline, Overdue
from tests.build.misbehaving import lock_for_ever


def prepared() -> Callable[[str], object]:
    from lstdata.build import whereabouts

    whereabouts.LOADING_SECONDS = 0.0  # type: ignore[misc]
    return work


def work(task: str) -> object:
    if task == "swallow":
        return swallow()
    place = Whereabouts(2)

    def records() -> str:
        for position in range(3):
            place.at(position, f"r{position}")
            place.stage = "decode"
            time.sleep(0.8)
        if task == "hang":
            time.sleep(1000)
        if task == "lock":
            lock_for_ever()
        return "done"

    try:
        return place.timed(records)
    finally:
        assert place.position == NOWHERE and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def swallow() -> str:
    """The first interruption is lost, as one in a destructor would be."""
    from lstdata.workers import deadline

    deadline._AGAIN = 0.1  # type: ignore[misc]
    limit = Deadline(0.1)
    limit.begin()
    try:
        try:
            time.sleep(1000)
        except Overdue:
            time.sleep(1000)
    except Overdue:
        return "interrupted again"
    finally:
        limit.end()
    return "never"


def test_each_record_has_its_own_time() -> None:
    results = dict(run_tasks(prepared, ["quick", "hang", "swallow"], RunConfig(workers=1)))
    assert (results["quick"], results["swallow"]) == ("done", "interrupted again")
    failed = results["hang"]
    assert isinstance(failed, RecordFailed)
    assert (failed.id, failed.stage, failed.reason) == ("r2", "decode", "timed_out")
    assert str(failed) == "`r2`, stage decode: it was not done within 2 s (`run.record_timeout`)."


LOCKED = """
from lstdata.config import RunConfig
from lstdata.workers import run_tasks
from tests.build.test_deadline import prepared
for _, outcome in run_tasks(prepared, ["lock"], RunConfig(workers=1)):
    print(outcome)
"""


@pytest.mark.slow
def test_a_worker_that_nothing_interrupts_ends_and_leaves_its_stack() -> None:
    ended = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, text=True, check=True)
    assert "its worker died 2 times: exit code 1, see its standard error" in ended.stdout
    assert "lock_for_ever" in ended.stderr


def test_outside_of_workers_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an alarm clock was set")

    monkeypatch.setattr(signal, "setitimer", refuse)
    limit = Deadline(0.01)
    limit.begin()
    limit.end()
