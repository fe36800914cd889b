"""`verify`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, RunFolder, say, say_problems
from lstdata.errors import ConfigError

if TYPE_CHECKING:
    from lstdata.verify import Verdict


class Part(click.ParamType):  # type: ignore[type-arg]
    """A number of samples, or a share of them: `1000`, `0.01`, `1%`."""

    name = "part"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int | float:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            if value.isdecimal() and int(value):
                return int(value)
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            self.fail(f"{value!r} is neither a number of samples ≥ 1 nor a share like 0.01 or 1%.", parameter, context)
        return share


@click.command("verify")
@click.argument("out", type=RunFolder(kept=True))
@click.option("--quick", is_flag=True, help="Check sums, sidecars, index, plan and tables; decode no sample.")
@click.option("--sample", type=Part(), metavar="N|SHARE", help="Decode only so many samples, or this share, by hash.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: the cores of this machine]")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where an interrupted verify leaves how far it was.  [default: in OUT/events, or the user's cache]",
)
@click.option("--fresh", is_flag=True, help="Begin anew, also where a verify was interrupted.")
@click.option("--repair", is_flag=True, help="Forget what is damaged, so that build-shards makes it again.")
@click.option("--dry-run", is_flag=True, help="With --repair: say what it would do; touch nothing.")
@JSON
def verify_command(
    out: UPath,
    quick: bool,
    sample: int | float | None,
    workers: int | None,
    state: Path | None,
    fresh: bool,
    repair: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Recompute every invariant of the run folder OUT; exit 1 naming shard and sample where one fails.

    Run again after an interruption, it goes on where it was. Exit code 2 where OUT is no run folder.
    """
    from lstdata.build.folder import read_run
    from lstdata.locking import locked
    from lstdata.progress import CountProgress
    from lstdata.verify import How, verify
    from lstdata.verify.depth import EVERYTHING, QUICK, Depth

    if quick and sample is not None:
        raise ConfigError("`--quick` decodes no sample, so `--sample` must not be given with it.")
    if dry_run and not repair:
        raise ConfigError("`--dry-run` is for `--repair`: without it nothing is touched.")
    depth = QUICK if quick else EVERYTHING
    if sample is not None:
        depth = Depth(samples=sample) if isinstance(sample, int) else Depth(share=sample)
    how = How(depth=depth, workers=workers, state=state, fresh=fresh)
    with locked(out, read_run) if repair and not dry_run else nullcontext():
        with CountProgress("shards verified", quiet=as_json) as progress:
            verdict = verify(out, how, progress)
        said = asdict(verdict)
        lines: list[str] = []
        if repair and verdict.problems:
            done, lines = _repair(out, verdict, dry_run)
            said["repair"] = done
    tail = f", complete except {verdict.environmental} environmental" if verdict.environmental else ""
    line = f"{verdict.shards} shards, {verdict.samples} samples, {verdict.rejected} rejected: "
    line += f"{len(verdict.problems)} problems" if verdict.problems else "ok"
    if depth != EVERYTHING:
        line += f", {verdict.decoded or 'no'} samples decoded"
    say(said, as_json, "\n".join([line + tail, *lines]))
    say_problems(verdict.problems, as_json, out=None if repair else out)


def _repair(out: UPath, verdict: Verdict, dry_run: bool) -> tuple[dict[str, Any], list[str]]:
    from lstdata.verify.repair import carry_out, plan_repair, repair_lines

    repair = plan_repair(out, verdict)
    if not dry_run:
        carry_out(out, repair)
    return asdict(repair) | {"dry_run": dry_run}, repair_lines(out, repair, dry_run=dry_run)
