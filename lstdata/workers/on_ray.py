"""The Ray runner: the same workers as actors; the driver sees only tasks and results."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.workers.queue import Given, Queue
from lstdata.workers.worker import Worker

Task = TypeVar("Task")
Result = TypeVar("Result")

DEATHS = 3
"""A task whose actor or node died this often fails; so does the run where actors die this often before any task."""


def run_ray(
    make: Callable[[], Callable[[Task], Result]],
    tasks: Iterable[Task],
    workers: int | None,
    describe: Callable[[Task], str],
    *,
    address: str | None,
    gpus_per_worker: float = 0.0,
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """`run_tasks` in actors of one CPU and `gpus_per_worker` GPUs each.

    `address` joins a running cluster; else a local one is started and stopped. Without `workers` there are as many
    actors as the cluster has room for when the run begins. An actor gets a task only once it runs, so that one for
    which there is no room holds nothing up.
    """
    import ray

    _connect(ray, workers, address)
    try:
        count = workers or _room(ray.cluster_resources(), gpus_per_worker)
        if address is None and gpus_per_worker > 0:
            _check_gpus(ray.cluster_resources(), gpus_per_worker)
        actor = ray.remote(num_cpus=1, num_gpus=gpus_per_worker)(_Served)
        yield from _Crew(ray, lambda: actor.remote(make), Queue(tasks), describe).run(count)
    finally:
        ray.shutdown()


@dataclass
class _Busy(Generic[Task]):
    """An actor with a call under way; without a task it is starting."""

    actor: Any
    given: Given[Task] | None


class _Crew(Generic[Task, Result]):
    """Up to a number of actors, and the calls under way."""

    def __init__(self, ray: Any, start: Callable[[], Any], queue: Queue[Task], describe: Callable[[Task], str]) -> None:
        self._ray, self._start, self._queue, self._describe = ray, start, queue, describe
        self._calls: dict[Any, _Busy[Task]] = {}
        self._idle: list[Any] = []
        self._stillborn = 0
        """Actors that died before their first task, since one last lived."""

    def run(self, count: int) -> Generator[tuple[Task, Result | LstDataError], None, None]:
        waiting: deque[Given[Task]] = deque()
        while True:
            working = sum(busy.given is not None for busy in self._calls.values())
            while len(waiting) < count - working and (given := self._queue.next()):
                waiting.append(given)
            if not waiting and not working:
                return
            while waiting and self._idle:
                actor, given = self._idle.pop(), waiting.popleft()
                self._calls[actor.do.remote(given.task)] = _Busy(actor, given)
            starting = sum(busy.given is None for busy in self._calls.values())
            for _ in range(min(len(waiting) - starting, count - len(self._calls))):
                actor = self._start()
                self._calls[actor.ready.remote()] = _Busy(actor, None)
            done, _ = self._ray.wait(list(self._calls), num_returns=1)
            yield from self._finish(done[0])

    def _finish(self, call: Any) -> Generator[tuple[Task, Result | LstDataError], None, None]:
        busy = self._calls.pop(call)
        try:
            result = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            self._lost(busy, error)
            if busy.given is not None and not self._queue.return_dead(busy.given, DEATHS):
                name, cause = self._describe(busy.given.task), " ".join(str(error).split())[:300]
                yield busy.given.task, Unavailable(f"{name}: its worker died {DEATHS} times: {cause}")
            return
        self._stillborn = 0
        self._idle.append(busy.actor)
        if busy.given is not None:
            yield busy.given.task, result

    def _lost(self, busy: _Busy[Task], error: Exception) -> None:
        self._ray.kill(busy.actor)
        self._stillborn += busy.given is None
        if self._stillborn == DEATHS:
            cause = " ".join(str(error).split())[:300]
            raise Unavailable(f"{DEATHS} workers on Ray died before their first task: {cause}") from error


class _Served(Worker[Any, Any]):
    """What runs in the actor."""

    def ready(self) -> None:
        """Answers once the actor runs."""


def check_address(address: str | None) -> None:
    """ConfigError where nothing answers at `host:port` within five seconds; Ray itself would wait for minutes."""
    place = (address or "").removeprefix("ray://")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise ConfigError(f"`run.address` {address!r} is no running Ray cluster: {error}.") from error


def _room(resources: dict[str, float], gpus_per_worker: float) -> int:
    room = resources.get("CPU", 1.0)
    if gpus_per_worker > 0:
        room = min(room, resources.get("GPU", 0.0) / gpus_per_worker)
    return max(1, int(room))


def _check_gpus(resources: dict[str, float], gpus_per_worker: float) -> None:
    have = resources.get("GPU", 0.0)
    if have < gpus_per_worker:
        raise ConfigError(f"A worker needs {gpus_per_worker:g} GPUs, but this machine has {have:g}.")


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    quiet = {"configure_logging": True, "logging_level": logging.ERROR, "log_to_driver": False}
    cores = workers or len(os.sched_getaffinity(0))
    try:
        if address is None:
            ray.init(address="local", num_cpus=cores, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"`run.address` {address!r} is no running Ray cluster: {error}.") from error
