"""The shards of a build from pending to finished: handed out, counted, and said."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from lstdata.build.events import EventLog
from lstdata.build.folder import is_complete
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError
from lstdata.storage import commit_json
from lstdata.workers import run_tasks

if TYPE_CHECKING:
    from lstdata.build.spec import BuildSpec


class Listener(Protocol):
    """Whoever watches a build."""

    def note(self, line: str) -> None: ...

    def building(self, shards: int, done: int, seconds: float) -> None:
        """Before the first shard: how many there are, how many are complete, seconds of audio left."""
        ...

    def built(self, shard: PlannedShard, samples: int, rejected: int) -> None: ...


def build_pending(spec: BuildSpec, plan: Plan, run: dict[str, Any], listener: Listener) -> None:
    """Build what is not complete; a run of which anything is pending has no totals."""
    from lstdata.build.shard import shard_builder
    from lstdata.computing import gpus_per_worker

    pending = [s for s in plan.shards if not is_complete(spec.out, s.name, spec.shard_fingerprint(s.fingerprint))]
    listener.building(len(plan.shards), len(plan.shards) - len(pending), sum(s.seconds for s in pending))
    if not pending:
        return
    commit_json(spec.out / "run.json", run | {"totals": None})
    faults: list[LstDataError] = []
    gpus = gpus_per_worker(spec.config.run, spec.device == "cuda")
    make, describe = partial(shard_builder, spec), PlannedShard.describe
    results = run_tasks(make, pending, spec.config.run, describe=describe, gpus_per_worker=gpus)
    wanted = computed = 0
    with EventLog(spec.out, "driver") as events, closing(results):
        events.write("started", shards=len(pending), runner=spec.config.run.runner)
        for shard, result in results:
            if isinstance(result, LstDataError):
                faults.append(result)
                events.write("failed", shard=shard.name, message=str(result))
                if isinstance(result, IncompleteBuild | ConfigError):
                    raise result
                continue
            events.write("built", **asdict(result))
            wanted, computed = wanted + result.wanted_frames, computed + result.computed_frames
            listener.built(shard, result.samples, result.rejected)
        events.write("ended", failed=len(faults))
    if computed > wanted:
        listener.note(f"units: {1 - wanted / computed:.1%} of the encoder's frames were padding")
    if faults:
        raise IncompleteBuild(f"{len(faults)} of {len(pending)} shards stay pending; run again to resume. {faults[0]}")
