"""Tasks in line, and what becomes of those whose worker died."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from lstdata.errors import LstDataError

Task = TypeVar("Task")
Given_co = TypeVar("Given_co", covariant=True)

DEATHS: Final = 2
"""A task whose worker died this often fails."""

NODE_DEATHS: Final = 20
"""A task whose node went away this often fails: on preemptible nodes that says nothing of the task."""


class WorkerDied(LstDataError):
    """The process that did a task ended before it answered; `cause` says how, as far as that is known."""

    def __init__(self, cause: str, with_node: bool = False, verdict: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.with_node = with_node
        """Its node went away: not for anything that the task did."""
        self.verdict = verdict or cause
        """The cause without names of machines and processes: what a dead letter may say."""

    def __reduce__(self) -> tuple[type[WorkerDied], tuple[str, bool, str]]:
        return (WorkerDied, (self.cause, self.with_node, self.verdict))


class Line(Protocol[Given_co]):
    """Where workers get their tasks from."""

    def next(self) -> Given_co | None:
        """The next task; None where there is none now: what comes of those under way may bring more."""


@dataclass
class Given(Generic[Task]):
    """A task in the hands of a worker, and how many workers and nodes died over it."""

    task: Task
    deaths: int = 0
    node_deaths: int = 0


class Queue(Generic[Task]):
    """Those whose worker died first, the rest only as they are asked for."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._coming = iter(tasks)
        self._again: deque[Given[Task]] = deque()

    def next(self) -> Given[Task] | None:
        if self._again:
            return self._again.popleft()
        for task in self._coming:
            return Given(task)
        return None

    def take_back(self, given: Given[Task], died: WorkerDied) -> bool:
        """A task whose worker died is to be tried again; False where that has happened too often."""
        given.node_deaths += died.with_node
        given.deaths += not died.with_node
        if given.deaths < DEATHS and given.node_deaths < NODE_DEATHS:
            self._again.append(given)
            return True
        return False
