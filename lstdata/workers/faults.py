"""What becomes of many tasks some of which fail for what the world does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from lstdata.errors import ConfigError, LstDataError, MissingExtra

Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_FAULTS = 10
"""Tasks that may fail in a row before the rest is given up."""


def successes(
    results: Iterable[tuple[Task, Result | LstDataError]], faults: list[LstDataError]
) -> Iterator[tuple[Task, Result]]:
    """Results as `run_tasks` yields them, without those that failed, whose faults are added to `faults`.

    Ends early after `MOST_FAULTS` failures in a row. Raises the user's faults, which no other task would escape.
    """
    in_a_row = 0
    for task, result in results:
        if isinstance(result, ConfigError | MissingExtra):
            raise result
        if not isinstance(result, LstDataError):
            in_a_row = 0
            yield task, result
            continue
        faults.append(result)
        in_a_row += 1
        if in_a_row == MOST_FAULTS:
            return
