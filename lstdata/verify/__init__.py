"""`verify`: recompute every invariant of a run folder; nothing that is stored is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from upath import UPath

from lstdata import __version__
from lstdata.build.finish import Totals, plan_letters, total
from lstdata.build.plan_table import Plan, read_plan
from lstdata.records import DeadLetter
from lstdata.run_folder import read_card
from lstdata.storage import sha256_file
from lstdata.verify.depth import EVERYTHING, Depth
from lstdata.verify.each import Listener, Unheard, check_each
from lstdata.verify.guard import guarded
from lstdata.verify.run import CODEBOOK, Run, check_frozen, open_run
from lstdata.verify.shard import Checked, version_of
from lstdata.verify.state import State, about, kept_state
from lstdata.verify.tables import IndexGroups, check_rejects, check_shards_table, check_totals, strangers
from lstdata.verify.uniqueness import Uniqueness

_TABLES: Final = ("`index.parquet`", "`shards.parquet`", "`rejects.parquet`")
"""That every build writes anew."""


@dataclass(frozen=True, kw_only=True)
class How:
    """How a verify is carried out; but for `depth` nothing here changes what it finds."""

    depth: Depth = EVERYTHING
    workers: int | None = None
    """Processes; None: as many as there are cores, as far as there is work for them."""
    state: Path | None = None
    """Where it is kept which shards were checked; None: in OUT/events, or in the user's cache."""
    fresh: bool = False
    """Whether to forget what an interrupted verify has found."""


@dataclass
class Verdict:
    """What was checked and what is wrong, one line each, naming shard and sample."""

    shards: int = 0
    samples: int = 0
    decoded: int = 0
    """Of the samples, by `How.depth`."""
    rejected: int = 0
    environmental: int = 0
    problems: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """The shards that have to be built anew."""
    lasting: list[str] = field(default_factory=list)
    """Those of the problems that are of files which no build makes anew."""
    strangers: list[str] = field(default_factory=list)
    """Files that are not the run's, by their paths in its folder."""


def verify(out: UPath, how: How | None = None, listener: Listener | None = None) -> Verdict:
    """Recompute sums, counts, patches, frames, ids, plan, tables, dead letters and vocabulary of a finished run.

    ConfigError where `out` is no run folder, IncompleteBuild where it is not finished, CorruptShard where its
    `run.json` is damaged, Unavailable where it cannot be reached; anything else that is wrong, whatever it is, becomes
    a problem, and the rest is checked. What an interrupted verify has found is not sought again.
    """
    how, listener = how or How(), listener or Unheard()
    verdict = Verdict()
    problems = verdict.problems
    run = open_run(out, problems)
    with guarded("`vocab.json`", problems):
        run.card = read_card(out)
    check_frozen(run, problems)
    plan: Plan | None = None
    with guarded("`plan.parquet`", problems):
        plan = read_plan(out / "plan.parquet")
        if plan.source_fingerprint != run.source_fingerprint:
            problems.append("`plan.parquet` is of another source than the one that `run.json` names.")
    verdict.lasting += (problem for problem in problems if not problem.startswith(_TABLES))
    if plan is not None:
        index = IndexGroups(out, problems)
        with kept_state(out, _about(out, how), how.state, fresh=how.fresh, note=listener.note) as state:
            check_each(run, plan, index, how, state, listener)
            _judge(run, plan, index, state, verdict)
            verdict.decoded = _decoded(plan, how, state)
    return verdict


def _about(out: UPath, how: How) -> str:
    versions = {name: version_of(out / f"{name}.parquet") for name in ("plan", "index")}
    versions |= {name: version_of(out / name) for name in ("vocab.json", "tokenizer.json", *CODEBOOK)}
    return about(
        program=__version__,
        depth=how.depth,
        run=sha256_file(out / "run.json"),
        **versions,
    )


def _judge(run: Run, plan: Plan, index: IndexGroups, state: State, verdict: Verdict) -> None:
    """What was found in each shard, in the plan's order; then what only the whole run can show."""
    out, problems = run.out, verdict.problems

    def checked() -> Iterator[Checked]:
        return (state.read(shard.name) for shard in plan.shards)

    names: list[str] = []
    of_index: dict[str, None] = {}
    with Uniqueness(out, [shard.name for shard in plan.shards]) as unique:
        for number, shard in enumerate(checked()):
            verdict.shards += 1
            problems += shard.problems
            of_index |= dict.fromkeys(shard.index_problems)
            if shard.problems:
                verdict.damaged.append(shard.name)
            if shard.sidecar is not None and shard.sidecar["samples"]:
                names.append(shard.name)
                unique.add(number, shard.hashes)
        problems += of_index
        with guarded("ids and keys", problems):
            problems += unique.repeated()
    sidecars = (shard.sidecar for shard in checked() if shard.sidecar is not None)
    totals: Totals | None = None
    with guarded("`plan.parquet`", problems):
        totals = total(plan.records, sidecars, _letters(out, checked()))
        verdict.samples, verdict.rejected, verdict.environmental = totals.written, totals.rejected, totals.environmental
    complete = all(shard.sidecar is not None for shard in checked())
    index.check_order(names, complete, problems)
    check_shards_table(out, checked(), problems)
    check_rejects(out, _letters(out, checked()) if complete else None, problems)
    for path, said in strangers(out, plan):
        verdict.strangers.append(path)
        problems.append(said)
    if complete and totals is not None:
        with guarded("`run.json`", problems):
            check_totals(run, totals, problems)


def _decoded(plan: Plan, how: How, state: State) -> int:
    sidecars = (state.read(shard.name).sidecar or {"samples": 0} for shard in plan.shards)
    there = (stated["samples"] for stated in sidecars)
    return sum(
        samples if wanted is None else min(wanted, samples)
        for samples, wanted in zip(there, how.depth.decoded(plan), strict=True)
    )


def _letters(out: UPath, checked: Iterator[Checked]) -> Iterator[DeadLetter]:
    """In the order of `rejects.parquet`; of unreadable shards there are none."""
    yield from plan_letters(out / "plan.parquet")
    for shard in checked:
        for stated in (shard.sidecar or {}).get("rejected", ()):
            yield DeadLetter(**stated)
