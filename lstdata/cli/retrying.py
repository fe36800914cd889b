"""`retry`."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import click
from upath import UPath

from lstdata.cli.shared import (
    ADDRESS,
    JSON,
    PLACE,
    RUNNER,
    SET,
    TAKE_OVER,
    WORKERS,
    RunFolder,
    fail_beyond,
    say,
    settings,
)
from lstdata.errors import ConfigError


@click.command("retry")
@click.argument("out", type=RunFolder(kept=True))
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only dead letters of this one; repeatable.")
@click.option("--source", type=PLACE, help="Where the source is now, if it has moved.")
@RUNNER
@WORKERS
@ADDRESS
@click.option("--max-reject-rate", type=float, help="Exit 1 above this share of rejects.  [default: the run's]")
@SET
@TAKE_OVER
@JSON
def retry_command(
    out: UPath,
    reasons: tuple[str, ...],
    source: str | None,
    runner: str | None,
    workers: int | None,
    address: str | None,
    max_reject_rate: float | None,
    sets: tuple[str, ...],
    take_over: bool,
    as_json: bool,
) -> None:
    """Try the rejected records of the run folder OUT again: only the shards that hold them are built anew.

    For recordings that were repaired or came back, or after a fault of the machine. Source and options are those of the
    run. Without --reason all dead letters are tried again but those that filters made.
    """
    from lstdata.build import Asked, retry
    from lstdata.build.folder import read_run
    from lstdata.build.retry import Retry
    from lstdata.config import BuildConfig, from_dict, load
    from lstdata.index import read_rejects
    from lstdata.progress import BuildProgress
    from lstdata.workers import count_workers

    run = read_run(out)
    if run is None:
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    others = [item for item in sets if not item.startswith("run.")]
    if others:
        raise ConfigError(f"`--set {others[0]}` must be one of `run.`: all else is as the run was built.")
    overrides = settings(runner=runner, workers=workers, address=address, max_reject_rate=max_reject_rate)
    as_before = [f"run.{name}={json.dumps(value)}" for name, value in run["config"]["run"].items()]
    wanted = load(BuildConfig, None, [*as_before, *sets, *overrides]).run
    config = replace(from_dict(BuildConfig, run["config"]), run=wanted)
    progress = BuildProgress(quiet=as_json, workers=count_workers(config.run))
    try:
        asked = Asked(source or run["source"]["path"], out, config, take_over=take_over)
        totals, retried = retry(asked, Retry(reasons), progress)
    finally:
        progress.close()
    outcome = retried.outcome(read_rejects(out / "rejects.parquet"))
    again = ", ".join(f"{reason} {count}" for reason, count in outcome["rejected"].items())
    line = f"{outcome['samples']} of {outcome['retried']} are samples now" + (
        f"; rejected again: {again}" if again else ""
    )
    say(asdict(totals) | outcome, as_json, f"{line}\n{totals.describe()}")
    fail_beyond(totals, wanted.max_reject_rate, out)
