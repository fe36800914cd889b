"""`status` and `report`."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, RunFolder, say
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.storage import exists

if TYPE_CHECKING:
    from lstdata.report.numbers import Numbers


@click.command("status")
@click.argument("out", type=RunFolder(kept=True))
@click.option(
    "--watch",
    is_flag=False,
    flag_value="2",
    type=click.FloatRange(min=0.1),
    metavar="[SECONDS]",
    help="Look again every so many seconds, 2 by default, until nobody works on OUT; give it after OUT.",
)
@JSON
def status_command(out: UPath, watch: float | None, as_json: bool) -> None:
    """Say how far the build in the run folder OUT is, whether it still runs or not.

    Only files are read: OUT may be a live build's, of this machine or another's. Exit code 2 where OUT is no run
    folder, else 0 whatever the state is.
    """
    from lstdata.status.judging import status_of
    from lstdata.status.lines import text_of
    from lstdata.status.reading import Looker
    from lstdata.status.status import Status

    looker = Looker(out)

    def look() -> Status:
        now = time.time()
        return status_of(looker.look(now), now)

    if watch is None:
        status = look()
        click.echo(json.dumps(status.to_json(), ensure_ascii=False) if as_json else text_of(status))
        return
    from lstdata.status.watch import watch as watch_until_over

    with suppress(KeyboardInterrupt):
        watch_until_over(look, watch, as_json=as_json, pause=time.sleep)


@click.command("report")
@click.argument("out", type=RunFolder(kept=True))
@JSON
def report_command(out: UPath, as_json: bool) -> None:
    """Write OUT/report.html: what a person looks at. With --json, all its figures are printed."""
    from lstdata.build.folder import read_run
    from lstdata.config import BuildConfig, from_dict
    from lstdata.report.as_json import numbers_to_json
    from lstdata.report.numbers import compute_numbers

    run = read_run(out) if exists(out / "run.json") else None
    if run is None:
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    if run["totals"] is None:
        raise IncompleteBuild(f"`{out}` is not finished: run the command that makes it again.")
    numbers = compute_numbers(out)
    path = make_report(out, run["source"]["path"], from_dict(BuildConfig, run["config"]), numbers)
    said = {"report": str(path), "numbers": numbers_to_json(numbers)} if as_json else {}
    say(said, as_json, str(path))


def make_report(out: UPath, source: str, config: Any, numbers: Numbers | None = None) -> UPath:
    from lstdata.inspection.hearing import open_again
    from lstdata.report import write_report

    return write_report(out, open_again(source, config.source), numbers)
