"""The local runner: worker processes of one thread each, no engine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lstdata.build.plan_table import PlannedShard
from lstdata.build.shard import ShardResult, build_shard, pin_threads
from lstdata.build.spec import BuildSpec
from lstdata.errors import LstDataError, Unavailable

DEATHS = 2
"""A shard whose worker died this often stays pending."""


def run_local(
    spec: BuildSpec, shards: Sequence[PlannedShard], workers: int
) -> Generator[ShardResult | tuple[str, LstDataError], None, None]:
    """Build shards in worker processes; yields each result, or (shard, fault), as it comes.

    A worker that dies is replaced and its shard tried once more. Leaving the iterator ends all workers at once.
    """
    pending = deque(shards)
    deaths: dict[str, int] = {}
    crew = [_Worker(spec) for _ in range(min(workers, len(shards)))]
    try:
        for worker in crew:
            worker.give(pending.popleft())
        while any(worker.shard for worker in crew):
            wait([w.pipe for w in crew if w.shard])
            for number, worker in enumerate(crew):
                if worker.shard is None or not worker.pipe.poll():
                    continue
                shard = worker.shard
                result = worker.take()
                if result is None:
                    worker.end()
                    worker = crew[number] = _Worker(spec)
                    deaths[shard.name] = deaths.get(shard.name, 0) + 1
                    if deaths[shard.name] < DEATHS:
                        pending.appendleft(shard)
                    else:
                        yield shard.name, Unavailable(f"shard {shard.name}: its worker process died {DEATHS} times")
                else:
                    yield (shard.name, result) if isinstance(result, LstDataError) else result
                if pending:
                    worker.give(pending.popleft())
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """A spawned process and the driver's end of its pipe; `shard` is what it is building."""

    def __init__(self, spec: BuildSpec) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_work, args=(spec, theirs), name="lstdata-build", daemon=True
        )
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.shard: PlannedShard | None = None

    def give(self, shard: PlannedShard) -> None:
        self.shard = shard
        try:
            self.pipe.send(shard)
        except OSError:
            return  # it died already: `take` will say so

    def take(self) -> ShardResult | LstDataError | None:
        """The result of `shard`; None where the process died."""
        self.shard = None
        try:
            result: ShardResult | LstDataError = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return result

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


def _work(spec: BuildSpec, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_the_driver()
    pin_threads()
    while True:
        try:
            shard: PlannedShard = pipe.recv()
        except EOFError:
            return
        try:
            result: ShardResult | LstDataError = build_shard(spec, shard)
        except LstDataError as error:
            result = error
        try:
            pipe.send(result)
        except OSError:
            return
