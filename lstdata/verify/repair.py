"""Forgetting what is damaged, so that the next `build-shards` makes it again, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import read_plan
from lstdata.storage import commit_json, is_temporary, read_json, remove, sizes_in
from lstdata.verify import Verdict


@dataclass(frozen=True)
class Repair:
    """What is done about the problems of a run folder."""

    source: str
    """From which the run was built."""
    shards: tuple[str, ...] = ()
    """That are forgotten: no file of theirs is left."""
    removed: tuple[str, ...] = ()
    """Files that are not the run's, by their paths in its folder."""
    kept: tuple[str, ...] = ()
    """Files that no build of ours would have written: whose they are is for a person to say."""
    unfinished: bool = False
    """Whether the run is to be finished again, by a build that writes tables and totals anew."""
    lasting: tuple[str, ...] = ()
    """Problems that no build mends: then nothing is done."""


def plan_repair(out: UPath, verdict: Verdict) -> Repair:
    """What `carry_out` would do."""
    source = str(read_json(out / "run.json")["source"]["path"])
    if verdict.lasting:
        return Repair(source, lasting=tuple(verdict.lasting))
    ours = _ours(out, verdict.strangers)
    return Repair(
        source,
        shards=tuple(verdict.damaged),
        removed=ours,
        kept=tuple(path for path in verdict.strangers if path not in ours),
        unfinished=len(verdict.problems) > len(verdict.strangers),
    )


def _ours(out: UPath, strangers: Sequence[str]) -> tuple[str, ...]:
    """The files, no folders, that a writer of ours may have left: temporary ones, and shards of the plan's splits."""
    splits = {shard.split for shard in read_plan(out / "plan.parquet").shards}
    shard = re.compile(rf"shards/({'|'.join(map(re.escape, sorted(splits)))})-\d{{6}}\.(tar|json|parquet)")
    files = {*sizes_in(out), *(f"shards/{name}" for name in sizes_in(out / "shards"))}
    return tuple(path for path in strangers if path in files and (is_temporary(path) or shard.fullmatch(path)))


def carry_out(out: UPath, repair: Repair) -> None:
    """The caller holds the folder's lock. Interrupted, it leaves a run that is not finished.

    Of a shard the sidecar goes first: without it the others do not count.
    """
    if repair.unfinished:
        commit_json(out / "run.json", read_json(out / "run.json") | {"totals": None})
    for name in repair.shards:
        for file in reversed(shard_paths(out, name)):
            remove(file)
    for path in repair.removed:
        remove(out / path)


def repair_lines(out: UPath, repair: Repair, *, dry_run: bool) -> list[str]:
    """For a person."""
    if repair.lasting:
        return [
            f"nothing was touched: {len(repair.lasting)} of the problems are of files that no build makes anew. Put "
            f"them back from a copy, or build everything again with `build-shards {repair.source} {out} --rebuild`."
        ]
    would = "would be " if dry_run else ""
    lines = [f"shard {name}: {would}forgotten" for name in repair.shards]
    lines += [f"`{path}`: {would}removed" for path in repair.removed]
    lines += [f"`{path}` is no file of a build's: move it away yourself" for path in repair.kept]
    if repair.unfinished:
        count = len(repair.shards)
        what = f"{count} shard{'s' * (count > 1)} and the tables" if count else "the tables"
        then = f"`build-shards {repair.source} {out}` with the options of before makes {what} again"
        lines.append(f"the run {'would be' if dry_run else 'is'} marked as unfinished: {then}")
    return lines or ["nothing to repair"]
