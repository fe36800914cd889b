"""`transcribe`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from upath import UPath

from lstdata.cli.shared import ADDRESS, CONFIG, JSON, PLACE, RUNNER, SET, RunFolder, fail, say

if TYPE_CHECKING:
    from lstdata.transcribe import Asked


@click.command("transcribe")
@click.argument("source", type=PLACE)
@click.argument("out", type=RunFolder())
@click.option(
    "--model", type=PLACE, metavar="MODEL", help="A folder with a checkpoint of transformers, or its name on the hub."
)
@click.option("--revision", help="Of a model on the hub: a branch, tag or commit.")
@click.option("--device", help="cpu, cuda or auto.  [default: auto]")
@click.option("--dtype", help="float32, or on a GPU bfloat16 or float16.  [default: float32]")
@click.option("--batch", type=int, help="Records that go through the model together.  [default: 1, on a GPU 16]")
@click.option("--language", help="What is spoken, as `en`.")
@click.option("--all", "everything", is_flag=True, help="Also records that have a transcript: it is replaced.")
@CONFIG
@SET
@RUNNER
@click.option("--workers", type=int, help="Each holds the model.  [default: one per core; on a GPU 1]")
@ADDRESS
@click.option("--max-reject-rate", type=float, help="Exit 1 above this share of rejected records.  [default: 0.05]")
@click.option("--rebuild", is_flag=True, help="Discard what was transcribed in OUT and begin anew.")
@click.option("--allow-mixed-compute", is_flag=True, help="Resume on another kind of machine; bytes may differ.")
@click.option("--dry-run", is_flag=True, help="Say what would be transcribed, and write nothing.")
@JSON
def transcribe_command(
    source: str,
    out: UPath,
    model: str | None,
    revision: str | None,
    device: str | None,
    dtype: str | None,
    batch: int | None,
    language: str | None,
    everything: bool,
    config_path: str | None,
    sets: tuple[str, ...],
    runner: str | None,
    workers: int | None,
    address: str | None,
    max_reject_rate: float | None,
    rebuild: bool,
    allow_mixed_compute: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Recognise the speech of SOURCE's records that have no transcript, with word times.

    OUT/transcripts.parquet is a source itself: `lstdata build-shards OUT RUN`. Run it again to resume.
    Exit code 0: done; 1: the data or the world fell short; 2: usage.
    """
    from lstdata.config import load
    from lstdata.progress import CountProgress
    from lstdata.transcribe import Asked, TranscribeConfig, transcribe

    given: dict[str, object] = {"model": model, "revision": revision, "device": device, "dtype": dtype, "batch": batch}
    given |= {"language": language, "all": everything or None, "run.runner": runner, "run.workers": workers}
    given |= {"run.address": address, "run.max_reject_rate": max_reject_rate}
    overrides = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    config = load(TranscribeConfig, config_path, [*sets, *overrides])
    asked = Asked(source, out, config, allow_mixed_compute, rebuild)
    if dry_run:
        _say_plan(asked, as_json)
        return
    with CountProgress("transcribed", quiet=as_json) as progress:
        totals = transcribe(asked, progress)
    said = asdict(totals) | {"rejected": totals.rejected, "out": str(out)}
    then = f"\nnext: lstdata build-shards {out} RUN" if totals.transcribed + totals.kept else ""
    say(said, as_json, totals.describe() + then)
    if totals.reject_rate > config.run.max_reject_rate:
        fail(
            f"{totals.rejected} of {totals.rejected + totals.transcribed} records were rejected "
            f"({totals.reject_rate:.1%}), more than `max_reject_rate` {config.run.max_reject_rate:.1%}."
        )


def _say_plan(asked: Asked, as_json: bool) -> None:
    from lstdata.transcribe import survey

    found, config, checkpoint = survey(asked)
    plan = asdict(found) | {"model": checkpoint.identity(), "device": config.device, "batch": config.batch}
    line = (
        f"would transcribe {found.wanted} of {found.records} records ({found.seconds / 3600:.3f} h) "
        f"with {checkpoint.name} ({checkpoint.architecture}) on {config.device}; nothing was written"
    )
    say(plan, as_json, line)
