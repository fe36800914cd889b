"""`build-shards`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from upath import UPath

from lstdata.cli.looking import make_report
from lstdata.cli.shared import (
    ADDRESS,
    KIND,
    PLACE,
    RUNNER,
    TAKE_OVER,
    WORKERS,
    build_options,
    fail_beyond,
    say,
    say_problems,
    settings,
)
from lstdata.errors import ConfigError

if TYPE_CHECKING:
    from lstdata.build import Asked
    from lstdata.config import RunConfig


@click.command("build-shards")
@build_options
@KIND
@TAKE_OVER
@RUNNER
@WORKERS
@ADDRESS
@click.option("--keep-audio", type=click.Choice(["flac", "opus"]), help="Put the audio into the shards too.")
@click.option("--max-reject-rate", type=float, help="Exit 1 above this share of rejected records.  [default: 0.05]")
@click.option("--units-only", is_flag=True, help="First of two phases: units, no word times; for where the GPUs are.")
@click.option("--units-from", type=PLACE, help="Second of two phases: take units from this run folder of the first.")
@click.option("--dry-run", is_flag=True, help="Say what would be built, and what filters leave out; write nothing.")
@click.option(
    "--measure",
    type=click.Choice(["signal", "score"]),
    help="With --dry-run: decode and measure every record, also where no filter is set; score: align it too.",
)
@click.option("--sample", type=click.IntRange(min=1), help="With --dry-run: measure only so many, chosen by hash.")
@click.option("--verify/--no-verify", "check", default=True, show_default=True, help="Recheck everything at the end.")
@click.option("--report/--no-report", "report", default=True, show_default=True, help="Write OUT/report.html.")
def build_shards_command(
    source: str,
    out: UPath,
    config_path: str | None,
    sets: tuple[str, ...],
    rebuild: bool,
    allow_mixed_compute: bool,
    take_over: bool,
    as_json: bool,
    kind: str | None,
    runner: str | None,
    workers: int | None,
    address: str | None,
    keep_audio: str | None,
    max_reject_rate: float | None,
    units_only: bool,
    units_from: str | None,
    dry_run: bool,
    measure: str | None,
    sample: int | None,
    check: bool,
    report: bool,
) -> None:
    """Turn SOURCE into the run folder OUT: units, word times, patches and interleavings in WebDataset shards.

    With --kind text, SOURCE holds documents of text: JSON lines, Parquet, plain text, a dataset of the hub. They come
    into OUT with the ids of their tokens, to be mixed with speech.

    SOURCE is a folder with one transcript beside each recording, a LibriSpeech tree, lhotse manifests or Shar, a Kaldi
    data directory, a dataset of the Hugging Face hub on disk, a CSV, TSV, JSONL or Parquet table, prepared units,
    another run folder, or what `segment` or `transcribe` left.

    Run it again to resume. Exit code 0: done; 1: the data or the world fell short; 2: usage.
    """
    from lstdata.build import Asked, build_shards
    from lstdata.build.phases import first_phase
    from lstdata.config import BuildConfig, load
    from lstdata.progress import BuildProgress
    from lstdata.workers import count_workers

    overrides = settings("source", kind=kind) + settings("audio", keep=keep_audio)
    overrides += settings(runner=runner, workers=workers, address=address, max_reject_rate=max_reject_rate)
    if units_from is not None:
        overrides.append(f"units.taken_from={json.dumps(units_from)}")
    config = load(BuildConfig, config_path, [*sets, *overrides])
    if units_only:
        config = first_phase(config)
    asked = Asked(source, out, config, rebuild, allow_mixed_compute, take_over)
    if dry_run:
        _dry_run(asked, measure, sample, as_json)
        return
    if measure is not None or sample is not None:
        raise ConfigError("`--measure` and `--sample` need `--dry-run`: a build measures what its filters ask for.")
    progress = BuildProgress(quiet=as_json, workers=count_workers(config.run))
    try:
        totals = build_shards(asked, progress)
    finally:
        progress.close()
    problems = check_run(out, config.run, as_json) if check else []
    page = make_report(out, source, config) if report and not problems else None
    said = asdict(totals) | {"out": str(out), "report": page and str(page), "problems": problems}
    say(said, as_json, f"{totals.describe()}\nrun folder: {out}" + (f" · report: {page}" if page else ""))
    say_problems(problems, as_json, out)
    fail_beyond(totals, config.run.max_reject_rate, out)


def _dry_run(asked: Asked, measure: str | None, sample: int | None, as_json: bool) -> None:
    """Say what would be built and, where there is a filter or one asks for it, what becomes of each record."""
    from lstdata.build import planned
    from lstdata.build.outlook import foresee, outlook_text, source_rejects_text
    from lstdata.build.trial import try_records
    from lstdata.build.trial_table import trial_json, trial_text
    from lstdata.filters import active_rules
    from lstdata.progress import CountProgress

    rules = active_rules(asked.config.filter)
    with planned(asked) as (plan, path):
        line = f"would build: {plan.describe()}; nothing was written"
        outlook = foresee(path, asked.config.words)
        said = plan.summary() | outlook.to_json()
        if plan.text_bytes and (measure or sample):
            raise ConfigError("`--measure` and `--sample` are for speech: of text, no more is said than the plan says.")
        if plan.text_bytes or (not rules and measure is None and sample is None):
            say(said, as_json, "\n".join([line, *outlook_text(plan, outlook)]))
            return
        if plan.unsegmented:
            raise ConfigError("A dry run measures segments, and there are none yet: `lstdata plan` makes them in OUT.")
        scored = measure == "score" or any(rule.needs == "words" for rule in rules)
        with CountProgress("measured", quiet=as_json) as progress:
            trial = try_records(
                asked.source, plan, path, asked.config, scored=scored, sample=sample, progress=progress.update
            )
    said |= {"sample": sample, "scored": scored, **trial_json(trial)}
    lines = [line, *source_rejects_text(outlook)]
    if sample is not None:
        lines.append(f"measured: {trial.all.records} of {plan.records - plan.rejected} records, chosen by hash")
    lines += ["", trial_text(trial)]
    if not scored:
        lines += ["", "Word times, their scores and what is rejected for want of them: `--measure score`, slower."]
    say(said, as_json, "\n".join(lines))


def check_run(out: UPath, run: RunConfig, as_json: bool) -> list[str]:
    """What `verify` finds, on this machine, with as many processes as may build on it."""
    from lstdata.progress import CountProgress
    from lstdata.verify import How, verify

    how = How(workers=run.workers if run.runner == "local" else None)
    with CountProgress("shards verified", quiet=as_json) as progress:
        return verify(out, how, progress).problems
