"""`plan`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lstdata.cli.shared import KIND, TAKE_OVER, build_options, say, settings

if TYPE_CHECKING:
    from upath import UPath

    from lstdata.build import Asked
    from lstdata.build.plan_table import Plan


@click.command("plan")
@build_options
@KIND
@TAKE_OVER
@click.option("--explain", is_flag=True, help="Say how large shards will be, who will read what, and what to change.")
@click.option("--world-size", type=click.IntRange(min=1), help="Explain it for so many training processes.")
@click.option("--loader-workers", type=click.IntRange(min=1), default=1, help="Of each of them.  [default: 1]")
@click.option("--dry-run", is_flag=True, help="Explain the plan that would be made; write nothing.")
def plan(
    source: str,
    out: UPath,
    config_path: str | None,
    sets: tuple[str, ...],
    rebuild: bool,
    allow_mixed_compute: bool,
    take_over: bool,
    as_json: bool,
    kind: str | None,
    explain: bool,
    world_size: int | None,
    loader_workers: int,
    dry_run: bool,
) -> None:
    """Read SOURCE once and fix in OUT which record goes to which shard; no audio is decoded.

    Run it again when SOURCE has grown: new shards are appended, and those that are there stay as they are.
    """
    from lstdata.build import Asked, plan_run, planned
    from lstdata.build.explain_text import shard_lines
    from lstdata.config import BuildConfig, load
    from lstdata.progress import BuildProgress

    config = load(BuildConfig, config_path, [*sets, *settings("source", kind=kind)])
    asked = Asked(source, out, config, rebuild, allow_mixed_compute, take_over)
    if dry_run:
        with planned(asked) as (made, _):
            _explain(asked, made, world_size, loader_workers, as_json)
        if not as_json:
            click.echo(f"would plan: {made.describe()}; nothing was written")
        return
    made = plan_run(asked, BuildProgress(quiet=as_json))
    if explain or world_size is not None:
        _explain(asked, made, world_size, loader_workers, as_json)
        if not as_json:
            click.echo(made.describe())
    else:
        say(asdict(made), as_json, "\n".join([*shard_lines(made.shards), made.describe()]))


def _explain(asked: Asked, plan: Plan, world: int | None, workers: int, as_json: bool) -> None:
    from lstdata.build.explain import explain, rates_of
    from lstdata.build.explain_text import print_explanation

    found = explain(plan, asked.config, rates_of(asked.out, plan, asked.config), world, workers)
    if as_json:
        say(plan.summary() | {"explained": found.to_json()}, True, "")
    else:
        print_explanation(found)
