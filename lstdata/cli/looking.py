"""`verify` and `report`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, RunFolder, say, say_problems
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError


@click.command("verify")
@click.argument("out", type=RunFolder(kept=True))
@JSON
def verify_command(out: UPath, as_json: bool) -> None:
    """Recompute every invariant of the run folder OUT; exit 1 naming shard and sample where one fails."""
    from lstdata.verify import verify

    verdict = verify(out)
    tail = f", complete except {verdict.environmental} environmental" if verdict.environmental else ""
    line = f"{verdict.shards} shards, {verdict.samples} samples, {verdict.rejected} rejected: "
    say(asdict(verdict), as_json, line + (f"{len(verdict.problems)} problems" if verdict.problems else "ok") + tail)
    say_problems(verdict.problems, as_json)


@click.command("report")
@click.argument("out", type=RunFolder(kept=True))
def report_command(out: UPath) -> None:
    """Write OUT/report.html: what a person looks at."""
    from lstdata.build.folder import read_run
    from lstdata.config import BuildConfig, from_dict

    run = read_run(out) if (out / "run.json").exists() else None
    if run is None:
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    if run["totals"] is None:
        raise IncompleteBuild(f"`{out}` is not finished: run `build-shards` again.")
    click.echo(make_report(out, run["source"]["path"], from_dict(BuildConfig, run["config"])))


def make_report(out: UPath, source: str, config: Any) -> UPath:
    from lstdata.report import write_report
    from lstdata.sources import open_source

    try:
        opened = open_source(source, config.source)
    except LstDataError:
        opened = None
    return write_report(out, opened)
