"""Every shard of a run, by one process or many: the same is found, and kept in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from upath import UPath

from lstdata.build.plan_table import Plan
from lstdata.config import RunConfig
from lstdata.errors import LstDataError
from lstdata.storage import sizes_in
from lstdata.verify.run import Run
from lstdata.verify.shard import Checked, ShardChecker, Task
from lstdata.verify.state import State
from lstdata.verify.tables import IndexGroups
from lstdata.workers import count_workers, run_tasks

if TYPE_CHECKING:
    from lstdata.verify import How

WORTH_A_PROCESS: Final = 64_000_000
"""Bytes: starting a worker takes as long as checking so many."""


class Listener(Protocol):
    """Whoever watches a verify."""

    def note(self, line: str) -> object: ...

    def update(self, done: int, total: int) -> object:
        """So many shards are checked, or need not be checked again."""


class Unheard:
    """A listener that says nothing."""

    def note(self, line: str) -> None: ...

    def update(self, done: int, total: int) -> None: ...


def check_each(run: Run, plan: Plan, index: IndexGroups, how: How, state: State, listener: Listener) -> None:
    """Bring `state` up to the shards as they are; raises Unavailable where one cannot be reached."""
    if len(state):
        listener.note(f"an interrupted verify has checked {len(state)} of {len(plan.shards)} shards: it goes on there")
    each = zip(plan.shards, how.depth.decoded(plan), strict=True)
    tasks = (Task(shard, decoded, index.of(shard.name), state.state_of(shard.name)) for shard, decoded in each)
    workers = how.workers or _workers_for(run.out)
    for done, checked in enumerate(_outcomes(run, tasks, min(workers, len(plan.shards))), start=1):
        if checked is not None:
            state.append(checked)
        listener.update(done, len(plan.shards))


def _outcomes(run: Run, tasks: Iterable[Task], workers: int) -> Iterator[Checked | None]:
    if workers <= 1:
        yield from map(ShardChecker(run), tasks)
        return
    outcomes = run_tasks(
        partial(ShardChecker, run), tasks, RunConfig(workers=workers), describe=lambda task: task.shard.describe()
    )
    with closing(outcomes):
        for _, outcome in outcomes:
            if isinstance(outcome, LstDataError):
                raise outcome
            yield outcome


def _workers_for(out: UPath) -> int:
    """As many as there are cores, as far as there is work for them."""
    size = sum(sizes_in(out / "shards").values())
    return min(count_workers(RunConfig()) or 1, 1 + size // WORTH_A_PROCESS)
