"""`verify`: recompute every invariant of a run folder; nothing that is stored is taken on trust."""

from __future__ import annotations

from dataclasses import dataclass, field

from upath import UPath

from lstdata.build.finish import plan_letters
from lstdata.build.plan_table import Plan, read_plan
from lstdata.records import DeadLetter
from lstdata.run_folder import read_card
from lstdata.verify.guard import guarded
from lstdata.verify.run import Run, check_frozen, open_run
from lstdata.verify.shard import CountedShard, check_shard
from lstdata.verify.tables import IndexTable, Uniqueness, check_tables, check_totals


@dataclass
class Verdict:
    """What was checked and what is wrong, one line each, naming shard and sample."""

    shards: int = 0
    samples: int = 0
    rejected: int = 0
    environmental: int = 0
    problems: list[str] = field(default_factory=list)


def verify(out: UPath) -> Verdict:
    """Recompute sums, counts, patches, frames, ids, plan, tables, dead letters and vocabulary of a finished run.

    ConfigError where `out` is no run folder, IncompleteBuild where it is not finished, CorruptShard where its
    `run.json` is damaged; anything else that is wrong, whatever it is, becomes a problem, and the rest is checked.
    """
    verdict = Verdict()
    problems = verdict.problems
    run = open_run(out, problems)
    with guarded("`vocab.json`", problems):
        run.card = read_card(out)
    check_frozen(run, problems)
    plan = None
    with guarded("`plan.parquet`", problems):
        plan = read_plan(out / "plan.parquet")
    if plan is not None:
        _check_shards(run, plan, verdict)
    return verdict


def _check_shards(run: Run, plan: Plan, verdict: Verdict) -> None:
    """Each shard beside its rows of the index, one at a time; then what only the whole run can show."""
    problems = verdict.problems
    if plan.source_fingerprint != run.source_fingerprint:
        problems.append("`plan.parquet` is of another source than the one that `run.json` names.")
    letters: list[DeadLetter] = []
    with guarded("`plan.parquet`", problems):
        letters += plan_letters(run.out / "plan.parquet")
    counted: list[CountedShard] = []
    unique = Uniqueness(run.out)
    index = IndexTable(run.out / "index.parquet", problems)
    for shard in plan.shards:
        verdict.shards += 1
        with guarded(f"shard {shard.name}", problems):
            found = check_shard(run, shard, problems)
            index.check(shard.name, found.rows, problems)
            unique.add(shard.name, found.rows)
            letters += found.letters
            verdict.samples += len(found.rows)
            counted.append(found.without_rows())
    with guarded("ids and keys", problems):
        problems += unique.repeated()
    verdict.rejected = len(letters)
    verdict.environmental = sum(letter.environmental for letter in letters)
    complete = len(counted) == len(plan.shards)
    index.close([c.name for c in counted if c.sidecar["samples"]], complete, problems)
    check_tables(run.out, plan, counted, letters, problems)
    if complete:
        with guarded("`run.json`", problems):
            check_totals(run, plan, counted, letters, problems)
