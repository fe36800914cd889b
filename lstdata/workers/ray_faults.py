"""What Ray's errors say: a worker died, its node went away, or the cluster cannot do what it is asked for."""

from __future__ import annotations

from typing import Any

from lstdata.errors import LstDataError, Unavailable
from lstdata.workers.queue import WorkerDied


def fault(errors: Any, error: Exception) -> LstDataError:
    """Of a task that has no result, by an error of `ray.exceptions`.

    Only what went away with its node is tried again at once and often; a full disk or an environment that cannot be
    made would be met again.
    """
    text = one_line(error)
    if isinstance(error, errors.OutOfMemoryError):
        return WorkerDied(f"out of memory: {text}", verdict="out of memory")
    if isinstance(error, errors.WorkerCrashedError):
        return WorkerDied(text, verdict="its process ended")
    if isinstance(error, errors.NodeDiedError | errors.ObjectLostError):
        return WorkerDied(text, with_node=True)
    return Unavailable(f"Ray: {type(error).__name__}: {text}")


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
