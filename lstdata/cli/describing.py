"""`card`."""

from __future__ import annotations

from pathlib import Path

import click

from lstdata.cli.shared import JSON, say
from lstdata.errors import ConfigError


@click.command("card")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@JSON
def card_command(out: Path, as_json: bool) -> None:
    """Write OUT/README.md: a dataset card for the Hugging Face Hub, from what the run folder OUT holds."""
    from lstdata.report.card import write_card
    from lstdata.run_folder import read_finished

    if not (out / "run.json").is_file():
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    read_finished(out)
    path = write_card(out)
    say({"card": str(path)}, as_json, str(path))
