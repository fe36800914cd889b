"""Where a build begins: a new plan, the plan that is there, or that plan with what the source has gained since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upath import UPath

from lstdata.build.folder import FORMAT, changes, clear, has_shards, read_run, refuse_changes
from lstdata.build.plan_table import Plan, read_plan
from lstdata.build.segmented import given_kind
from lstdata.config import to_dict
from lstdata.errors import ConfigError, CorruptShard
from lstdata.segment.folder import FILES as SEGMENT_FILES
from lstdata.sources import Source
from lstdata.storage import commit_bytes, commit_json, exists, read_bytes, redacted, remove_temporaries, sha256_file

if TYPE_CHECKING:
    from lstdata.build import Asked
    from lstdata.build.drive import Listener


def plan_or_resume(asked: Asked, source: Source, compute_class: str, listener: Listener) -> Plan:
    """The folder's plan where it is still of this source and config, with what the source has gained; else a new one.

    The caller holds the folder's lock. ConfigError names what is no longer the same.
    """
    run = read_run(asked.out)
    changed = [] if run is None else changes(run, asked.config)
    if run is not None and asked.rebuild:
        listener.note(f"rebuild because {', '.join(changed)}" if changed else "rebuild as asked")
        run = None
    if run is not None and (_holds_work(asked.out) or not changed):
        remove_temporaries(asked.out)
        return _resume(asked, source, run, compute_class, listener)
    if run is not None:
        listener.note(f"planned anew because {', '.join(changed)}; no shard was finished")
    return _begin(asked, source, compute_class, listener)


def _holds_work(out: UPath) -> bool:
    """Whether something is there that took long: a shard, or a codebook."""
    return has_shards(out) or exists(out / "codebook.npz")


def foreseen(asked: Asked, source: Source, run: dict[str, Any], compute_class: str, path: UPath) -> Plan:
    """The plan with which a run that was begun would be resumed, written to `path` and nowhere else."""
    _refuse_another(asked, run, compute_class)
    commit_bytes(path, read_bytes(_checked_plan(asked.out, run)))
    plan = read_plan(path)
    if _fingerprint(source) == plan.source_fingerprint:
        return plan
    from lstdata.build.growth import grow_plan

    return grow_plan(source, asked.config.plan, path, lambda sha256: None)


def _begin(asked: Asked, source: Source, compute_class: str, listener: Listener) -> Plan:
    from lstdata.build.plan import make_plan
    from lstdata.compute import versions

    out = asked.out
    clear(out, keep=SEGMENT_FILES if asked.config.segment.enabled else ())
    remove_temporaries(out)
    plan = make_plan(source, asked.config.plan, out / "plan.parquet")
    kind = given_kind(source, asked.config)
    listener.note(f"plan: {plan.describe()}, from a {kind} source")
    described: dict[str, Any] = {
        "format": FORMAT,
        "source": {"path": redacted(asked.source), "kind": kind},
        "config": redacted(to_dict(asked.config)),
        "versions": versions(),
        "compute_class": compute_class,
        "fingerprints": {"source": plan.source_fingerprint},
        "plan_sha256": sha256_file(out / "plan.parquet"),
        "totals": None,
    }
    commit_json(out / "run.json", described)
    return plan


def _resume(asked: Asked, source: Source, run: dict[str, Any], compute_class: str, listener: Listener) -> Plan:
    _refuse_another(asked, run, compute_class)
    plan = read_plan(_checked_plan(asked.out, run))
    if "next_plan_sha256" in run:
        run = _settle(asked.out, run, plan)
    now = _fingerprint(source)
    if now == plan.source_fingerprint:
        return plan
    if redacted(asked.source) != run["source"]["path"]:
        raise ConfigError(f"`{asked.out}` was planned from `{run['source']['path']}`, not from `{asked.source}`.")
    return _grow(asked, source, run, plan, listener)


def _grow(asked: Asked, source: Source, run: dict[str, Any], before: Plan, listener: Listener) -> Plan:
    """Append what the source has gained. `run.json` knows either plan before the new one is there."""
    from lstdata.build.growth import grow_plan

    path = asked.out / "plan.parquet"

    def announce(sha256: str) -> None:
        commit_json(asked.out / "run.json", run | {"next_plan_sha256": sha256, "totals": None})

    plan = grow_plan(source, asked.config.plan, path, announce)
    _settle(asked.out, run, plan)
    more, shards = plan.records - before.records, len(plan.shards) - len(before.shards)
    if more > 0:
        listener.note(f"plan: the source grew by {more} records: {shards} shards appended to {len(before.shards)}")
    else:
        listener.note("plan: the source lists other rejected records, or another order; the shards stay as they are")
    return plan


def _settle(out: UPath, run: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """One plan is the run's again: the one that is there, whether a growth came to its end or not."""
    kept = {name: value for name, value in run.items() if name != "next_plan_sha256"}
    fingerprints = run["fingerprints"] | {"source": plan.source_fingerprint}
    sha256 = sha256_file(out / "plan.parquet")
    settled = kept | {"fingerprints": fingerprints, "plan_sha256": sha256, "totals": None}
    commit_json(out / "run.json", settled)
    return settled


def _refuse_another(asked: Asked, run: dict[str, Any], compute_class: str) -> None:
    refuse_changes(asked.out, run, asked.config)
    if run["compute_class"] != compute_class and not asked.allow_mixed_compute:
        raise ConfigError(
            f"`{asked.out}` was begun on compute class {run['compute_class']}, but this machine is {compute_class}: "
            "bytes could differ. Give a new folder, --rebuild, or --allow-mixed-compute."
        )


def _checked_plan(out: UPath, run: dict[str, Any]) -> UPath:
    """The plan's file, if it is one that `run.json` knows: during growth there are two."""
    path = out / "plan.parquet"
    known = {run["plan_sha256"], run.get("next_plan_sha256")}
    sha256 = sha256_file(path) if exists(path) else ""
    if sha256 not in known:
        raise CorruptShard(f"`{path}` is missing or not the plan that was committed: give --rebuild.")
    return path


def _fingerprint(source: Source) -> str:
    from lstdata.source_table import scan_fingerprint

    return scan_fingerprint(source.scan())
