"""`inspect`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, PLACE, RunFolder, say
from lstdata.errors import ConfigError

if TYPE_CHECKING:
    from lstdata.inspection.finding import Place
    from lstdata.inspection.hearing import Shown
    from lstdata.inspection.positions import DrawnDocument
    from lstdata.shards import StoredSample

# What `ranking.MEASURES`, `interleave.STRATEGIES` and `positions.PATCHINGS` hold, whose imports would slow down --help.
_MEASURES = ("align", "interpolated", "fast", "slow", "long", "short")
_STRATEGIES = ("lst", "spirit", "poisson", "speech", "text", "asr", "tts")
_PATCHINGS = ("none", "static", "silence", "aligned", "aligned-merged", "aligned-bpe", "mixed", "curriculum")
_FILE = click.Path(dir_okay=False)


@click.command("inspect")
@click.argument("out", type=RunFolder(kept=True))
@click.argument("name", required=False, metavar="[KEY]")
@click.option("--seed", type=click.IntRange(min=0), help="Without KEY: which sample is drawn; 0 by default.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write a page to look at and listen to, all in one file.")
@click.option("--png", type=_FILE, metavar="FILE", help="Write a picture.")
@click.option("--epoch", type=click.IntRange(min=0), help="Show the document of this epoch; 0 by default.")
@click.option("--strategy", type=click.Choice(_STRATEGIES), help="Show a document, interleaved so.")
@click.option("--patching", type=click.Choice(_PATCHINGS), help="Show a document, its speech patched so.")
@click.option("--source", type=PLACE, help="Where lies now what OUT was built from, for the audio.")
@click.option("--worst", type=click.Choice(_MEASURES), help="List the samples that are the worst by this measure.")
@click.option("--count", type=click.IntRange(min=1), help="How many --worst lists; 10 by default.")
@JSON
def inspect_command(
    out: UPath,
    name: str | None,
    seed: int | None,
    html: str | None,
    png: str | None,
    epoch: int | None,
    strategy: str | None,
    patching: str | None,
    source: str | None,
    worst: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Show one sample of the finished run folder OUT, of this KEY or id: its words, units and patches over time.

    Each line is a word or a silence (·): when it begins, its units (12×3 is three times unit 12), and of each patching
    the lengths in frames of the patches that begin in it. A ? marks a word whose times are no finding. --epoch,
    --strategy and --patching add a document that training would see; what is not given is as OUT was configured.
    """
    drawing = {"--epoch": epoch, "--strategy": strategy, "--patching": patching}
    _check(worst, {"KEY": name, "--seed": seed, "--html": html, "--png": png, "--source": source} | drawing, count)
    if name is not None and seed is not None:
        raise click.UsageError("--seed draws a sample: give it without KEY.")
    if source is not None and html is None and png is None:
        raise click.UsageError("--source is for the audio of --html and --png.")
    from lstdata.inspection.finding import draw_place, find_place, open_finished, read_sample

    run = open_finished(out)
    if worst is not None:
        _list(out, worst, count or 10, as_json)
        return
    place = draw_place(out, seed or 0) if name is None else find_place(out, name)
    asked = {key.removeprefix("--"): value for key, value in drawing.items() if value is not None}
    if html is not None or png is not None:
        _write(out, run, place, html, png, source, asked, as_json)
        return
    stored = read_sample(out, place)
    _show(stored, _document(out, run, stored, asked) if asked else None, as_json)


def _check(worst: str | None, others: Mapping[str, object], count: int | None) -> None:
    """A UsageError where a list and a sample are asked for at once."""
    given = [name for name, value in others.items() if value is not None]
    if worst is not None and given:
        raise click.UsageError(f"--worst lists samples: give it without {', '.join(given)}.")
    if worst is None and count is not None:
        raise click.UsageError("--count is of --worst.")


def _list(out: UPath, measure: str, count: int, as_json: bool) -> None:
    from lstdata.inspection.ranking import worst
    from lstdata.inspection.text import ranked_text

    found = worst(out, measure, count)
    said = {"worst": measure, "samples": [asdict(one) for one in found]}
    say(said, as_json, ranked_text(measure, found, _width()))


def _show(stored: StoredSample, document: DrawnDocument | None, as_json: bool) -> None:
    from lstdata.inspection.items import items_of
    from lstdata.inspection.text import text_of

    sample = stored.sample
    said: dict[str, Any] = {name: getattr(sample, name) for name in ("key", "id", "split", "text", "aligner")}
    said |= {"align_score": sample.align_score, "items": [asdict(item) for item in items_of(stored)]}
    said |= {} if document is None else {"document": document.to_json()}
    say(said, as_json, text_of(stored, _width(), document))


def _write(
    out: UPath,
    run: Mapping[str, Any],
    place: Place,
    html: str | None,
    png: str | None,
    source: str | None,
    asked: Mapping[str, Any],
    as_json: bool,
) -> None:
    from lstdata.storage import commit_bytes
    from lstdata.storage import place as at

    shown = _listen(out, run, place, source)
    if html is not None:
        from lstdata.inspection.colours import run_colours
        from lstdata.inspection.page import render_page

        document, undrawn = None, ""
        try:
            document = _document(out, run, shown.stored, asked)
        except ConfigError as error:
            if asked:
                raise
            undrawn = str(error)
        commit_bytes(at(html), render_page(shown, place, run_colours(out), document, undrawn).encode())
    if png is not None:
        from lstdata.inspection.colours import run_oklch
        from lstdata.inspection.figure import draw_figure

        commit_bytes(at(png), draw_figure(shown, run_oklch(out)))
    written = {"key": place.key, "id": place.id, "html": html, "png": png}
    if shown.audio is None:
        written["silent_because"] = shown.silent_because
    say(written, as_json, "\n".join(file for file in (html, png) if file is not None))
    if shown.audio is None and shown.stored.sample.tokens is None and not as_json:
        click.echo(f"note: it is drawn silent: {shown.silent_because}.", err=True)


def _listen(out: UPath, run: Mapping[str, Any], place: Place, source: str | None) -> Shown:
    """The sample with its audio, from the source that OUT names or from the one that is given, which must be one."""
    from lstdata.config import BuildConfig, from_dict
    from lstdata.inspection.hearing import open_again, show
    from lstdata.sources import open_source

    config, stated = from_dict(BuildConfig, run["config"]).source, run["source"]["path"]
    again = open_again(stated, config) if source is None else open_source(source, config)
    return show(out, place, again, f"`{stated}`, of which it was built, cannot be opened")


def _document(out: UPath, run: Mapping[str, Any], stored: StoredSample, asked: Mapping[str, Any]) -> DrawnDocument:
    from lstdata.inspection.positions import draw_document

    return draw_document(out, run, stored.sample, **asked)


def _width() -> int:
    return max(80, shutil.get_terminal_size((120, 24)).columns)
