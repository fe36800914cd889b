"""Where each worker is, by its own log and what its driver says of the shard; which of them are stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from lstdata.build.event_logs import Event, ProcessLog
from lstdata.status.reading import SKEW
from lstdata.status.status import Worker
from lstdata.status.times import iso

PATIENCE: Final = 60.0
"""Seconds without a sign, or at one record, that are nothing to worry about."""

_FACTOR: Final = 5
"""So many times what a shard takes are nothing to worry about either."""

_LATELY: Final = 600.0
"""Seconds for which a worker without a shard is still shown."""


@dataclass
class Place:
    """What a worker is at: its shard, and the record where it was seen last."""

    shard: str
    began: float
    records: int | None = None
    position: int | None = None
    id: str | None = None
    stage: str | None = None
    since: float | None = None
    """When it was first seen at this record."""


def place_of(log: ProcessLog) -> Place | None:
    """None where it has no shard in hand: whatever else it says of a shard is how that ended."""
    place: Place | None = None
    for event in log.events:
        if event.kind == "shard":
            place = Place(event.text("name") or "", event.time, event.count("records") or None)
        elif event.kind == "at":
            place = _moved(place, event)
        elif event.text("shard") is not None:
            place = None
    return place


def patience(drivers: Sequence[ProcessLog]) -> float:
    """Seconds after which a worker that says nothing new counts as stuck."""
    took = [sum(event.numbers("stage_seconds").values()) for log in drivers for event in log.of("built")]
    return max(PATIENCE, _FACTOR * median(took)) if took else PATIENCE


def workers_of_driver(
    driver: ProcessLog, logs: Sequence[ProcessLog], limit: float, now: float, *, alive: bool
) -> tuple[Worker, ...]:
    """Its workers, those that have been silent for longest first; `limit` is how long one may say nothing new."""
    logs = [log for log in logs if log.events and log.last >= driver.began - (SKEW if log.host != driver.host else 0)]
    places = {id(log): place for log in logs if (place := place_of(log)) is not None}
    dead = _let_go(places, driver)
    end = now if alive else driver.last
    shown = [log for log in logs if id(log) not in dead and (id(log) in places or end - log.last <= _LATELY)]
    found = [_worker(log, places.get(id(log)), limit, now, alive=alive) for log in shown]
    return tuple(sorted(found, key=lambda w: (w.shard is None, -w.silent_seconds, w.host, w.pid)))


def _moved(place: Place | None, event: Event) -> Place:
    """At a record; the same one as before, or another."""
    shard, position, id = event.text("shard"), event.number("position"), event.text("id")
    if place is None or (shard is not None and shard != place.shard):
        place = Place(shard or "", event.time)
    if place.since is None or (place.position, place.id) != (position, id):
        place.since = event.time
    place.position = None if position is None else int(position)
    place.id, place.stage = id, event.text("stage")
    return place


def _let_go(places: dict[int, Place], driver: ProcessLog) -> set[int]:
    """Take from workers the shards of which the driver has heard since, or that another has begun later.

    Gives those that must have died over theirs.
    """
    over: dict[str, float] = {}
    died: dict[str, float] = {}
    for event in driver.of("built", "failed", "died"):
        name = event.text("name" if event.kind == "built" else "shard") or ""
        (died if event.kind == "died" else over)[name] = event.time
    latest: dict[str, float] = {}
    for place in places.values():
        latest[place.shard] = max(place.began, latest.get(place.shard, place.began))
    dead = set()
    for key, place in list(places.items()):
        heard = place.began <= over.get(place.shard, -1.0)
        superseded = place.began < latest[place.shard]
        if place.began <= died.get(place.shard, -1.0) or (superseded and not heard):
            dead.add(key)
        if key in dead or heard:
            del places[key]
    return dead


def _worker(log: ProcessLog, place: Place | None, limit: float, now: float, *, alive: bool) -> Worker:
    silent = max(0.0, now - log.last)
    at_record = None if place is None or place.since is None else max(0.0, now - place.since)
    state: Literal["working", "stuck", "idle", "gone"] = "gone" if not alive else "idle"
    if alive and place is not None:
        state = "stuck" if max(silent, at_record or 0.0) > limit else "working"
    last = log.events[-1]
    return Worker(
        host=log.host,
        pid=log.pid,
        state=state,
        shard=None if place is None else place.shard,
        shard_seconds=None if place is None else max(0.0, now - place.began),
        position=None if place is None else place.position,
        records=None if place is None else place.records,
        id=None if place is None else place.id,
        stage=None if place is None else place.stage,
        record_seconds=at_record,
        event=last.kind,
        time=iso(last.time),
        silent_seconds=silent,
    )
