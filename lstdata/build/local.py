"""The local runner: worker processes of one thread each, no engine."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
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
) -> Iterator[ShardResult | tuple[str, LstDataError]]:
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


def _work(spec: BuildSpec, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
        except Exception as error:
            result = LstDataError(f"shard {shard.name}: unexpected {type(error).__name__}: {error}")
        try:
            pipe.send(result)
        except OSError:
            return
