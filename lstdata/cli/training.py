"""`train`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from upath import UPath

from lstdata.cli.shared import CONFIG, SET, say
from lstdata.errors import ConfigError
from lstdata.model.presets import PRESETS
from lstdata.storage import place

if TYPE_CHECKING:
    from lstdata.train import TrainConfig

_SECONDS_TO_SAY_IT: Final = 30.0
"""That the first of a machine's processes has, before another of them ends of the same mistake."""


@click.command("train")
@click.option(
    "--data",
    "paths",
    multiple=True,
    metavar="FOLDER[=SHARE]",
    help="A run folder and, of several, its share of all raw tokens; repeatable.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=UPath), help="Checkpoints and metrics.")
@click.option(
    "--preset", help=f"Sizes and schedule: {', '.join(PRESETS)}.  [default: that of a run to begin with, or tiny]"
)
@click.option(
    "--init-from",
    help="Weights to begin with: a folder or a name on the hub of a Llama of transformers, or a run of `train`.",
)
@click.option(
    "--tokens-of",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A run of `train`: this one ends with the step in which as many raw tokens have been read as that one read.",
)
@click.option(
    "--fork",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RUN",
    help="Begin OUT where this run stands, under a schedule of another length.",
)
@click.option(
    "--processes", default=1, show_default=True, help="On this machine: one for each GPU, or sharing its cores."
)
@click.option("--dry-run", is_flag=True, help="Say what it would take: FLOPs, memory, days. Nothing is written.")
@click.option("--gpus", type=int, help="With --dry-run: how many.  [default: 1]")
@click.option("--gpu", help="With --dry-run: their kind, by its short name.  [default: H100]")
@click.option("--mfu", type=float, help="With --dry-run: the share of their peak that is made use of.  [default: 0.4]")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: one JSON object instead of lines for people.")
@CONFIG
@SET
def train_command(
    paths: tuple[str, ...],
    out: UPath | None,
    preset: str | None,
    init_from: str | None,
    tokens_of: Path | None,
    fork: Path | None,
    processes: int,
    dry_run: bool,
    gpus: int | None,
    gpu: str | None,
    mfu: float | None,
    as_json: bool,
    config_path: str | None,
    sets: tuple[str, ...],
) -> None:
    """Train an LST model on the shards of a run folder; run again to resume."""
    from lstdata.errors import ConfigError
    from lstdata.train import train
    from lstdata.train.inherit import load_training
    from lstdata.train.tokens_read import tokens_read

    data = [_source(path) for path in paths] or None
    tokens = None if tokens_of is None else tokens_read(tokens_of)
    given = {"preset": preset, "init_from": init_from, "data": data, "tokens": tokens}
    chosen = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    machine = {"gpus": gpus, "gpu": gpu, "mfu": mfu}
    if dry_run and fork is not None:
        raise click.UsageError("--fork is not for --dry-run: it says what the whole schedule takes.")
    if not dry_run:
        for name, value in {**machine, "json": as_json or None}.items():
            if value is not None:
                raise click.UsageError(f"--{name} is for --dry-run.")
        if out is None:
            raise click.UsageError("Missing option '--out'.")
    try:
        config = load_training(config_path, [*sets, *chosen])
        if out is None or dry_run:
            _say_outlook(config, machine, as_json)
        else:
            train(config, None, out, processes=processes, fork=fork)
    except ConfigError as error:
        if os.environ.get("LOCAL_RANK", "0") != "0":  # torchrun's: all ranks find it, one of each machine says it
            time.sleep(_SECONDS_TO_SAY_IT)  # torchrun ends all with the first that exits
            sys.exit(error.exit_code)
        raise


def _say_outlook(config: TrainConfig, machine: dict[str, Any], as_json: bool) -> None:
    from lstdata.train.outlook import Machine, dry_run, lines

    found = dry_run(config, Machine(**{name: value for name, value in machine.items() if value is not None}))
    say(found.to_json(), as_json, "\n".join(lines(found)))


def _source(given: str) -> dict[str, Any]:
    """`data` as the config has it, of `FOLDER` or `FOLDER=SHARE`."""
    path, equals, share = given.rpartition("=")
    try:
        return {"path": path, "share": float(share)} if equals and path else {"path": given}
    except ValueError as error:
        if place(given).exists():
            return {"path": given}
        raise ConfigError(f"`--data` is FOLDER or FOLDER=SHARE, and a share a number, but it is `{given}`.") from error
