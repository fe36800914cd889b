"""Many tasks by a few workers: processes of this machine or tasks on Ray, with the same outcome.

A worker has one thread, calls `make` once and then does one task after another. Tasks are taken from their line only as
workers come free, results come in no order, and the driver holds hardly more of either than there are workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from lstdata.config import RunConfig
from lstdata.errors import LstDataError, Unavailable
from lstdata.workers.queue import Given, Line, Queue
from lstdata.workers.queue import WorkerDied as WorkerDied

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Share:
    """What a task on Ray asks for; local processes see all there is."""

    cpus: float = 1.0
    gpus: float = 0.0


_WHOLE: Final = Share()


def run_tasks(
    make: Callable[[], Callable[[Task], Result]],
    tasks: Iterable[Task],
    run: RunConfig,
    *,
    describe: Callable[[Task], str] = str,
    gpus_per_worker: float = 0.0,
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """Do every task; yields (task, result or fault) as they come. Closing the generator ends all workers at once.

    `make`, tasks and results are pickled; `make` runs in the worker, once, before its first task. What a worker raises
    comes back as the fault of its task. A worker that dies is replaced and its task tried again; `describe` names the
    task where that does not help. `gpus_per_worker`, maybe a fraction, is Ray's to give.
    """
    queue = Queue(tasks)
    outcomes = work_off(_Ungiven(make), queue, run, share=Share(gpus=gpus_per_worker))
    with closing(outcomes):
        for given, outcome in outcomes:
            if not isinstance(outcome, WorkerDied):
                yield given.task, outcome
            elif not queue.take_back(given, outcome):
                times = given.node_deaths if outcome.with_node else given.deaths
                yield given.task, Unavailable(f"{describe(given.task)}: its worker died {times} times: {outcome}")


def work_off(
    make: Callable[[], Callable[[Task], Result]],
    line: Line[Task],
    run: RunConfig,
    *,
    title: str = "lstdata",
    share: Share = _WHOLE,
    held: Mapping[str, float] | None = None,
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """Do tasks until the line has none and none is under way; a worker's death is an outcome: `WorkerDied`.

    The line is asked again after each outcome, so that whoever gets it may add to the line. `title` is how Ray's
    dashboard names every task: names of their own would each cost the driver 13 KB for good. `held` are CPUs by node of
    the cluster that are not for tasks. All else as `run_tasks`.
    """
    if run.runner == "local":
        from lstdata.workers.local import run_local

        return run_local(make, line, count_workers(run) or 1)
    from lstdata.workers.on_ray import run_ray

    return run_ray(make, line, run.workers, title, address=run.address, share=share, held=held or {})


def count_workers(run: RunConfig) -> int | None:
    """At once; None where that is for the cluster to say, again and again."""
    return run.workers or (len(os.sched_getaffinity(0)) if run.runner == "local" else None)


@dataclass(frozen=True)
class _Ungiven(Generic[Task, Result]):
    """Makes work on tasks into work on given ones."""

    make: Callable[[], Callable[[Task], Result]]

    def __call__(self) -> Callable[[Given[Task]], Result]:
        work = self.make()
        return lambda given: work(given.task)
