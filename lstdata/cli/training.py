"""`train`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click
from upath import UPath

from lstdata.cli.shared import CONFIG, SET
from lstdata.model.presets import PRESETS


@click.command("train")
@click.option(
    "--data",
    "paths",
    multiple=True,
    metavar="FOLDER[=SHARE]",
    help="A run folder and, of several, its share of all raw tokens; repeatable.",
)
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=UPath), help="Checkpoints and metrics."
)
@click.option("--preset", help=f"Sizes and schedule: {', '.join(PRESETS)}.  [default: tiny]")
@click.option(
    "--init-from",
    help="Weights to begin with: a folder or a name on the hub of a Llama of transformers, or a run of `train`.",
)
@click.option(
    "--processes", default=1, show_default=True, help="On this machine: one for each GPU, or sharing its cores."
)
@CONFIG
@SET
def train_command(
    paths: tuple[str, ...],
    out: UPath,
    preset: str | None,
    init_from: str | None,
    processes: int,
    config_path: str | None,
    sets: tuple[str, ...],
) -> None:
    """Train an LST model on the shards of a run folder; run again to resume."""
    from lstdata.config import load
    from lstdata.errors import ConfigError
    from lstdata.train import TrainConfig, train

    data = [_source(path) for path in paths] or None
    given = {"preset": preset, "init_from": init_from, "data": data}
    chosen = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    try:
        train(load(TrainConfig, config_path, [*sets, *chosen]), None, out, processes=processes)
    except ConfigError as error:
        if os.environ.get("LOCAL_RANK", "0") != "0":  # torchrun's: all ranks find it, one of each machine says it
            sys.exit(error.exit_code)
        raise


def _source(given: str) -> dict[str, Any]:
    """`data` as the config has it, of `FOLDER` or `FOLDER=SHARE`."""
    path, equals, share = given.rpartition("=")
    try:
        return {"path": path, "share": float(share)} if equals and path else {"path": given}
    except ValueError:
        return {"path": given}
