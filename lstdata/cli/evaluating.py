"""`build-eval`, `evaluate` and `compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, PLACE, RUNNER, WORKERS, RunFolder, say
from lstdata.evaluate.layouts import LAYOUTS
from lstdata.storage import place

if TYPE_CHECKING:
    from lstdata.run_options import RunConfig

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("build-eval")
@click.argument("items", type=PLACE)
@click.argument("out", type=RunFolder())
@click.option("--like", required=True, type=RunFolder(kept=True), help="A run folder: its codebook and tokenizer.")
@click.option("--layout", type=click.Choice(["auto", *LAYOUTS]), default="auto", show_default=True, help="Of ITEMS.")
@click.option("--audio", type=RunFolder(kept=True), help="Folder of the recordings of a text or table.")
@click.option("--source", type=PLACE, help="Where the recordings are; by default manifests beside ITEMS, or ITEMS.")
@click.option("--root", type=PLACE, metavar="FOLDER", help="Of a list of sets: where their places start.")
@RUNNER
@WORKERS
@JSON
def build_eval_command(
    items: str,
    out: UPath,
    like: UPath,
    layout: str,
    audio: UPath | None,
    source: str | None,
    root: str | None,
    runner: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Make the evaluation set OUT of ITEMS: prompts and endings, coded as the run folder LIKE is.

    ITEMS is JSON lines: {"id", "prompt", "endings", "answer"}, where a prompt (or null) and each ending have "text",
    "recording" (an id in the source) or "audio" (a path beside ITEMS), and "answer" is the number of the right ending.
    Items with one "pair" are drawn together when intervals are computed. Run it again to resume.

    ITEMS may also be a benchmark as it is published: ZeroSpeech's lexical/dev or syntactic/dev (sWUGGY, sBLIMP), a
    folder of the spoken StoryCloze, StoryCloze's CSV, HellaSwag's JSON lines; or a CSV or TSV with the columns id,
    answer, prompt, ending_0, ending_1, prompt_audio, ending_0_audio, ending_1_audio. What is incomplete is left out,
    counted and named. AUDIO has ID_prompt.wav, ID_ending_0.wav and so on.

    Or ITEMS is a .yaml that lists sets, as pipelines/eval.yaml does: each that is there becomes OUT/NAME.
    """
    from lstdata.evaluate.catalogue import is_catalogue
    from lstdata.run_options import RunConfig

    given: dict[str, Any] = {"runner": runner, "workers": workers}
    run = RunConfig(**{name: value for name, value in given.items() if value is not None}, max_reject_rate=1.0)
    if not is_catalogue(items):
        if root is not None:
            raise click.UsageError("--root is for a .yaml that lists sets.")
        said, lines = _build_set(items, out, like, layout, audio, source, run, as_json)
    else:
        if (layout, audio, source) != ("auto", None, None):
            raise click.UsageError("--layout, --audio and --source stand in the .yaml, for each of its sets.")
        said, lines = _build_listed(items, root, out, like, run, as_json)
    say(said, as_json, "\n".join(lines))


def _build_listed(
    path: str, root: str | None, out: UPath, like: UPath, run: RunConfig, quiet: bool
) -> tuple[dict[str, Any], list[str]]:
    """Every set of a list that is there; ConfigError where none is."""
    from lstdata.errors import ConfigError
    from lstdata.evaluate.catalogue import read_catalogue

    listed = read_catalogue(path, root)
    there = listed.there()
    if not there:
        raise ConfigError(f"`{path}`: none of its {len(listed.sets)} sets is in `{listed.root}`; see `--root`.")
    made, lines = {}, []
    for one in there:
        audio = None if one.audio is None else place(one.audio)
        said, of_one = _build_set(one.items, out / one.name, like, one.layout, audio, one.source, run, quiet)
        made[one.name] = said
        lines += of_one
    absent = {one.name: one.items for one in listed.sets if one.name not in made}
    if absent:
        lines.append(f"not in {listed.root}: {', '.join(f'{name} ({items})' for name, items in absent.items())}")
    return {"sets": made, "absent": absent, "out": str(out)}, lines


def _build_set(
    items: str,
    out: UPath,
    like: UPath,
    layout: str,
    audio: UPath | None,
    source: str | None,
    run: RunConfig,
    quiet: bool,
) -> tuple[dict[str, Any], list[str]]:
    """What is said of it, for machines and for people."""
    from lstdata.evaluate.layouts.registry import read_layout
    from lstdata.evaluate.sets import build_set
    from lstdata.progress import BuildProgress
    from lstdata.workers import count_workers

    reading = read_layout(place(items), layout, audio)
    progress = BuildProgress(quiet=quiet, workers=count_workers(run))
    try:
        made = build_set(reading, out, like, progress, source=source, run=run)
    finally:
        progress.close()
    lost = f"; {made.incomplete} of them lack a recording" if made.incomplete else ""
    published = reading.layout != "items"
    counts = f"{made.items} items, {made.recordings} recordings, {made.rejected} rejected{lost}"
    lines = [*(reading.lines() if published else ()), counts, f"evaluation set: {out}"]
    return {**asdict(made), **({"reading": reading.record()} if published else {}), "out": str(out)}, lines


