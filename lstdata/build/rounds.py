"""What the world has made fail is tried again in rounds, for as long as there is patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lstdata.build.plan_table import PlannedShard
from lstdata.build.recovery import End, NotAgain, Outcome, Recovery
from lstdata.build.task import ShardTask
from lstdata.errors import LstDataError, Unavailable
from lstdata.workers.faults import MOST_FAULTS

_LONGEST_PAUSE: Final = 60.0


@dataclass
class Outage:
    """The faults since a shard was built last: what they say of the world, and how long it is waited for."""

    patience: float
    """`run.patience`."""
    clock: Callable[[], float] = time.monotonic
    in_a_row: int = 0
    """Of this round."""
    _since: float | None = None
    """When the first of them came, by the clock."""
    _pause: float = 0.5
    _of_the_world: bool = False

    def over(self) -> None:
        """A shard was built."""
        self.in_a_row, self._since, self._pause, self._of_the_world = 0, None, 0.5, False

    def fault(self, *, of_the_world: bool) -> None:
        self.in_a_row += 1
        self._of_the_world |= of_the_world
        if self._since is None:
            self._since = self.clock()

    @property
    def patience_left(self) -> float:
        """Seconds."""
        return self.patience - (0.0 if self._since is None else self.clock() - self._since)

    @property
    def may_pass(self) -> bool:
        """By waiting: faults that are none of the world's come again."""
        return self._of_the_world and self.patience_left > 0

    def pause(self) -> float:
        """Seconds to wait now: 1, 2, 4 …, at most a minute, and no more than there is patience left."""
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return min(self._pause, self.patience_left)


@dataclass
class Rounds:
    """The line of a build's tasks. A round ends when all were tried, or when it is cut off: the world seems to be gone.

    Faults in a row are counted against the tasks that have been under way at once: those that are on their way when a
    mount goes away fail with it, however short that is.
    """

    recovery: Recovery
    outage: Outage
    put_aside: list[PlannedShard] = field(default_factory=list)
    """To be tried again in the next round."""
    _under_way: int = 0
    _most_under_way: int = 0

    @property
    def cut_off(self) -> bool:
        """Until a task that is under way succeeds after all."""
        return self.outage.in_a_row >= max(MOST_FAULTS, 2 * self._most_under_way)

    def next(self) -> ShardTask | None:
        task = None if self.cut_off else self.recovery.next()
        if task is not None:
            self._under_way += 1
            self._most_under_way = max(self._most_under_way, self._under_way)
        return task

    def take(self, task: ShardTask, outcome: Outcome) -> tuple[bool, End]:
        """As `Recovery.take`; a shard that ends by a fault of the world is put aside."""
        self._under_way -= 1
        over, end = self.recovery.take(task, outcome)
        if isinstance(end, LstDataError):
            again = isinstance(end, Unavailable) and not isinstance(end, NotAgain)
            self.outage.fault(of_the_world=again)
            if again:
                self.put_aside.append(task.shard)
        elif over and end is not None:
            self.outage.over()
        return over, end

    def begin_another(self) -> None:
        """First those that have not been tried, then those that were put aside."""
        self.recovery.put_back(self.put_aside)
        self.put_aside = []
        self.outage.in_a_row = 0
