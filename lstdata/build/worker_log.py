"""What a worker says of itself in `OUT/events/`: which shard it has, and where in it it is."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Final

from upath import UPath

from lstdata.build.events import EventLog
from lstdata.build.task import RecordFailed, ShardResult, ShardTask
from lstdata.build.whereabouts import NOWHERE, Whereabouts

_LOOK_SECONDS: Final = 10.0


class WorkerLog:
    """A thread of its own looks now and then where the worker is, so that records cost nothing."""

    def __init__(self, out: UPath, place: Whereabouts) -> None:
        self._events = EventLog(out, "worker")
        self._place = place
        self._shard = ""
        self._began = 0.0
        threading.Thread(target=_look, args=(weakref.ref(self),), daemon=True, name="lstdata-log").start()

    def begin(self, task: ShardTask) -> None:
        self._shard, self._began = task.shard.name, time.monotonic()
        self._events.write("shard", name=task.shard.name, records=task.records)

    def done(self, task: ShardTask, result: ShardResult) -> None:
        self._events.write("done", shard=task.shard.name, seconds=round(time.monotonic() - self._began, 3))
        self._shard = ""

    def timed_out(self, task: ShardTask, failed: RecordFailed) -> None:
        self._events.write(failed.reason, shard=task.shard.name, id=failed.id, stage=failed.stage)
        self._shard = ""

    def say_where(self) -> None:
        """If one shard takes long. Called by another thread, at any moment."""
        place, shard = self._place, self._shard
        if shard and place.position != NOWHERE and time.monotonic() - self._began >= _LOOK_SECONDS:
            self._events.write("at", shard=shard, position=place.position, id=place.id, stage=place.stage)
        self._events.close()


def _look(log: weakref.ref[WorkerLog]) -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        found = log()
        if found is None:
            return
        found.say_where()
        del found