@click.command("evaluate")
@click.argument("run", type=FOLDER)
@click.argument("sets", type=RunFolder(kept=True), nargs=-1)
@click.option("--data", type=RunFolder(kept=True), help="A run folder, for perplexity, recognition or synthesis.")
@click.option("--split", default="validation", show_default=True, help="Of the run folder of --data.")
@click.option(
    "--interleave",
    help="How --data is read for perplexity and bits per second.  [default: speech,text,lst; none with --tasks]",
)
@click.option("--tasks", help="asr, tts: recognise the utterances of --data, speak their texts, or both.")
@click.option("--recogniser", type=FOLDER, help="Of tts: a run that has learnt asr, which reads back what was spoken.")
@click.option("--vocoder", type=PLACE, help="Of tts: it gives what is kept a sound.")
@click.option("--keep", type=click.IntRange(min=0), help="Of tts: so many utterances to look at.  [default: 10]")
@click.option("--temperature", type=float, help="Of tts; 0 takes the likeliest unit.  [default: 0.8]")
@click.option("--top-p", type=float, help="Of tts: draw among the likeliest units of this mass.  [default: 0.95]")
@click.option("--modes", default="s-s,t-t,s-t,t-s", show_default=True, help="Of prompt and endings: speech or text.")
@click.option("--by", metavar="NAME", help="Of SETS: accuracies also of each type, subtype, frequency, … of items.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=UPath), help="For results.  [default: RUN/evaluation]"
)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many items of each set, or utterances.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap, and of what tts draws."
)
@JSON
def evaluate_command(
    run: Path,
    sets: tuple[UPath, ...],
    data: UPath | None,
    split: str,
    interleave: str | None,
    tasks: str | None,
    recogniser: Path | None,
    vocoder: str | None,
    keep: int | None,
    temperature: float | None,
    top_p: float | None,
    modes: str,
    by: str | None,
    out: Path | None,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Score the items of evaluation SETS under the model of the training run RUN, with intervals and controls.

    An item is answered by its most likely ending, per token or by the whole sum; beside each accuracy stand its 95 %
    interval, chance, and the accuracy without the prompts. OUT gets NAME.json and, with every ending's score,
    NAME.parquet for each set. With --data, every sample of a split is read once under each interleaving, for the
    perplexity of text and the bits per second of speech; OUT gets NAME-SPLIT.json.

    With --tasks its utterances are recognised (word and character error rates) and their texts are spoken, by models
    that were fine-tuned for it; OUT gets NAME-SPLIT-asr.json and, with every utterance, NAME-SPLIT-asr.parquet, and the
    same of tts.
    """
    from lstdata.evaluate.perplexity import data_table, measure_data
    from lstdata.evaluate.running import evaluate, table

    of_tts: dict[str, object] = {"recogniser": recogniser, "vocoder": vocoder, "keep": keep}
    of_tts |= {"temperature": temperature, "top-p": top_p}
    _check_together(sets, data, {"tasks": tasks, "interleave": interleave}, by, of_tts)
    out = out or run / "evaluation"
    said: dict[str, Any] = {}
    lines = []
    if sets:
        said["results"] = evaluate(run, sets, modes.split(","), out, limit=limit, seed=seed, by=by, quiet=as_json)
        lines.append(table(said["results"], by))
    if data is not None and (interleave or tasks is None):
        ways = (interleave or "speech,text,lst").split(",")
        said["data"] = measure_data(run, data, split, ways, out, quiet=as_json)
        lines.append(data_table(said["data"]))
    if data is not None and tasks is not None:
        from lstdata.evaluate.speaking.running import KEPT, Asked, run_tasks
        from lstdata.evaluate.speaking.running import table as task_table
        from lstdata.evaluate.speaking.synthesis import tts_sampling

        asked = Asked(
            run=run,
            data=data,
            out=out,
            tasks=tuple(tasks.split(",")),
            split=split,
            limit=limit,
            sampling=tts_sampling(temperature, top_p, seed),
            recogniser=recogniser,
            vocoder=vocoder,
            keep=KEPT if keep is None else keep,
            seed=seed,
        )
        said["tasks"] = run_tasks(asked, quiet=as_json)
        lines.append(task_table(said["tasks"]))
    say(said, as_json, "\n".join(lines))


def _check_together(
    sets: tuple[UPath, ...],
    data: UPath | None,
    of_data: dict[str, str | None],
    by: str | None,
    of_tts: dict[str, object],
) -> None:
    """UsageError where an option is given without that which it is of; `tasks` is one of those of --data."""
    for name, value in of_data.items():
        if value is not None and data is None:
            raise click.UsageError(f"--{name} needs --data.")
    if by is not None and not sets:
        raise click.UsageError("--by is for evaluation SETS.")
    if not sets and data is None:
        raise click.UsageError("Give evaluation SETS, or --data with a run folder.")
    for name, asked_of_tts in of_tts.items():
        if asked_of_tts is not None and "tts" not in (of_data["tasks"] or "").split(","):
            raise click.UsageError(f"--{name} is for --tasks tts.")


@click.command("compare")
@click.argument("ours", type=PLACE)
@click.argument("theirs", type=PLACE)
@click.option("--convention", type=click.Choice(["per_token", "raw"]), default="per_token", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@JSON
def compare_command(ours: str, theirs: str, convention: str, seed: int, as_json: bool) -> None:
    """Say by how much OURS answers better than THEIRS: results of `evaluate` on the same items.

    Each is a NAME.parquet, or several with commas between: runs that differ by their training seeds alone. Differences
    come with a 95 % interval by a paired, hierarchical bootstrap: over runs, then over items.

    Of results of --tasks, NAME-asr.parquet or NAME-tts.parquet, or the .json beside it, it is word and character error
    rates that are compared, utterance by utterance, and lengths, steps and seconds stand beside them.
    """
    from lstdata.evaluate.comparing import compare, table
    from lstdata.evaluate.speaking.comparing import compare_attempts, comparison_table, holds_attempts

    paths = ours.split(","), theirs.split(",")
    if any(holds_attempts(path) for side in paths for path in side):
        spoken = compare_attempts(*paths, seed=seed)
        say(spoken, as_json, comparison_table(spoken))
    else:
        found = compare(*paths, convention, seed=seed)
        say({"convention": convention, "differences": found}, as_json, table(found))
