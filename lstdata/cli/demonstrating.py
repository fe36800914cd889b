"""`demo-corpus`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from lstdata.cli.shared import JSON, say


@click.command("demo-corpus")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--utterances", type=click.IntRange(min=1), default=200, show_default=True, help="Spoken stories.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--items", type=click.IntRange(min=0), default=200, show_default=True, help="Story-completion items.")
@click.option(
    "--topic-items",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Items whose other ending is off topic.",
)
@click.option("--text-stories", type=click.IntRange(min=0), default=2000, show_default=True, help="Written stories.")
@click.option("--plots", metavar="NAME,…", default="", help="Only these of the sixteen plots.  [default: all]")
@click.option("--voices", type=int, help="Only the first so many of the eight speakers.")
@click.option("--snr", type=float, help="Noise: dB below the speech where it is loudest.  [default: none]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; as many as there are cores by default.")
@JSON
def demo_corpus(
    out: Path,
    utterances: int,
    seed: int,
    items: int,
    topic_items: int,
    text_stories: int,
    plots: str,
    voices: int | None,
    snr: float | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Synthesise a corpus of spoken stories in OUT: lhotse manifests with word times, and evaluation items.

    Fewer plots and voices, and no noise, make what the items ask easier to learn.
    """
    from lstdata.demo.corpus import write_corpus
    from lstdata.demo.language import VOICES, Language
    from lstdata.progress import CountProgress

    with CountProgress("spoken", quiet=as_json) as progress:
        summary = write_corpus(
            out,
            utterances=utterances,
            seed=seed,
            items=items,
            topic_items=topic_items,
            stories=text_stories,
            language=Language(
                plots=tuple(plots.split(",")) if plots else (),
                voices=len(VOICES) if voices is None else voices,
                snr=snr,
            ),
            workers=workers,
            progress=progress.update,
        )
    topics = f" and {summary.topic_items} topic items" if summary.topic_items else ""
    line = (
        f"{summary.utterances} spoken stories ({summary.seconds / 3600:.2f} h, {summary.words} words, "
        f"{summary.speakers} voices, {summary.validation} for validation), {summary.stories} written ones and "
        f"{summary.items} completion items{topics} in {out}"
    )
    say(asdict(summary), as_json, line)
