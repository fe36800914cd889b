"""Tasks in line: those whose worker died first, the rest only as they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Task = TypeVar("Task")


@dataclass
class Given(Generic[Task]):
    """A task in the hands of a worker, and how many workers died over it."""

    task: Task
    deaths: int = 0


class Queue(Generic[Task]):
    def __init__(self, tasks: Iterable[Task]) -> None:
        self._coming = iter(tasks)
        self._again: deque[Given[Task]] = deque()

    def next(self) -> Given[Task] | None:
        """The next task; None where there is none now: one in a worker's hands may still come back."""
        if self._again:
            return self._again.popleft()
        for task in self._coming:
            return Given(task)
        return None

    def return_dead(self, given: Given[Task], most: int) -> bool:
        """Take back a task whose worker died; False where that has now happened `most` times."""
        given.deaths += 1
        if given.deaths < most:
            self._again.append(given)
            return True
        return False
