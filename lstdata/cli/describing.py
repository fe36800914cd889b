"""`card`."""

from __future__ import annotations

import click
from upath import UPath

from lstdata.cli.shared import JSON, RunFolder, say
from lstdata.errors import ConfigError
from lstdata.storage import exists


@click.command("card")
@click.argument("out", type=RunFolder(kept=True))
@click.option("--force", is_flag=True, help="Replace a README.md that was written or edited by hand.")
@JSON
def card_command(out: UPath, force: bool, as_json: bool) -> None:
    """Write OUT/README.md: a dataset card for the Hugging Face Hub, from what the run folder OUT holds."""
    from lstdata.report.card import write_card
    from lstdata.run_folder import read_finished

    if not exists(out / "run.json"):
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    read_finished(out)
    path = write_card(out, force=force)
    say({"card": str(path)}, as_json, str(path))
