"""`build-shards`: plan, freeze, build every shard, account for every record."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from upath import UPath

from lstdata.build.budget import refuse_plan
from lstdata.build.drive import Listener as Listener
from lstdata.build.drive import build_pending
from lstdata.build.events import EventLog
from lstdata.build.finish import Totals, finish, plan_letters, sealed
from lstdata.build.folder import has_shards, read_run, refuse_changes, refuse_other_stages
from lstdata.build.lineage import lineage
from lstdata.build.pacing import PacedLines
from lstdata.build.plan_table import Plan
from lstdata.build.resume import foreseen, plan_or_resume
from lstdata.build.retry import Retried, Retry, choose
from lstdata.build.segmented import already_segmented, to_be_planned
from lstdata.build.standing import standing
from lstdata.config import BuildConfig
from lstdata.locking import locked
from lstdata.sources import Source, open_source
from lstdata.storage import absolute, commit_json, exists, place

if TYPE_CHECKING:
    from lstdata.build.freeze import Frozen
    from lstdata.build.means import Means
    from lstdata.build.spec import BuildSpec


@dataclass(frozen=True)
class Asked:
    """One build as the user asked for it."""

    source: str
    out: UPath
    config: BuildConfig
    rebuild: bool = False
    allow_mixed_compute: bool = False
    take_over: bool = False
    """Replace another's lease of a folder on an object store."""

    def __post_init__(self) -> None:
        """Paths become absolute: workers may run in another folder."""
        object.__setattr__(self, "out", place(self.out))
        object.__setattr__(self, "source", absolute(self.source))


def plan_run(asked: Asked, listener: Listener) -> Plan:
    """Plan into `asked.out`, or check that the plan there is still of this source and config."""
    source = _opened(asked)
    compute_class = _compute_class(asked.config)
    with locked(asked.out, read_run, take_over=asked.take_over, note=listener.note):
        return plan_or_resume(asked, to_be_planned(asked, source, listener), compute_class, listener)


def _compute_class(config: BuildConfig) -> str:
    """Of the bytes that a build would make; no library of models is loaded."""
    from lstdata.computing import computing_of, uses_models

    if config.units.taken_from is not None:
        from lstdata.build.units_run import open_units_run

        taken = open_units_run(config)
        assert taken is not None
        return taken.compute_class
    return computing_of(config.run, uses_models(config)).compute_class


@contextmanager
def planned(asked: Asked) -> Iterator[tuple[Plan, UPath]]:
    """The plan that a build would make, and its file while the context lasts; nothing is written that stays.

    Refuses what the build would refuse. Long recordings are as yet whole if they are not segmented.
    """
    from lstdata.build.means import find_means
    from lstdata.build.plan import make_plan

    opened = _opened(asked)
    means = find_means(opened, asked.config, allow_mixed_compute=asked.allow_mixed_compute)
    run = read_run(asked.out) if exists(asked.out) and not asked.rebuild else None
    if run is not None and has_shards(asked.out):
        refuse_changes(asked.out, run, asked.config)
    source = already_segmented(asked, opened)
    with tempfile.TemporaryDirectory() as folder:
        path = UPath(folder) / "plan.parquet"
        if source is not None and run is not None and has_shards(asked.out):
            yield foreseen(asked, source, run, means.compute_class, path), path
            return
        plan = make_plan(source or opened, asked.config.plan, path)
        yield replace(plan, unsegmented=source is None), path


def build_shards(asked: Asked, listener: Listener) -> Totals:
    """Build or go on building; returns once planned = written + rejected, else raises what fell short.

    IncompleteBuild names the shards that stay pending; running again resumes.
    """
    return _build(asked, listener, None)[0]


def retry(asked: Asked, wanted: Retry, listener: Listener) -> tuple[Totals, Retried]:
    """Build the shards anew that hold dead letters that are `wanted`, and go on with what else is pending."""
    totals, retried = _build(asked, listener, wanted)
    assert retried is not None
    return totals, retried


