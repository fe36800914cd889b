"""From what a run folder holds to what that means; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from lstdata.build.event_logs import Event, ProcessLog
from lstdata.build.timing import time_spent, workers_of
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.status.reading import Seen, last_driver
from lstdata.status.status import Audio, Driver, Failed, Incident, Records, Shards, State, Status, Text, Worker
from lstdata.status.times import iso
from lstdata.status.workers import patience, workers_of_driver

SILENT: Final = 60.0
"""Seconds without a sign of life after which a driver is taken for dead; it gives one every ten."""

LATELY: Final = 600.0
"""Seconds over which the rate is taken, if enough shards were built in them."""

_INCIDENTS: Final = ("failed", "waiting", "died", "poisoned", "timed_out", "out_of_memory", "stopped")
_BY_HAND: Final = ("KeyboardInterrupt", "SystemExit")
_SHOWN: Final = 8


def status_of(seen: Seen, now: float) -> Status:
    """`now` is in seconds since 1970. No event, however odd, is beyond it."""
    driver = last_driver(seen.drivers, now)
    state, since, message = _state(seen, driver, now)
    alive = state == "running"
    limit = patience(seen.drivers)
    workers = () if driver is None else workers_of_driver(driver, seen.workers, limit, now, alive=alive)
    done = {shard.name for shard in (seen.complete if seen.totals is None else seen.plan.shards)}
    failed = () if driver is None else _failed(driver, done)
    stuck = tuple(worker for worker in workers if worker.state == "stuck" and worker.shard not in done)
    incidents = [] if driver is None or state == "finished" else _incidents(driver, seen.workers)
    return Status(
        out=seen.out,
        time=iso(now),
        state=state,
        since=None if since is None else iso(since),
        since_seconds=None if since is None else max(0.0, now - since),
        message=message,
        driver=None if driver is None else _driver(driver, now),
        shards=_shards(seen, done, failed, workers),
        audio=_audio(seen, done, driver if alive else None),
        text=_text(seen, done, driver if alive else None),
        records=_records(seen),
        stages=time_spent(seen.drivers).stages,
        stuck=stuck,
        failed=failed,
        workers=workers if state not in ("finished", "finishing") else (),
        incidents=dict(Counter(event.kind for event in incidents)),
        latest_incidents=tuple(Incident(iso(e.time), e.kind, _said(e)) for e in incidents[-_SHOWN:]),
    )


def _state(seen: Seen, driver: ProcessLog | None, now: float) -> tuple[State, float | None, str | None]:
    """What is going on, since when (None where no event says), and why."""
    if driver is None:
        return ("planned" if seen.totals is None else "finished"), None, None
    ended, stopped = driver.last_of("ended"), driver.last_of("stopped")
    if seen.totals is not None:
        return "finished", None if ended is None else ended.time, None
    if stopped is not None:
        message = stopped.text("message")
        return ("interrupted", stopped.time, None) if message in _BY_HAND else ("stopped", stopped.time, message)
    if ended is not None:
        left = ended.count("failed") or ended.count("pending")
        if left:
            return "failed", ended.time, f"{left:,} shards stay pending"
        if len(seen.complete) < len(seen.plan.shards):
            return "planned", ended.time, None
        return ("finishing" if now - driver.last < SILENT else "interrupted"), ended.time, None
    if now - driver.last < SILENT:
        started = driver.last_of("started")
        return ("preparing", driver.began, None) if started is None else ("running", started.time, None)
    last = next((event for event in reversed(driver.events) if event.kind != "alive"), None)
    if last is not None and last.kind == "failed" and last.text("kind") in ("ConfigError", "IncompleteBuild"):
        return "failed", last.time, last.text("message")
    return "interrupted", driver.last, None


def _driver(log: ProcessLog, now: float) -> Driver:
    started = log.last_of("started")
    return Driver(
        host=log.host,
        pid=log.pid,
        runner=None if started is None else started.text("runner"),
        workers=workers_of(log),
        started=iso(log.began if started is None else started.time),
        last_sign=iso(log.last),
        silent_seconds=max(0.0, now - log.last),
    )


def _failed(driver: ProcessLog, done: set[str]) -> tuple[Failed, ...]:
    """The shards that it gave up, unless they were built after all."""
    found: dict[str, Failed] = {}
    for event in driver.of("failed", "built"):
        name = event.text("shard" if event.kind == "failed" else "name") or ""
        found.pop(name, None)
        if event.kind == "failed" and name not in done:
            found[name] = Failed(name, iso(event.time), event.text("message") or "")
    return tuple(found.values())


def _shards(seen: Seen, done: set[str], failed: Sequence[Failed], workers: Sequence[Worker]) -> Shards:
    planned = {shard.name for shard in seen.plan.shards}
    given_up = {one.shard for one in failed} & planned
    in_hand = {worker.shard: worker.state for worker in workers if worker.shard in planned and worker.shard not in done}
    running = sum(state == "working" for state in in_hand.values())
    stuck = sum(state == "stuck" for state in in_hand.values())
    given_up -= {name for name, state in in_hand.items() if state in ("working", "stuck") and name is not None}
    counted = len(done) + running + stuck + len(given_up)
    return Shards(len(planned), len(done), running, stuck, len(given_up), len(planned) - counted)


def _audio(seen: Seen, done: set[str], driver: ProcessLog | None) -> Audio:
    """With rate and time to go where a driver is at work, all by its own clock."""
    return Audio(*_amount({shard.name: shard.seconds for shard in seen.plan.shards}, done, driver))


def _text(seen: Seen, done: set[str], driver: ProcessLog | None) -> Text | None:
    if not seen.plan.text_bytes:
        return None
    planned, built, *pace = _amount({shard.name: shard.text_bytes for shard in seen.plan.shards}, done, driver)
    return Text(round(planned), round(built), *pace)


def _amount(
    sizes: Mapping[str, float], done: set[str], driver: ProcessLog | None
) -> tuple[float, float, float | None, float | None, float | None]:
    """(planned, built, rate, over how many seconds, seconds to go) of shards of these sizes."""
    planned, built = sum(sizes.values()), sum(size for name, size in sizes.items() if name in done)
    rate, over = (None, None) if driver is None else _pace(driver, sizes)
    return planned, built, rate, over, None if rate is None else (planned - built) / rate


def _pace(driver: ProcessLog, sizes: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Size per second, and over how many seconds: lately, or since the start where that says too little."""
    started = driver.last_of("started")
    began, last = driver.began if started is None else started.time, driver.last
    built = [(event.time, sizes.get(event.text("name") or "", 0.0)) for event in driver.of("built")]
    enough = 2 * (workers_of(driver) or 1)
    for begin in (max(began, last - LATELY), began):
        recent = [length for time, length in built if begin <= time <= last]
        if len(recent) >= enough or begin == began:
            over = last - begin
            return (sum(recent) / over, over) if over > 0 and sum(recent) > 0 else (None, None)
    return None, None


