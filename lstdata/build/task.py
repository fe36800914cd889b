"""What a worker is asked to do with a shard, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from lstdata.build.plan_table import PlannedShard
from lstdata.errors import LstDataError, Unavailable
from lstdata.records import DeadLetter


@dataclass(frozen=True, slots=True)
class ShardTask:
    """Build a shard; or, with `only`, try some of its records and commit nothing: a probe."""

    shard: PlannedShard
    skip: tuple[DeadLetter, ...] = ()
    """Stand for their records, which are not tried."""
    only: tuple[int, int] | None = None
    """Positions [first, last) in the shard."""

    @property
    def records(self) -> int:
        return self.shard.records if self.only is None else self.only[1] - self.only[0]

    def describe(self) -> str:
        """As dashboards and messages name it."""
        if self.only is None:
            return self.shard.describe()
        first, last = self.only
        return f"{self.shard.describe()}, records {first}–{last - 1}"


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard's records, or of those that were probed."""

    name: str
    records: int
    samples: int
    rejected: int
    """Dead letters of any kind."""
    seconds: float
    """Of audio written."""
    filtered: int = 0
    """Dead letters that a filter was asked to make."""
    reasons: dict[str, int] = field(default_factory=dict)
    """All dead letters by reason."""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    wanted_frames: int = 0
    """That recordings and their windows have."""
    computed_frames: int = 0
    """That went through the encoder, padding and missing rows included."""
    host: str = ""
    pid: int = 0
    """Of the worker."""
    letters: tuple[DeadLetter, ...] = ()
    """Of a probe alone: a build's are in its sidecar."""


class RecordFailed(Unavailable):
    """The world's, and a record's: it took too long, or more memory than there is.

    Once may be bad luck; a record over which it happens again is isolated.
    """

    def __init__(self, id: str, stage: str, reason: str, message: str) -> None:
        super().__init__(f"`{id}`, stage {stage}: {message}")
        self.id = id
        self.stage = stage
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[RecordFailed], tuple[str, str, str, str]]:
        return (type(self), (self.id, self.stage, self.reason, self.message))


class FailedTogether(LstDataError):
    """Several records failed in one batch, and nobody can tell which of them did it without trying them apart."""
