"""Which record a worker is at, and how long it may stay there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from lstdata.build.task import RecordFailed
from lstdata.workers.deadline import Deadline, Overdue

T = TypeVar("T")

NOWHERE: Final = -1

LOADING_SECONDS: Final = 60.0
"""That the first record has on top, and the first after models were dropped: they are loaded with it."""


class Whereabouts:
    """Written by the thread that builds, read by any other; a record's time runs from `at` to the next `at`."""

    def __init__(self, seconds: float) -> None:
        self.position = NOWHERE
        """In the shard."""
        self.id = ""
        self.stage = ""
        self._deadline = Deadline(seconds)
        self._more = 0.0
        self.load_anew()

    def load_anew(self) -> None:
        """The next record has time for models to load."""
        self._more = LOADING_SECONDS

    def at(self, position: int, id: str) -> None:
        self.position, self.id, self.stage = position, id, ""
        self._deadline.begin(self._more)
        self._more = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """For others, who keep the record's time meanwhile."""
        self._deadline.end()
        try:
            yield
        finally:
            if self.position != NOWHERE:
                self._deadline.begin()

    def timed(self, work: Callable[[], T]) -> T:
        """What `work` gives. RecordFailed, in the name of the record that it is at, where that takes too long."""
        try:
            try:
                return work()
            finally:
                self._leave()
        except Overdue:
            self._leave()
            limit = f"{self._deadline.seconds:g} s"
            message = f"it was not done within {limit} (`run.record_timeout`)."
            raise RecordFailed(self.id, self.stage or "build", "timed_out", message) from None

    def _leave(self) -> None:
        self._deadline.end()
        self.position = NOWHERE