def _records(seen: Seen) -> Records:
    if seen.totals is not None:
        reasons = Counter({str(k): int(v) for k, v in seen.totals["reasons"].items()})
        written, environmental = seen.totals["written"], seen.totals["environmental"]
    else:
        letters = [letter for one in seen.letters for letter in one.letters]
        reasons = Counter(letter.reason for letter in letters) + Counter(seen.unplanned)
        written = sum(shard.records for shard in seen.complete) - len(letters)
        environmental = sum(letter.environmental for letter in letters)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    filters = {reason: count for reason, count in ordered if reason in FILTER_REASONS}
    others = {reason: count for reason, count in ordered if reason not in FILTER_REASONS}
    return Records(
        planned=seen.plan.records,
        written=written,
        rejected=sum(others.values()),
        filtered=sum(filters.values()),
        environmental=environmental,
        reasons=others,
        filters=filters,
    )


def _incidents(driver: ProcessLog, workers: Sequence[ProcessLog]) -> list[Event]:
    """In the order of their times."""
    found = [event for log in (driver, *workers) for event in log.of(*_INCIDENTS)]
    return sorted(found, key=lambda event: event.time)


def _said(event: Event) -> str:
    """What an incident says, on one line."""
    words = [f"{name} {event.text(name)}" for name in ("shard", "stage") if event.text(name)]
    words += [f"record `{event.text('id')}`"] if event.text("id") else []
    words += [said for name in ("message", "cause", "reason") if (said := event.text(name))]
    return " ".join(": ".join(words).split())
