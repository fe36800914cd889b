"""Worker pools: every task has one outcome, whatever workers do, and none outlives its driver's interest."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing import forkserver
from pathlib import Path

import pytest

from lstdata.config import RunConfig
from lstdata.errors import LstDataError, Rejected, Unavailable
from lstdata.workers import run_tasks

Work = Callable[[str], tuple[int, str, str | None]]


def make(folder: Path) -> Work:
    """Counts how often it was called, by process, in files."""
    with open(folder / f"made-{os.getpid()}", "a") as file:
        file.write("x")
    return partial(work, folder)


def work(folder: Path, task: str) -> tuple[int, str, str | None]:
    if task == "rejected":
        raise Rejected("too_loud", "100 dB")
    if task == "broken":
        raise KeyError("no such thing")
    if task == "disk":
        raise OSError(28, "No space left on device")
    if task == "dies" or (task == "dies once" and not (folder / "died").exists()):
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), task.upper(), os.environ.get("OMP_NUM_THREADS")


def refuse() -> Work:
    raise Unavailable("the model's file is away")


TASKS = ["a", "rejected", "dies once", "b", "broken", "dies", "disk", "c", "d"]


def check_outcomes(folder: Path, run: RunConfig) -> None:
    results = dict(run_tasks(partial(make, folder), iter(TASKS), run, describe="task {}".format))
    assert sorted(results) == sorted(TASKS)
    done = {task: result[1:] for task, result in results.items() if isinstance(result, tuple)}
    assert done == {task: (task.upper(), "1") for task in ("a", "b", "c", "d", "dies once")}
    assert isinstance(results["rejected"], Rejected) and results["rejected"].reason == "too_loud"
    assert isinstance(results["disk"], Unavailable) and "No space left" in str(results["disk"])
    assert isinstance(results["broken"], LstDataError) and "unexpected KeyError" in str(results["broken"])
    assert isinstance(results["dies"], Unavailable)
    assert str(results["dies"]).startswith("task dies: its worker died 2 times: ")
    assert "SIGKILL" in str(results["dies"]) or run.runner == "ray"
    assert {path.read_text() for path in folder.glob("made-*")} == {"x"}


def test_every_task_has_one_outcome(tmp_path: Path) -> None:
    check_outcomes(tmp_path, RunConfig(workers=2))


@pytest.mark.slow
def test_every_task_has_the_same_outcome_on_ray(tmp_path: Path) -> None:
    check_outcomes(tmp_path, RunConfig(workers=2, runner="ray"))


def test_tasks_are_taken_as_workers_come_free_and_closing_ends_them(tmp_path: Path) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(f"t{len(taken)}")
            yield taken[-1]

    pids = set()
    with closing(run_tasks(partial(make, tmp_path), endless(), RunConfig(workers=2))) as results:
        for done, (_, result) in enumerate(results):
            assert isinstance(result, tuple)
            pids.add(result[0])
            assert len(taken) <= done + 1 + 2
            if done == 20:
                break
    assert pids and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_work_that_cannot_be_made_is_a_fault_of_each_task() -> None:
    results = list(run_tasks(refuse, ["a", "b"], RunConfig(workers=1)))
    assert [(task, str(result)) for task, result in results] == [
        ("a", "the model's file is away"),
        ("b", "the model's file is away"),
    ]
    assert all(isinstance(result, Unavailable) for _, result in results)


def test_no_tasks_need_no_worker() -> None:
    assert list(run_tasks(refuse, [], RunConfig(workers=1))) == []


def test_a_long_path_of_temporary_files_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path has an end; a cluster's scratch folders may go beyond."""
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(forkserver, "_forkserver", forkserver.ForkServer())
    assert list(run_tasks(partial(partial, str), [1], RunConfig(workers=1))) == [(1, "1")]
