"""The command line: a verb parses, calls one function, and maps errors to exit codes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lstdata import __version__
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError

CONFIG = click.option("--config", "config_path", type=click.Path(dir_okay=False), help="A YAML file of options.")
SET = click.option("--set", "sets", multiple=True, metavar="A.B=VALUE", help="Override one option; repeatable.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines for people.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lstdata")
def cli() -> None:
    """Speech and transcripts to training data for the Latent Speech-Text Transformer, and its trainer.

    \b
    lstdata build-shards SOURCE OUT      all in one: plan, units, word times, shards, check, report
    lstdata train --data OUT --out RUN   train on what was built
    """


@cli.command("demo-corpus")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--utterances", type=click.IntRange(min=1), default=200, show_default=True, help="Spoken stories.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--items", type=click.IntRange(min=0), default=200, show_default=True, help="Story-completion items.")
@click.option("--text-stories", type=click.IntRange(min=0), default=2000, show_default=True, help="Written stories.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; as many as there are cores by default.")
@JSON
def demo_corpus(
    out: Path, utterances: int, seed: int, items: int, text_stories: int, workers: int | None, as_json: bool
) -> None:
    """Synthesise a corpus of spoken stories in OUT: lhotse manifests with word times, and evaluation items."""
    from lstdata.demo.corpus import write_corpus
    from lstdata.progress import CountProgress

    with CountProgress("spoken", quiet=as_json) as progress:
        summary = write_corpus(
            out,
            utterances=utterances,
            seed=seed,
            items=items,
            stories=text_stories,
            workers=workers,
            progress=progress.update,
        )
    line = (
        f"{summary.utterances} spoken stories ({summary.seconds / 3600:.2f} h, {summary.words} words, "
        f"{summary.speakers} voices, {summary.validation} for validation), {summary.stories} written ones and "
        f"{summary.items} completion items in {out}"
    )
    _say(asdict(summary), as_json, line)


def _build_options(command: Any) -> Any:
    options = [
        click.argument("source"),
        click.argument("out", type=click.Path(file_okay=False, path_type=Path)),
        CONFIG,
        SET,
        click.option("--rebuild", is_flag=True, help="Discard what OUT holds and build it anew."),
        click.option(
            "--allow-mixed-compute", is_flag=True, help="Resume on another kind of machine; bytes may differ."
        ),
        JSON,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@cli.command("plan")
@_build_options
def plan(
    source: str,
    out: Path,
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
    _say(asdict(made), as_json, "\n".join([*lines, made.describe()]))


@cli.command("build-shards")
@_build_options
@click.option("--runner", type=click.Choice(["local", "ray"]), help="Processes of this machine, or Ray.")
@click.option("--workers", type=int, help="Worker processes, one core each; as many as there are cores by default.")
@click.option("--address", help="Of a running Ray cluster; a local one is started by default.")
@click.option("--max-reject-rate", type=float, help="Exit 1 above this share of rejected records.  [default: 0.05]")
@click.option("--dry-run", is_flag=True, help="Say what would be built, and write nothing.")
@click.option("--verify/--no-verify", "check", default=True, show_default=True, help="Recheck everything at the end.")
@click.option("--report/--no-report", "report", default=True, show_default=True, help="Write OUT/report.html.")
def build_shards_command(
    source: str,
    out: Path,
    config_path: str | None,
    sets: tuple[str, ...],
    rebuild: bool,
    allow_mixed_compute: bool,
    as_json: bool,
    runner: str | None,
    workers: int | None,
    address: str | None,
    max_reject_rate: float | None,
    dry_run: bool,
    check: bool,
    report: bool,
) -> None:
    """Turn SOURCE into the run folder OUT: units, word times, patches and interleavings in WebDataset shards.

    SOURCE is a folder of audio with transcripts, lhotse manifests, or a JSONL/CSV/Parquet table. Run it again to
    resume. Exit code 0: done; 1: the data or the world fell short; 2: usage.
    """
    from lstdata.build import Asked, build_shards, plan_only
    from lstdata.config import BuildConfig, load
    from lstdata.progress import BuildProgress

    given = {"runner": runner, "workers": workers, "address": address, "max_reject_rate": max_reject_rate}
    overrides = [f"run.{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    config = load(BuildConfig, config_path, [*sets, *overrides])
    if dry_run:
        made = plan_only(Asked(source, out, config, rebuild, allow_mixed_compute))
        _say(made.summary(), as_json, f"would build: {made.describe()}; nothing was written")
        return
    progress = BuildProgress(quiet=as_json)
    try:
        totals = build_shards(Asked(source, out, config, rebuild, allow_mixed_compute), progress)
    finally:
        progress.close()
    problems = _check(out) if check else []
    page = _report(out, source, config) if report and not problems else None
    said = asdict(totals) | {"out": str(out), "report": page and str(page), "problems": problems}
    _say(said, as_json, f"{totals.describe()}\nrun folder: {out}" + (f" · report: {page}" if page else ""))
    _problems(problems, as_json)
    if totals.reject_rate > config.run.max_reject_rate:
        _fail(
            f"{totals.rejected} of {totals.planned} records were rejected ({totals.reject_rate:.1%}), more than "
            f"`max_reject_rate` {config.run.max_reject_rate:.1%}; see {out / 'rejects.parquet'}."
        )


@cli.command("fit-units")
@click.argument("source")
@click.argument("codebook", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
@SET
@JSON
def fit_units(source: str, codebook: Path, config_path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Fit a CODEBOOK (.npz) of speech units on SOURCE, to give to builds as `units.codebook`."""
    from lstdata.build.freeze import describe_fit, fit_source
    from lstdata.config import BuildConfig, load

    summary = fit_source(source, codebook, load(BuildConfig, config_path, sets))
    _say(asdict(summary), as_json, describe_fit(summary))


