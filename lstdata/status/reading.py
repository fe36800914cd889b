"""What a run folder holds that tells how far it is: plan, totals, sidecars and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from upath import UPath

from lstdata.build.event_logs import EventLogs, ProcessLog
from lstdata.build.finish import shard_fingerprint
from lstdata.build.plan_table import Plan, PlannedShard, read_plan, rejected_tables
from lstdata.build.standing import Letters, standing
from lstdata.errors import ConfigError, CorruptShard
from lstdata.storage import read_json

SKEW = 60.0
"""Seconds by which the clocks of two hosts may differ."""


@dataclass(frozen=True)
class Seen:
    """One look at a run folder."""

    out: str
    plan: Plan
    unplanned: Mapping[str, int]
    """Records rejected while planning, by reason."""
    totals: Mapping[str, Any] | None
    """Of a finished run; then `complete` and `letters` are left empty."""
    complete: tuple[PlannedShard, ...] = ()
    letters: tuple[Letters, ...] = ()
    """Of complete shards, where they have any."""
    drivers: tuple[ProcessLog, ...] = ()
    workers: tuple[ProcessLog, ...] = ()
    """Those that may be of the last driver."""


class Looker:
    """Looks at one run folder, once or again and again; of what it has read, only what may have changed is read anew.

    Writes nothing, and waits for nobody.
    """

    def __init__(self, out: UPath) -> None:
        self._out = out
        self._logs = EventLogs(out)
        self._known: dict[str, tuple[int, tuple[PlannedShard, Letters | None]]] = {}
        """Complete shards by name, each with how often it had been built by then."""

    def look(self, now: float) -> Seen:
        """ConfigError where it is no run folder; CorruptShard and Unavailable where it cannot be read."""
        self._logs.look()
        plan, run = self._plan(), self._run()
        drivers = tuple(self._logs.read("driver"))
        last = last_driver(drivers, now)
        since = float("inf") if last is None else last.began - SKEW
        workers = self._logs.read("worker", lambda log: log.began >= since)
        reasons: Counter[str] = Counter()
        for table in rejected_tables(self._out / "plan.parquet", ["reason"]) if plan.rejected else ():
            reasons.update(reason or "rejected" for reason in table["reason"].to_pylist())
        found = Seen(str(self._out), plan, reasons, run.get("totals"), (), (), drivers, tuple(workers))
        return found if found.totals is not None else self._with_shards(found, run)

    def _plan(self) -> Plan:
        try:
            return read_plan(self._out / "plan.parquet")
        except FileNotFoundError as error:
            raise ConfigError(f"`{self._out}` is no run folder, or not planned yet: it has no plan.parquet.") from error

    def _run(self) -> dict[str, Any]:
        """`run.json`, which comes after the plan."""
        path = self._out / "run.json"
        try:
            run = read_json(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
        if not isinstance(run, dict):
            raise CorruptShard(f"`{path}` is not that of a run folder.")
        return run

    def _with_shards(self, seen: Seen, run: Mapping[str, Any]) -> Seen:
        stages = {name: sum_ for name, sum_ in run.get("fingerprints", {}).items() if name != "source"}
        built = Counter(event.text("name") or "" for log in seen.drivers for event in log.of("built"))
        kept = {name: found for name, (times, found) in self._known.items() if times == built[name]}
        unknown = [shard for shard in seen.plan.shards if shard.name not in kept]
        found = standing(self._out, unknown, lambda shard: shard_fingerprint(shard.fingerprint, stages))
        letters = {one.shard.name: one for one in found.with_letters}
        kept |= {shard.name: (shard, letters.get(shard.name)) for shard in found.complete}
        self._known = {name: (built[name], of) for name, of in kept.items()}
        return Seen(
            seen.out,
            seen.plan,
            seen.unplanned,
            None,
            tuple(shard for shard, _ in kept.values()),
            tuple(one for _, one in kept.values() if one is not None),
            seen.drivers,
            seen.workers,
        )


def last_driver(drivers: tuple[ProcessLog, ...], now: float) -> ProcessLog | None:
    """The one that gave the latest sign of life; one that its clock puts into the future is the last to be believed."""
    return max(drivers, key=lambda log: (log.last <= now + SKEW, log.last), default=None)
