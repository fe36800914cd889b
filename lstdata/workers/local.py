"""The local runner: worker processes of one thread each, no engine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from lstdata.errors import LstDataError, Unavailable
from lstdata.workers.queue import Given, Queue
from lstdata.workers.worker import Worker, pin_threads

Task = TypeVar("Task")
Result = TypeVar("Result")

DEATHS = 2
"""A task whose worker died this often fails."""


def run_local(
    make: Callable[[], Callable[[Task], Result]], tasks: Iterable[Task], workers: int, describe: Callable[[Task], str]
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """`run_tasks` in up to `workers` spawned processes, each started when there is a task for it."""
    queue = Queue(tasks)
    crew: list[_Process[Task, Result]] = []
    try:
        while True:
            _hand_out(queue, crew, make, workers)
            busy = [worker for worker in crew if worker.given]
            if not busy:
                return
            wait([worker.pipe for worker in busy])
            for worker in busy:
                if not worker.pipe.poll():
                    continue
                given, result = worker.take()
                if result is not None:
                    yield given.task, result
                    continue
                crew.remove(worker)
                worker.end()
                if not queue.return_dead(given, DEATHS):
                    yield given.task, Unavailable(f"{describe(given.task)}: its worker process died {DEATHS} times")
    finally:
        for worker in crew:
            worker.end()


def _hand_out(
    queue: Queue[Task],
    crew: list[_Process[Task, Result]],
    make: Callable[[], Callable[[Task], Result]],
    workers: int,
) -> None:
    """Give every free worker a task, and start workers while there are tasks for them."""
    idle = [worker for worker in crew if worker.given is None]
    while idle or len(crew) < workers:
        given = queue.next()
        if given is None:
            return
        if not idle:
            idle.append(_Process(make))
            crew.append(idle[0])
        idle.pop().give(given)


class _Process(Generic[Task, Result]):
    """A spawned process and the driver's end of its pipe; `given` is what it is doing."""

    def __init__(self, make: Callable[[], Callable[[Task], Result]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(make, theirs), name="lstdata-worker", daemon=True
        )
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.given: Given[Task] | None = None

    def give(self, given: Given[Task]) -> None:
        self.given = given
        try:
            self.pipe.send(given.task)
        except OSError:
            return  # it died already: `take` will say so

    def take(self) -> tuple[Given[Task], Result | LstDataError | None]:
        """What it was given, and the result; None where the process died."""
        assert self.given is not None
        given, self.given = self.given, None
        try:
            result: tuple[Result | LstDataError] = self.pipe.recv()
        except (EOFError, OSError):
            return given, None
        return given, result[0]

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started in here ignore Ctrl-C from their first instruction on: ending them is the driver's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_the_driver() -> None:
    """Kill this process as soon as its driver is gone: an orphan must not go on committing without the lock."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _serve(make: Callable[[], Callable[[Any], Any]], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_the_driver()
    pin_threads()
    worker = Worker(make)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((worker.do(task),))
        except OSError:
            return