@cli.command("fit-tokenizer")
@click.argument("source")
@click.argument("tokenizer", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
@SET
@JSON
def fit_tokenizer(source: str, tokenizer: Path, config_path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Train a byte-level BPE TOKENIZER (tokenizer.json) on SOURCE's transcripts, for `tokenizer.path`."""
    from lstdata.build.freeze import fit_source_tokenizer
    from lstdata.config import BuildConfig, load

    fitted = fit_source_tokenizer(source, tokenizer, load(BuildConfig, config_path, sets))
    _say({"size": fitted.size, "sha256": fitted.sha256}, as_json, f"tokenizer: {fitted.size} tokens")


@cli.command("verify")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@JSON
def verify_command(out: Path, as_json: bool) -> None:
    """Recompute every invariant of the run folder OUT; exit 1 naming shard and sample where one fails."""
    from lstdata.verify import verify

    verdict = verify(out)
    tail = f", complete except {verdict.environmental} environmental" if verdict.environmental else ""
    line = f"{verdict.shards} shards, {verdict.samples} samples, {verdict.rejected} rejected: "
    _say(asdict(verdict), as_json, line + (f"{len(verdict.problems)} problems" if verdict.problems else "ok") + tail)
    _problems(verdict.problems, as_json)


@cli.command("report")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report_command(out: Path) -> None:
    """Write OUT/report.html: what a person looks at."""
    from lstdata.build.folder import read_run
    from lstdata.config import BuildConfig, from_dict

    run = read_run(out)
    if run is None:
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    if run["totals"] is None:
        raise IncompleteBuild(f"`{out}` is not finished: run `build-shards` again.")
    click.echo(_report(out, run["source"]["path"], from_dict(BuildConfig, run["config"])))


@cli.command("train")
@click.option(
    "--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="A run folder."
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Checkpoints and metrics.")
@click.option("--preset", help="Sizes and schedule: tiny, 420m or 1b.  [default: tiny]")
@CONFIG
@SET
def train_command(data: Path, out: Path, preset: str | None, config_path: str | None, sets: tuple[str, ...]) -> None:
    """Train an LST model on the shards of a run folder; run again to resume."""
    from lstdata.config import load
    from lstdata.train import TrainConfig, train

    chosen = [] if preset is None else [f"preset={preset}"]
    train(load(TrainConfig, config_path, [*sets, *chosen]), data, out)


def main() -> None:
    """Run the command line; one clear line per mistake, no traceback for what is not our bug."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        _fail("interrupted; run the same command again to resume.", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LstDataError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(str(error))


def _fail(message: str, code: int = 1) -> None:
    for line in message.splitlines():
        click.echo(f"error: {line}", err=True)
    sys.exit(code)


def _say(value: dict[str, Any], as_json: bool, line: str) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else line)


def _problems(problems: list[str], as_json: bool) -> None:
    """Exit 1 where there are any, said on stderr unless the JSON object holds them already."""
    if problems and not as_json:
        for problem in problems:
            click.echo(f"error: {problem}", err=True)
        click.echo("To remake a damaged shard, delete its .json in shards/ and run build-shards again.", err=True)
    if problems:
        sys.exit(1)


def _check(out: Path) -> list[str]:
    from lstdata.verify import verify

    return verify(out).problems


def _report(out: Path, source: str, config: Any) -> Path:
    from lstdata.report import write_report
    from lstdata.sources import open_source

    try:
        opened = open_source(source, config.source)
    except LstDataError:
        opened = None
    return write_report(out, opened)
