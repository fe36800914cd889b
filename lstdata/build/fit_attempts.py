"""A codebook is fitted in a worker of its own, and again without the records over which that dies or waits for ever.

The first attempt costs nothing more. After a death the worker leaves word of each record before it hears it, in a small
file that outlives it: what stands there at the next death names the record.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from upath import UPath

from lstdata.build.events import FOLDER
from lstdata.build.fitting import Fitted
from lstdata.build.task import RecordFailed
from lstdata.build.whereabouts import Whereabouts
from lstdata.config import RunConfig
from lstdata.errors import LstDataError, Unavailable
from lstdata.storage import commit_json, is_local, read_json, remove
from lstdata.workers import Share, work_off
from lstdata.workers.queue import DEATHS, NODE_DEATHS, WorkerDied

T = TypeVar("T")

MOST_LEFT_OUT: Final = 8
"""Records. If there are more, it is hardly the records."""

MOST_ATTEMPTS: Final = 24
"""Those that ended with a node's death come on top."""

_FAILURES: Final = 2
"""A record that took too long or too much memory so often is left out."""

_LOCAL_SECONDS: Final = 1.0
_OBJECT_SECONDS: Final = 10.0
"""Between two words on how far the fit is."""


class Fit(Protocol):
    """`fit_on`, with all but this given."""

    def __call__(
        self, *, progress: Callable[[int, int], None], left_out: Collection[str], place: Whereabouts
    ) -> Fitted | None: ...


@dataclass(frozen=True)
class Attempt:
    number: int
    left_out: tuple[str, ...] = ()
    careful: bool = False
    """Leaves word of each record."""


Outcome = tuple[Fitted | None] | LstDataError
"""What was fitted in a tuple: None is no fault."""


def fit_apart(
    fit: Fit,
    folder: UPath,
    run: RunConfig,
    gpus: float,
    progress: Callable[[int, int], None],
    say: Callable[[str], None],
) -> tuple[Fitted | None, tuple[str, ...]]:
    """What `fit` gives, and the ids of the records that were left out, without which it might be another codebook.

    `folder` is where driver and worker both write. `progress` is called by another thread, as long as this function
    runs; `say` hears a line for each thing that went wrong. Unavailable where no record, or too many, can be blamed;
    else raises what `fit` raises.
    """
    word = folder / FOLDER / f"codebook-{secrets.token_hex(4)}.json"
    attempts = _Attempts(word, say)
    make = partial(_Worker, fit, run.record_timeout, word)
    outcomes = work_off(make, attempts, run, title="fit codebook", share=Share(gpus=gpus))
    with _following(word, progress), closing(outcomes):
        for attempt, outcome in outcomes:
            attempts.take(attempt, outcome)
    return attempts.fitted, tuple(attempts.left_out)


@dataclass
class _Attempts:
    """The line of attempts: each begins when the one before has failed."""

    word: UPath
    say: Callable[[str], None]
    fitted: Fitted | None = None
    left_out: list[str] = field(default_factory=list)
    _over: bool = False
    _number: int = 0
    _careful: bool = False
    _deaths: int = 0
    """That no record can be blamed for."""
    _node_deaths: int = 0
    _failures: Counter[str] = field(default_factory=Counter)

    def next(self) -> Attempt | None:
        """One at a time: `work_off` asks again only when it has a free worker, which it has but while one is tried."""
        if self._over:
            return None
        self._over = True
        self._number += 1
        return Attempt(self._number, tuple(self.left_out), self._careful)

    def take(self, attempt: Attempt, outcome: Outcome) -> None:
        if isinstance(outcome, tuple):
            self.fitted = outcome[0]
            return
        if isinstance(outcome, WorkerDied):
            self._died(attempt, outcome)
        elif isinstance(outcome, RecordFailed):
            self._failures[outcome.id] += 1
            if self._failures[outcome.id] == _FAILURES:
                self._leave_out(outcome.id, outcome)
            else:
                self.say(f"codebook: {outcome} It is fitted again.")
        else:
            raise outcome
        if self._number - self._node_deaths >= MOST_ATTEMPTS:
            raise Unavailable(f"The codebook could not be fitted in {MOST_ATTEMPTS} attempts; the last: {outcome}")
        self._over = False

    def _died(self, attempt: Attempt, death: WorkerDied) -> None:
        if death.with_node:
            self._node_deaths += 1
            if self._node_deaths == NODE_DEATHS:
                raise Unavailable(f"The codebook could not be fitted: its node went away {NODE_DEATHS} times: {death}")
            return
        said = _read(self.word)
        if attempt.careful and said is not None and said.attempt == attempt.number and said.id is not None:
            self._leave_out(said.id, death)
            return
        self._deaths += 1
        if self._deaths == DEATHS:
            raise Unavailable(f"The codebook could not be fitted: its worker died, but over no record: {death}")
        self._careful = True
        self.say(f"codebook: its worker died: {death}. It is fitted again, with each record noted before it is heard.")

    def _leave_out(self, id: str, cause: LstDataError) -> None:
        if len(self.left_out) == MOST_LEFT_OUT:
            raise Unavailable(
                f"The codebook could not be fitted: more than {MOST_LEFT_OUT} records fail, so it is not they: {cause}"
            )
        self.left_out.append(id)
        self.say(f"codebook: fitted without `{id}`: {cause}")


@dataclass(frozen=True)
class _Word:
    """What the worker last said."""

    attempt: int
    frames: int
    wanted: int
    id: str | None = None
    """The record that it is at, where it is careful."""


class _Worker:
    """What a worker does with each attempt."""

    def __init__(self, fit: Fit, seconds: float, word: UPath) -> None:
        self._fit, self._seconds, self._word = fit, seconds, word

    def __call__(self, attempt: Attempt) -> tuple[Fitted | None]:
        place = _Place(self._seconds, self._word, attempt)
        return (self._fit(progress=place.stored, left_out=attempt.left_out, place=place),)


class _Place(Whereabouts):
    """Leaves word of how far it is and, in a careful attempt, of each record; does not fail where it cannot."""

    def __init__(self, seconds: float, word: UPath, attempt: Attempt) -> None:
        super().__init__(seconds)
        self._word, self._attempt = word, attempt
        self._frames = (0, 0)
        self._written = time.monotonic()

    def at(self, position: int, id: str) -> None:
        super().at(position, id)
        if self._attempt.careful:
            self._write()

    def stored(self, frames: int, wanted: int) -> None:
        self._frames = frames, wanted
        if time.monotonic() - self._written > _pace(self._word):
            self._write()

    def timed(self, work: Callable[[], T]) -> T:
        try:
            return super().timed(work)
        finally:
            self.id = ""
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        id = self.id if self._attempt.careful and self.id else None
        with suppress(OSError, LstDataError):
            commit_json(self._word, asdict(_Word(self._attempt.number, *self._frames, id)))


def _read(word: UPath) -> _Word | None:
    """None where there is none, or none can be had."""
    with suppress(OSError, LstDataError):
        said: dict[str, Any] = read_json(word)
        return _Word(**said)
    return None


def _pace(word: UPath) -> float:
    return _LOCAL_SECONDS if is_local(word) else _OBJECT_SECONDS


@contextmanager
def _following(word: UPath, progress: Callable[[int, int], None]) -> Iterator[None]:
    """Hand on how far the fit is while the context lasts; then the word is removed."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(_pace(word)):
            said = _read(word)
            if said is not None:
                progress(said.frames, said.wanted)

    thread = threading.Thread(target=follow, daemon=True, name="lstdata-fit")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError, LstDataError):
            remove(word)
