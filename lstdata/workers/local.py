"""The local runner: worker processes of one thread each, no engine.

They are forked from a server, a process that has loaded the libraries and done nothing else: a worker is there in
milliseconds, not seconds, also in the place of one that died.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar

from lstdata.errors import LstDataError
from lstdata.workers import deadline
from lstdata.workers.queue import Line, WorkerDied
from lstdata.workers.worker import LIBRARIES, Worker, pin_threads

Task = TypeVar("Task")
Result = TypeVar("Result")

_DYING_SECONDS: Final = 5.0
"""That a process may take to be gone once its pipe is closed."""

_LONGEST_FOLDER: Final = 64
"""Bytes of the path of the system's temporary files: the server's socket lies below it, and may have 107 in all."""

_LIBRARIES_OF_SOME: Final = ("lhotse", "pocketsphinx", "torchaudio", "transformers")
"""That are loaded for workers where the driver needed them itself."""


def run_local(
    make: Callable[[], Callable[[Task], Result]], line: Line[Task], workers: int
) -> Generator[tuple[Task, Result | LstDataError], None, None]:
    """`work_off` in up to `workers` processes, each started when there is a task for it."""
    crew: list[_Process[Task, Result]] = []
    try:
        while True:
            _hand_out(line, crew, make, workers)
            busy = [worker for worker in crew if worker.is_busy]
            if not busy:
                return
            wait([worker.pipe for worker in busy])
            for worker in busy:
                if not worker.pipe.poll():
                    continue
                task, outcome = worker.take()
                if isinstance(outcome, WorkerDied):
                    crew.remove(worker)
                yield task, outcome
    finally:
        for worker in crew:
            worker.end()


def _hand_out(
    line: Line[Task],
    crew: list[_Process[Task, Result]],
    make: Callable[[], Callable[[Task], Result]],
    workers: int,
) -> None:
    """Give every free worker a task, and start workers while there are tasks for them."""
    idle = [worker for worker in crew if not worker.is_busy]
    while idle or len(crew) < workers:
        task = line.next()
        if task is None:
            return
        if not idle:
            idle.append(_Process(make))
            crew.append(idle[0])
        idle.pop().give(task)


class _Process(Generic[Task, Result]):
    """A process and the driver's end of its pipe."""

    def __init__(self, make: Callable[[], Callable[[Task], Result]]) -> None:
        context = _context()
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(make, theirs, dict(os.environ)), name="lstdata-worker", daemon=True
        )
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self._given: list[Task] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._given)

    def give(self, task: Task) -> None:
        self._given.append(task)
        try:
            self.pipe.send(task)
        except OSError:
            return  # it died already: `take` will say so

    def take(self) -> tuple[Task, Result | LstDataError]:
        """What it was given, and the outcome; after WorkerDied it has ended."""
        task = self._given.pop()
        try:
            outcome: tuple[Result | LstDataError] = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(_DYING_SECONDS)
            cause = how_it_ended(self.process.exitcode)
            self.end()
            return task, WorkerDied(cause)
        return task, outcome[0]

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def how_it_ended(code: int | None) -> str:
    """An exit code as `multiprocessing` gives it: negative for a signal, None where the process lives on."""
    if code is None:
        return "it closed its pipe"
    if code >= 0:
        return f"exit code {code}, see its standard error"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if -code == signal.SIGKILL else "")


def _context() -> BaseContext:
    """Of processes that share nothing with the driver: a fork of itself would have its threads' locks."""
    if sys.platform != "linux" or len(os.fsencode(tempfile.gettempdir())) > _LONGEST_FOLDER:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES, *(name for name in _LIBRARIES_OF_SOME if name in sys.modules)])
    return context


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started in here do not hear Ctrl-C from their first instruction on: ending them is the driver's.

    What comes meanwhile is heard afterwards: the first worker takes seconds to start.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_the_driver() -> None:
    """Kill this process as soon as its driver is gone: an orphan must not go on committing without the lock."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _serve(make: Callable[[], Callable[[Any], Any]], pipe: Connection, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with_the_driver()
    deadline.claim()
    pin_threads()
    worker = Worker(make)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send((worker.do(task),))
        except OSError:
            return
