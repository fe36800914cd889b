"""An end to what takes too long: the work is interrupted, and where that fails its process is killed."""

from __future__ import annotations

import faulthandler
import math
import signal
import sys
import threading
import time
from types import FrameType
from typing import Final

_AGAIN: Final = 5.0
"""Seconds until `Overdue` is raised once more, if something has swallowed it."""

_GRACE: Final = 5.0
"""Least seconds from the interruption to the kill; else a tenth of the time allowed."""

_claimed = False


class Overdue(BaseException):
    """Raised in the main thread, at whatever it is doing. No Exception, so that nothing takes it for one of its own."""


class TookTooLong(Exception):
    """Said of work that was interrupted, by one process to another."""


def claim() -> None:
    """This process is a worker: its alarm clock may be used. Deadlines do nothing anywhere else."""
    global _claimed
    _claimed = True


class Deadline:
    """Wall time for one piece of work after another, in the main thread of a worker.

    `Overdue` ends what Python can interrupt. A call into C that does not come back, whether it holds the interpreter's
    lock or not, ends with its process: exit code 1, and the stack on standard error.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._grace = max(_GRACE, seconds / 10)
        self._slack = seconds / 10
        """The kill is put off only so often, as that takes a thread; it comes later by this much at most."""
        self._kill_set = -math.inf
        self._running = False
        self._live = _claimed and threading.current_thread() is threading.main_thread()
        if self._live:
            signal.signal(signal.SIGALRM, self._ring)

    def begin(self, more: float = 0.0) -> None:
        """The time, and so many seconds more, runs from now on, whether it ran already or not."""
        if not self._live:
            return
        self._running = True
        signal.setitimer(signal.ITIMER_REAL, self.seconds + more, _AGAIN)
        now = time.monotonic()
        if more or now - self._kill_set > self._slack:
            after = self.seconds + more + self._grace + self._slack
            faulthandler.dump_traceback_later(after, exit=True, file=sys.__stderr__ or sys.stderr)
            self._kill_set = now if not more else -math.inf

    def end(self) -> None:
        if not self._live:
            return
        self._running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        self._kill_set = -math.inf

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise Overdue
