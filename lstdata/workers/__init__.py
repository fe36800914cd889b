"""Many tasks by a few workers: processes of this machine or actors on Ray, with the same outcome.

A worker has one thread, calls `make` once and then does one task after another. Tasks are taken from their iterator
only as workers come free, results come in no order, and the driver holds no more of either than there are workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from lstdata.config import RunConfig
from lstdata.errors import LstDataError

Task = TypeVar("Task")
Result = TypeVar("Result")


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
    task where that does not help. `gpus_per_worker`, maybe a fraction, is Ray's to give; local processes see all GPUs.
    """
    if run.runner == "local":
        from lstdata.workers.local import run_local

        return run_local(make, tasks, run.workers or len(os.sched_getaffinity(0)), describe)
    from lstdata.workers.on_ray import run_ray

    return run_ray(make, tasks, run.workers, describe, address=run.address, gpus_per_worker=gpus_per_worker)
