"""The shards of a build from pending to finished: handed out, counted, and said."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from lstdata.build.budget import RejectBudget
from lstdata.build.events import EventLog
from lstdata.build.plan_table import Plan, PlannedShard, read_shard_rows
from lstdata.build.recovery import End, Recovery
from lstdata.build.rounds import Outage, Rounds
from lstdata.build.standing import Standing, standing
from lstdata.build.task import ShardResult
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, MissingExtra
from lstdata.storage import commit_json
from lstdata.workers import count_workers, work_off

if TYPE_CHECKING:
    from lstdata.build.spec import BuildSpec

_pause = time.sleep


class Listener(Protocol):
    """Whoever watches a build."""

    def note(self, line: str) -> None: ...

    def building(self, shards: int, done: int, size: float, *, is_text: bool = False) -> None:
        """Before the first shard: how many there are, how many are complete, seconds of audio or bytes of text left."""
        ...

    def built(self, shard: PlannedShard, samples: int, reasons: Mapping[str, int]) -> None:
        """With all its dead letters by reason; or left as it was, as what failed in it fails again: then by none."""

    def fault(self, line: str) -> None:
        """What the world has done, where the build goes on; once of each shard."""


def build_pending(
    spec: BuildSpec,
    plan: Plan,
    run: dict[str, Any],
    listener: Listener,
    events: EventLog,
    anew: Collection[str] = (),
) -> None:
    """Build what is not complete, and try again what may fare better now; until then a run has no totals.

    Shards whose names are in `anew` are built although they are complete, and stay as they are until they have been.
    IncompleteBuild where shards stay pending, or too many of their records fail.
    """
    found = standing(spec.out, plan.shards, lambda shard: spec.shard_fingerprint(shard.fingerprint)).without(anew)
    pending = [*found.missing, *(one.shard for one in found.doubtful)]
    size, is_text = sum(shard.size for shard in pending), plan.text_bytes > 0
    listener.building(len(plan.shards), len(plan.shards) - len(pending), size, is_text=is_text)
    if not pending:
        if events.begun:
            events.write("ended", failed=0, pending=0)
        return
    commit_json(spec.out / "run.json", run | {"totals": None})
    how = spec.config.run
    said = {"runner": how.runner, "workers": count_workers(how), "pid": os.getpid()}
    events.write("started", shards=len(plan.shards), pending=len(pending), size=size, **said)
    build = _Build(spec, listener, events, found, len(pending))
    try:
        with events.stopped_by():
            build.carry_out()
    finally:
        events.write("ended", failed=len(build.faults), pending=build.left)
    build.say_the_end()


@dataclass
class _Build:
    """One driver's way through the shards that are pending."""

    spec: BuildSpec
    listener: Listener
    events: EventLog
    found: Standing
    left: int
    """Shards that have not come to their end."""
    faults: dict[str, LstDataError] = field(default_factory=dict)
    """The last of each shard that has not been built, by name."""
    _kept: int = 0
    _wanted: int = 0
    _computed: int = 0

    def __post_init__(self) -> None:
        self._pending = self.left
        self._budget = RejectBudget.of(self.spec.config.run.max_reject_rate, self.found)
        self._doubtful = {one.shard.name: one for one in self.found.doubtful}
        doubtful = [(one.shard, one.environmental) for one in self._doubtful.values()]
        self._outage = Outage(self.spec.config.run.patience)
        self._rounds = Rounds(Recovery(self.found.missing, doubtful, self._rows, self._tell), self._outage)

    def carry_out(self) -> None:
        from lstdata.build.hosting import hosting
        from lstdata.build.shard import ShardBuilder

        self._judge()
        with hosting(self.spec, self.listener.note) as host:
            make = partial(ShardBuilder, self.spec, host.models)
            while True:
                outcomes = work_off(
                    make,
                    self._rounds,
                    self.spec.config.run,
                    title="build shard",
                    share=host.share,
                    held=host.held,
                )
                with closing(outcomes):
                    for task, outcome in outcomes:
                        over, end = self._rounds.take(task, outcome)
                        if over:
                            self._end(task.shard, end)
                if not self._wait():
                    return

    def say_the_end(self) -> None:
        if self._computed > self._wanted:
            self.listener.note(f"units: {1 - self._wanted / self._computed:.1%} of the encoder's frames were padding")
        if self._kept:
            self.listener.note(f"{self._kept} shards stay as they are: records in them failed again as before")
        if self.faults:
            first = next(iter(self.faults.values()))
            raise IncompleteBuild(
                f"{len(self.faults)} of {self._pending} shards stay pending; run again to resume. {first}"
            )

    def _end(self, shard: PlannedShard, end: End) -> None:
        if isinstance(end, LstDataError):
            self._failed(shard, end)
            return
        self.left -= 1
        self.faults.pop(shard.name, None)
        if isinstance(end, ShardResult):
            self.events.write("built", **{name: value for name, value in asdict(end).items() if name != "letters"})
            self._wanted, self._computed = self._wanted + end.wanted_frames, self._computed + end.computed_frames
            self._budget.add(end.records, end.reasons)
            self.listener.built(shard, end.samples, end.reasons)
        else:
            letters = self._doubtful[shard.name].letters
            self._kept += 1
            self._budget.add(shard.records, Counter(letter.reason for letter in letters))
            self.listener.built(shard, shard.records - len(letters), {})
        self._judge()

    def _failed(self, shard: PlannedShard, fault: LstDataError) -> None:
        """The user's fault ends the build, and so do many in a row that do not pass: a bug, a disk that stays full."""
        self.events.write("failed", shard=shard.name, message=str(fault), kind=type(fault).__name__)
        if shard.name not in self.faults:
            self.listener.fault(str(fault))
        self.faults[shard.name] = fault
        if isinstance(fault, IncompleteBuild | ConfigError | MissingExtra):
            raise fault
        if self._rounds.cut_off and not self._outage.may_pass:
            raise self._given_up()

    def _wait(self) -> bool:
        """Between two rounds; False where there is to be no other."""
        rounds, outage = self._rounds, self._outage
        if not rounds.put_aside and not rounds.cut_off:
            return False
        if outage.patience_left <= 0:
            if rounds.cut_off:
                raise self._given_up()
            return False
        left = outage.patience_left
        seconds = outage.pause()
        fault = self._last_fault()
        shards = f"{len(rounds.put_aside)} shard{'' if len(rounds.put_aside) == 1 else 's'}"
        self.listener.note(
            f"{shards} could not be built; tried again in {seconds:.0f} s, and given up if none is built within "
            f"{left:.0f} s (`run.patience`): {fault}"
        )
        self.events.write("waiting", seconds=seconds, message=str(fault))
        _pause(seconds)
        rounds.begin_another()
        return True

    def _given_up(self) -> IncompleteBuild:
        """Where shards are left that were not tried."""
        patience, fault = self.spec.config.run.patience, self._last_fault()
        what = f"{self._outage.in_a_row} shards in a row could not be built"
        if patience and self._outage.patience_left <= 0:
            what = f"No shard could be built for {patience:g} s (`run.patience`)"
        return IncompleteBuild(
            f"{what}, so the rest is not tried: {self.left} of {self._pending} stay pending; run again to resume. "
            f"{fault}"
        )

    def _last_fault(self) -> LstDataError:
        return next(reversed(self.faults.values()))

    def _judge(self) -> None:
        line = self._budget.breach(self.spec.out)
        if line is not None:
            raise IncompleteBuild(line)

    def _rows(self, shard: PlannedShard) -> list[tuple[str, str]]:
        rows = read_shard_rows(self.spec.out / "plan.parquet", shard.number)
        return [(record.row.id, record.row.locator.path) for record in rows]

    def _tell(self, event: str, **details: Any) -> None:
        self.events.write(event, **details)
        if event == "poisoned":
            self.listener.note(f"shard {details['shard']}: `{details['id']}` is left out: {details['reason']}")
        elif event == "died":
            self.listener.fault(f"shard {details['shard']}: {details['cause']}")
