"""`plan`."""

from __future__ import annotations

from dataclasses import asdict

import click
from upath import UPath

from lstdata.cli.shared import build_options, say


@click.command("plan")
@build_options
def plan(
    source: str,
    out: UPath,
    config_path: str | None,
    sets: tuple[str, ...],
    rebuild: bool,
    allow_mixed_compute: bool,
    as_json: bool,
) -> None:
    """Read SOURCE once and fix in OUT which record goes to which shard; no audio is decoded."""
    from lstdata.build import Asked, plan_run
    from lstdata.config import BuildConfig, load
    from lstdata.progress import BuildProgress

    config = load(BuildConfig, config_path, sets)
    made = plan_run(Asked(source, out, config, rebuild, allow_mixed_compute), BuildProgress(quiet=True))
    lines = [f"{s.name}  {s.records:6d} records  {s.seconds / 3600:8.3f} h" for s in made.shards]
    say(asdict(made), as_json, "\n".join([*lines, made.describe()]))
