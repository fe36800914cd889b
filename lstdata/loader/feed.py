"""Rows that processes make ahead of training: the same rows in the same order, whatever their number.

Each lane is packed by one process, which writes its rows into a pipe; that is full after about a megabyte, so no
process runs far ahead. With a row comes the state of its lane after it, so the state of the training process is that of
the rows it has taken, never of those that are made ahead.

A process is told by its standard input what to do, and ends with it: it outlives neither this object nor this process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import IO, Final

from lstdata.config import to_dict
from lstdata.errors import LstDataError
from lstdata.loader.frames import read_frame
from lstdata.loader.mixture import Mixture, Place
from lstdata.loader.spec import MixtureSpec
from lstdata.packing import Row
from lstdata.workers.local import how_it_ended

WORKER: Final = (sys.executable, "-m", "lstdata.loader.feeding")

SECONDS_TO_END: Final = 5.0
"""That a process may take to be gone once its pipes are closed."""


def worker_of(place: Place, world: int, workers: int) -> int:
    """Which of a rank's processes packs a lane: its lanes, every `world`-th of a source, take turns."""
    return (place.lane // world + place.source) % workers


class Feed:
    """A rank's rows, step by step; `mixture` opened from `spec` keeps the state of what was taken."""

    def __init__(self, spec: MixtureSpec, mixture: Mixture, *, rank: int = 0, world: int = 1, workers: int) -> None:
        """Processes are started when rows of their lanes are first asked for."""
        self._spec = spec
        self._mixture = mixture
        self._rank = rank
        self._world = world
        self._workers = workers
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def rows(self, step: int) -> list[Row]:
        """The rows of a step in the order of `rows_of_step`; steps come one after another, but for after `close`.

        Raises what went wrong as the process that met it did, and LstDataError where one has died.
        """
        numbers = self._mixture.rows_of_step(step, self._rank, self._world)
        places = [self._mixture.place(number) for number in numbers]
        workers = [worker_of(place, self._world, self._workers) for place in places]
        try:
            for worker in sorted(set(workers) - self._running.keys()):
                self._running[worker] = self._start(worker, step)
            return [self._take(*each) for each in zip(workers, numbers, places, strict=True)]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes; rows can be asked for again, from where the mixture then stands."""
        running, self._running = self._running, {}
        for process in running.values():
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    _open(pipe).close()
        for process in running.values():
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, worker: int, step: int) -> subprocess.Popen[bytes]:
        """In a group of its own: Ctrl-C is for this process alone to hear."""
        process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
        task = {
            "spec": to_dict(self._spec),
            "state": self._mixture.state(),
            "step": step,
            "rank": self._rank,
            "world": self._world,
            "worker": worker,
            "workers": self._workers,
        }
        with suppress(BrokenPipeError):  # it is dead already: that is seen where its first row is missing
            _open(process.stdin).write(json.dumps(task).encode() + b"\n")
            _open(process.stdin).flush()
        return process

    def _take(self, worker: int, number: int, place: Place) -> Row:
        process = self._running[worker]
        frame = read_frame(_open(process.stdout))
        if frame is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS_TO_END)
            raise LstDataError(
                f"A process that makes rows (`rows.workers`) has ended: {how_it_ended(process.returncode)}; "
                "run the same command again to resume."
            )
        if frame.number != number:
            raise AssertionError(f"Row {number} was asked for, but row {frame.number} was made.")
        self._mixture.streams[place.source].set_lane(place.lane, frame.state)
        return frame.row


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
