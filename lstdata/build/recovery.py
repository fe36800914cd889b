"""What is tried next when a worker dies over a shard, or a record does not end: the records to blame are found."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from lstdata.build.plan_table import PlannedShard
from lstdata.build.task import FailedTogether, RecordFailed, ShardResult, ShardTask
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, MissingExtra, Unavailable
from lstdata.records import DeadLetter
from lstdata.workers.queue import DEATHS, NODE_DEATHS, WorkerDied

MOST_WORK: Final = 16
"""Shard builds' worth of records that one shard may cost, those that a death left undone included; then it stays
pending. What is done again because a node went away, at most `NODE_DEATHS` times, comes on top.

A record that kills costs at most 5: two builds, probes of ever smaller halves on either side of it that are together
two more, and the build without it. One that does not end costs 2, and as often the time allowed.
"""

MOST_POISON: Final = 8
"""Records of one shard that are isolated in one run. If there are more, it is hardly the records."""

Outcome: TypeAlias = ShardResult | LstDataError

End: TypeAlias = ShardResult | LstDataError | None
"""Of a shard: built, pending for this, or complete as it is."""

Steps: TypeAlias = Generator[ShardTask, Outcome, Any]

Tell: TypeAlias = Callable[..., object]
"""Takes the name of an event and its details."""

_THE_USERS: Final = (ConfigError, MissingExtra, IncompleteBuild)


class NotAgain(Unavailable):
    """Of a shard that stays pending in this run: all that could be tried was tried."""


class _GivenUp(Exception):
    """Of a shard, for this."""

    def __init__(self, fault: LstDataError) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Recovery:
    """The tasks of a build: first complete shards whose environmental records may fare better now, then all that miss.

    A shard in trouble has one task at a time, so that it holds no other shard up. `rows` gives (id, place) of each of a
    shard's records, and is asked for shards in trouble alone; `tell` hears what happens.
    """

    def __init__(
        self,
        missing: Iterable[PlannedShard],
        doubtful: Sequence[tuple[PlannedShard, Sequence[DeadLetter]]],
        rows: Callable[[PlannedShard], Sequence[tuple[str, str]]],
        tell: Tell,
    ) -> None:
        self._doubtful = {shard.name: letters for shard, letters in doubtful}
        self._coming = chain([shard for shard, _ in doubtful], missing)
        self._put_back: deque[PlannedShard] = deque()
        self._again: deque[ShardTask] = deque()
        self._under_way: dict[str, Steps] = {}
        self._rows, self._tell = rows, tell

    def next(self) -> ShardTask | None:
        if self._again:
            return self._again.popleft()
        shard = next(self._coming, None) or (self._put_back.popleft() if self._put_back else None)
        if shard is None:
            return None
        steps = _Course(shard, self._rows, self._tell).steps(self._doubtful.get(shard.name, ()))
        self._under_way[shard.name] = steps
        return next(steps)

    def put_back(self, shards: Iterable[PlannedShard]) -> None:
        """Shards that have come to an end are begun again, after all others."""
        self._put_back.extend(shards)

    def take(self, task: ShardTask, outcome: Outcome) -> tuple[bool, End]:
        """Whether the shard has come to its end with this outcome, and to which."""
        try:
            self._again.append(self._under_way[task.shard.name].send(outcome))
        except StopIteration as end:
            del self._under_way[task.shard.name]
            return True, end.value
        return False, None


class _Course:
    """One shard, from its first task to its end."""

    def __init__(
        self, shard: PlannedShard, rows: Callable[[PlannedShard], Sequence[tuple[str, str]]], tell: Tell
    ) -> None:
        self._shard, self._rows_of, self._tell = shard, rows, tell
        self._rows: Sequence[tuple[str, str]] = ()
        self._letters: dict[str, DeadLetter] = {}
        """By record: those that stand for them."""
        self._failures: Counter[str] = Counter()
        """Of records that have failed by name."""
        self._poison = self._work = self._deaths = self._node_deaths = 0

    def steps(self, environmental: Sequence[DeadLetter]) -> Steps:
        """Yields what is to be done and is sent what came of it; returns the `End`."""
        try:
            if environmental and (yield from self._still_fail(environmental)):
                return None
            return (yield from self._build())
        except _GivenUp as given_up:
            return given_up.fault

    def _build(self) -> Generator[ShardTask, Outcome, ShardResult]:
        deaths, in_vain = 0, False
        while True:
            outcome = yield from self._try(None)
            if isinstance(outcome, ShardResult):
                return outcome
            if isinstance(outcome, RecordFailed):
                yield from self._suspect(outcome)
                continue
            deaths += 1
            if deaths < DEATHS and isinstance(outcome, WorkerDied):
                continue
            if in_vain:
                name = self._shard.describe()
                raise _GivenUp(NotAgain(f"{name}: its worker died, but over none of its records alone: {outcome}"))
            before = len(self._letters)
            yield from self._search(0, self._shard.records)
            in_vain = len(self._letters) == before

    def _search(self, first: int, last: int) -> Steps:
        """Find the records to blame in a stretch over which a worker died."""
        if last - first == 1:
            yield from self._convict(first)
            return
        middle = (first + last) // 2
        if (yield from self._is_deadly(first, middle)):
            yield from self._search(first, middle)
            if not (yield from self._is_deadly(middle, last)):
                return
        yield from self._search(middle, last)

    def _is_deadly(self, first: int, last: int) -> Generator[ShardTask, Outcome, bool]:
        if last - first == 1:
            yield from self._convict(first)
            return self._row(first)[0] in self._letters
        while True:
            outcome = yield from self._try((first, last))
            if not isinstance(outcome, RecordFailed):
                return not isinstance(outcome, ShardResult)
            yield from self._suspect(outcome)

    def _convict(self, position: int) -> Steps:
        """Isolate a record if it fails twice alone."""
        id = self._row(position)[0]
        if id in self._letters:
            return
        deaths = 0
        for _ in range(2):
            outcome = yield from self._try((position, position + 1))
            if isinstance(outcome, ShardResult):
                return
            deaths += isinstance(outcome, WorkerDied)
        self._isolate(position, outcome, twice=deaths == 2)

    def _suspect(self, failed: RecordFailed) -> Steps:
        """A record that failed by name is tried alone, and isolated when it has failed by name or alone twice."""
        position = next((n for n, (id, _) in enumerate(self._all_rows()) if id == failed.id), None)
        if position is None:
            raise _GivenUp(failed)
        self._failures[failed.id] += 1
        outcome: Outcome = failed
        if self._failures[failed.id] < 2:
            outcome = yield from self._try((position, position + 1))
            if isinstance(outcome, ShardResult):
                return
        self._isolate(position, outcome)

    def _still_fail(self, letters: Sequence[DeadLetter]) -> Generator[ShardTask, Outcome, bool]:
        """Whether records still get these letters when they are tried alone; those that do keep them."""
        places = {id: position for position, (id, _) in enumerate(self._all_rows())}
        for letter in letters:
            if letter.id not in places:
                continue
            at = places[letter.id]
            outcome = yield from self._try((at, at + 1), lasting=True)
            made = outcome.letters if isinstance(outcome, ShardResult) else (letter,)
            if [(x.stage, x.reason) for x in made] == [(letter.stage, letter.reason)]:
                self._letters[letter.id] = letter
            else:
                self._letters.pop(letter.id, None)
        return len(self._letters) == len(letters)

    def _try(self, only: tuple[int, int] | None, *, lasting: bool = False) -> Steps:
        """Have one thing done, again and again where nodes die; raises `_GivenUp` for faults of the world.

        Where the shard is complete, `lasting`, such a fault is an outcome as any other.
        """
        task = ShardTask(self._shard, tuple(self._letters.values()), only)
        self._work += task.records
        if self._work > MOST_WORK * self._shard.records:
            raise _GivenUp(NotAgain(f"{self._shard.describe()}: given up after {MOST_WORK} builds' worth of tries."))
        if only is not None:
            self._tell("probing", shard=self._shard.name, first=only[0], last=only[1] - 1)
        while True:
            outcome = yield task
            if isinstance(outcome, WorkerDied):
                self._tell("died", shard=self._shard.name, deaths=self._died(outcome), cause=outcome.cause)
                if outcome.with_node:
                    continue
            elif isinstance(outcome, _THE_USERS):
                raise _GivenUp(outcome)
            elif isinstance(outcome, LstDataError) and not isinstance(outcome, RecordFailed | FailedTogether):
                if not lasting:
                    raise _GivenUp(outcome)
            elif isinstance(outcome, ShardResult) and only is not None and not lasting:
                self._letters |= {letter.id: letter for letter in outcome.letters if letter.environmental}
            return outcome

    def _died(self, death: WorkerDied) -> int:
        """How often it has happened, workers and nodes apart."""
        if not death.with_node:
            self._deaths += 1
            return self._deaths
        self._node_deaths += 1
        if self._node_deaths == NODE_DEATHS:
            name = self._shard.describe()
            raise _GivenUp(NotAgain(f"{name}: its node went away {NODE_DEATHS} times: {death}"))
        return self._node_deaths

    def _isolate(self, position: int, outcome: Outcome, *, twice: bool = False) -> None:
        """A dead letter for a record, by the last that came of it; `twice` its worker died over it alone."""
        id, where = self._row(position)
        if isinstance(outcome, RecordFailed):
            letter = DeadLetter(id, outcome.stage, outcome.reason, outcome.message, where, environmental=True)
        else:
            how = outcome.verdict if isinstance(outcome, WorkerDied) else str(outcome)
            message = f"its worker died{' twice' if twice else ''}: {how}"
            letter = DeadLetter(id, "build", "worker_died", message, where, True)
        self._letters[id] = letter
        self._poison += 1
        self._tell("poisoned", shard=self._shard.name, id=id, reason=letter.reason)
        if self._poison > MOST_POISON:
            name = self._shard.describe()
            raise _GivenUp(
                NotAgain(f"{name}: more than {MOST_POISON} records fail alone, so it is not they: {outcome}")
            )

    def _row(self, position: int) -> tuple[str, str]:
        return self._all_rows()[position]

    def _all_rows(self) -> Sequence[tuple[str, str]]:
        self._rows = self._rows or self._rows_of(self._shard)
        return self._rows
