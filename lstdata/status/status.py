"""What `lstdata status` says, as values of JSON: times are UTC in ISO form, lengths seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lstdata.build.timing import StageTime

State = Literal["planned", "preparing", "running", "finishing", "finished", "interrupted", "stopped", "failed"]

OVER: tuple[State, ...] = ("finished", "interrupted", "stopped", "failed")
"""States in which nobody works on the folder."""


@dataclass(frozen=True)
class Driver:
    """The process that hands out the shards; the last one, where there were several."""

    host: str
    pid: int
    runner: str | None
    workers: int | None
    started: str
    last_sign: str
    silent_seconds: float
    """Since its last sign of life; it gives one every ten seconds."""


@dataclass(frozen=True)
class Shards:
    """`planned` is the sum of the others."""

    planned: int
    done: int
    running: int
    stuck: int
    failed: int
    pending: int


@dataclass(frozen=True)
class Audio:
    """By the lengths that the plan has."""

    planned_seconds: float
    done_seconds: float
    """Of the shards that are done."""
    rate: float | None
    """Seconds of audio per second of wall time, lately; None where nobody works, or nothing is built yet."""
    rate_over_seconds: float | None
    """How long "lately" is."""
    eta_seconds: float | None


@dataclass(frozen=True)
class Text:
    """By the lengths that the plan has, in UTF-8."""

    planned_bytes: int
    done_bytes: int
    """Of the shards that are done."""
    rate: float | None
    """Bytes per second of wall time, lately; None where nobody works, or nothing is built yet."""
    rate_over_seconds: float | None
    eta_seconds: float | None


@dataclass(frozen=True)
class Records:
    """Of the shards that are done, and of what was rejected while planning."""

    planned: int
    """Of the whole plan."""
    written: int
    rejected: int
    """Dead letters that no filter was asked to make."""
    filtered: int
    environmental: int
    """Those of the rejected that are tried again by the next build."""
    reasons: dict[str, int]
    """Of the rejected, most first."""
    filters: dict[str, int]
    """Of the filtered, most first."""


@dataclass(frozen=True)
class Worker:
    """What a worker's log says last; `shard` and what follows are null while it has none."""

    host: str
    pid: int
    state: Literal["working", "stuck", "idle", "gone"]
    shard: str | None
    shard_seconds: float | None
    """Since it began with it."""
    position: int | None
    """Of the record in its shard, the first is 0."""
    records: int | None
    """Of the shard."""
    id: str | None
    """Of the record."""
    stage: str | None
    record_seconds: float | None
    """Since it was first seen at this record."""
    event: str
    """Its last."""
    time: str
    silent_seconds: float

    @property
    def name(self) -> str:
        return f"{self.host}:{self.pid}"


@dataclass(frozen=True)
class Failed:
    """A shard that the last driver gave up, to be tried again by the next build."""

    shard: str
    time: str
    message: str


@dataclass(frozen=True)
class Incident:
    """Something that went wrong, as it was written down."""

    time: str
    event: str
    message: str


@dataclass(frozen=True)
class Status:
    """How far a build is."""

    out: str
    time: str
    """When this was found out."""
    state: State
    since: str | None
    since_seconds: float | None
    message: str | None
    """What stopped it."""
    driver: Driver | None
    shards: Shards
    audio: Audio
    text: Text | None
    """Of a run of text, which has no audio; else null."""
    records: Records
    stages: tuple[StageTime, ...]
    """Of all builds of this folder, slowest first."""
    stuck: tuple[Worker, ...]
    failed: tuple[Failed, ...]
    workers: tuple[Worker, ...]
    """Of the last driver: those that work or did so lately; where it is dead, those that did so at its end."""
    incidents: dict[str, int]
    """How often something went wrong since the last driver began, by event."""
    latest_incidents: tuple[Incident, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