def _build(asked: Asked, listener: Listener, wanted: Retry | None) -> tuple[Totals, Retried | None]:
    from lstdata.build.means import find_means
    from lstdata.workers.cluster import check_address

    check_address(asked.config.run.address)
    source = _opened(asked)
    means = find_means(source, asked.config, allow_mixed_compute=asked.allow_mixed_compute)
    with locked(asked.out, read_run, take_over=asked.take_over, note=listener.note):
        source = to_be_planned(asked, source, listener)
        plan = plan_or_resume(asked, source, means.compute_class, listener)
        with EventLog(asked.out, "driver") as events, events.alive():
            with events.stopped_by():
                run, spec = _frozen(asked, source, plan, means, listener, events)
                retried = None if wanted is None else _chosen(spec, plan, wanted, listener)
            build_pending(spec, plan, run, listener, events, () if retried is None else retried.shards)
            with events.stopped_by():
                totals = finish(plan, asked.out, lambda shard: spec.shard_fingerprint(shard.fingerprint))
                commit_json(asked.out / "run.json", sealed(asked.out, run | {"totals": asdict(totals)}))
    return totals, retried


def _frozen(
    asked: Asked, source: Source, plan: Plan, means: Means, listener: Listener, events: EventLog
) -> tuple[dict[str, Any], BuildSpec]:
    """What `run.json` says, and the build as its workers will see it, once codebook and tokenizer are there."""
    from lstdata.build.freeze import freeze

    refuse_plan(plan, asked.out, asked.config.run.max_reject_rate)
    if means.taken is not None:
        means.taken.check_plan(asked.out / "plan.parquet")
    run = read_run(asked.out)
    assert run is not None
    if run.get("totals") is None:
        events.write("freezing", pid=os.getpid())
    lines = PacedLines(listener.note, "codebook: frames")
    frozen = freeze(source, plan, asked.out, asked.config, means, lines.update, listener.note)
    for note in frozen.notes:
        listener.note(note)
    spec = _spec(asked, frozen, means)
    refuse_other_stages(asked.out, run, dict(spec.stages))
    run |= {
        "fingerprints": {"source": plan.source_fingerprint, **dict(spec.stages)},
        "mixed_compute": run.get("mixed_compute", False) or run["compute_class"] != spec.compute_class,
        **lineage(source, asked.config.source.select),
    }
    return run, spec


def _chosen(spec: BuildSpec, plan: Plan, wanted: Retry, listener: Listener) -> Retried:
    found = standing(spec.out, plan.shards, lambda shard: spec.shard_fingerprint(shard.fingerprint))
    retried = choose(found, list(plan_letters(spec.out / "plan.parquet")), wanted)
    listener.note(retried.describe())
    return retried


def _spec(asked: Asked, frozen: Frozen, means: Means) -> BuildSpec:
    """The build as its workers will see it."""
    from lstdata.build.spec import BuildSpec, stage_fingerprints

    unit_set = None if frozen.units is None else frozen.units.sha256
    features, taken, words = means.features, means.taken, means.words
    stages = stage_fingerprints(asked.config, unit_set, frozen.tokenizer.sha256, features, words.identity)
    if taken is not None:
        stages["units"] = taken.fingerprint
    return BuildSpec(
        source=asked.source,
        out=asked.out,
        config=asked.config,
        compute_class=means.compute_class,
        worker_class=means.computing.compute_class,
        stages=tuple(stages.items()),
        features=features,
        units_run=None if taken is None else taken.root,
        device=means.computing.device,
        word_source=words,
    )


def _opened(asked: Asked) -> Source:
    """The source; ConfigError where an option, or the folder, does not go with it."""
    from lstdata.build.inventory import check_source

    source = open_source(asked.source, asked.config.source)
    check_source(source, asked.out, asked.config)
    return source
