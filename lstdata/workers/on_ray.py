"""The Ray runner: each task is one of Ray's, done by a worker that its process keeps; retries are ours."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from lstdata.errors import ConfigError, LstDataError
from lstdata.workers import deadline
from lstdata.workers.cluster import connected, connection_is_ours, live_nodes, room
from lstdata.workers.queue import Line
from lstdata.workers.ray_faults import fault, one_line
from lstdata.workers.worker import Worker

if TYPE_CHECKING:
    from lstdata.workers import Share

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_SECONDS: Final = 5.0
"""Between two looks at how many nodes there are."""

_AHEAD: Final = 4
"""Where the cluster says how many tasks there are at once, one in so many waits besides: an autoscaler sees demand."""


def run_ray(
    make: Callable[[], Callable[[Task], Result]],
    line: Line[Task],
    workers: int | None,
    title: str,
    *,
    address: str | None,
    share: Share,
    held: Mapping[str, float],
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """`work_off` in tasks of this share each, `workers` of them at once, or as many as the cluster has room for now.

    `held` are CPUs by node that other things of this run have: see `room`.
    """
    with connected(workers, address) as ray:
        if address is None:
            _check_gpus(ray.cluster_resources(), share.gpus)
        yield from _Flight(ray, make, line, workers, title, share, held).outcomes()


@dataclass
class _Flight(Generic[Task, Result]):
    """The tasks under way."""

    ray: Any
    make: Callable[[], Callable[[Task], Result]]
    line: Line[Task]
    workers: int | None
    title: str
    share: Share
    held: Mapping[str, float]
    _calls: dict[Any, Task] = field(default_factory=dict)
    _room: int = 0
    _looked: float | None = None

    def outcomes(self) -> Generator[tuple[Task, Result | LstDataError], None, None]:
        share = {"num_cpus": self.share.cpus, "num_gpus": self.share.gpus}
        serve = self.ray.remote(max_retries=0, max_calls=0, **share)(_serve).options(name=self.title)
        run, make = secrets.token_hex(8), [self.ray.put(self.make)]
        try:
            while True:
                while len(self._calls) < self._most() and (task := self.line.next()) is not None:
                    self._calls[serve.remote(run, make, task)] = task
                if not self._calls:
                    return
                done, _ = self.ray.wait(list(self._calls), num_returns=1, timeout=_LOOK_SECONDS)
                for call in done:
                    yield self._calls.pop(call), self._outcome(call)
        finally:
            self._cancel()

    def _most(self) -> int:
        """Tasks that may be under way."""
        if self.workers is not None:
            return self.workers
        now = time.monotonic()
        if self._looked is None or now - self._looked > _LOOK_SECONDS:
            self._looked, self._room = now, room(live_nodes(self.ray), self.share, self.held)
        return max(1, self._room) + max(1, self._room // _AHEAD)

    def _outcome(self, call: Any) -> Result | LstDataError:
        errors = self.ray.exceptions
        try:
            result: Result | LstDataError = self.ray.get(call)
            return result
        except errors.RayTaskError as error:
            if isinstance(error.cause, errors.RayError):
                return fault(errors, error.cause)
            return LstDataError(f"unexpected {type(error.cause).__name__}: {one_line(error.cause)}")
        except errors.RayError as error:
            return fault(errors, error)

    def _cancel(self) -> None:
        """Only where they would outlive this: cancelling a task that is about to end aborts the process (Ray 2.60)."""
        if connection_is_ours():
            return
        for call in self._calls:
            with suppress(Exception):
                self.ray.cancel(call, force=True)


_workers: dict[str, Worker[Any, Any]] = {}
"""Of this process, by run: the last one only."""


def _serve(run: str, make: list[Any], task: Any) -> Any:
    """What runs in Ray's process; `make` is by reference, in a list so that Ray does not fetch it each time."""
    worker = _workers.get(run)
    if worker is None:
        import ray

        _workers.clear()
        deadline.claim()
        worker = _workers[run] = Worker(ray.get(make[0]))
    return worker.do(task)


def _check_gpus(resources: dict[str, float], gpus: float) -> None:
    have = resources.get("GPU", 0.0)
    if have < gpus:
        raise ConfigError(f"A worker needs {gpus:g} GPUs, but this machine has {have:g}.")
