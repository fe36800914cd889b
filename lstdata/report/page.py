"""The page: figures and drawings put into the templates; everything that comes from data is escaped there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
import yaml
from markupsafe import Markup
from upath import UPath

from lstdata.build.timing import read_time_spent
from lstdata.inspection.colours import run_colours
from lstdata.inspection.fragment import script, sha256_source, style
from lstdata.inspection.templates import read_file, templates
from lstdata.records import HEADER_TOLERANCE
from lstdata.report import reference
from lstdata.report.charts import fences, patch_charts, run_chart, score_chart, score_limits, shard_charts, spread
from lstdata.report.corpus import Part
from lstdata.report.draw import unit_spectrum
from lstdata.report.drawings import choose_outliers, draw_places
from lstdata.report.figures import FILTERS, share, shown
from lstdata.report.numbers import Numbers
from lstdata.report.outliers import Ranking
from lstdata.report.shard_figures import outstanding
from lstdata.report.utterances import choose_utterances
from lstdata.sources import Source
from lstdata.terminal import visible

ROOM = "lstdata.report"

DECODERS = ("soundfile", "libsndfile", "ffmpeg")
"""Names, among a run's versions, of what turns files into samples."""


def render(numbers: Numbers, out: UPath, source: Source | None) -> str:
    """The whole page of a finished run folder, of which these are the figures."""
    colours = run_colours(out)
    chosen = choose_utterances(out)
    utterances = draw_places(out, chosen, source, colours)
    rankings = numbers.outliers.rankings
    outliers = draw_places(out, choose_outliers(rankings, {place.key for place in chosen}), source, colours)
    programs = script() + read_file(ROOM, "sorting.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            style=style() + Markup(read_file(ROOM, "page.css")),
            script=Markup(programs),
            script_hash=sha256_source(programs),
            title=numbers.title,
            about=numbers.run["config"]["about"].strip(),
            numbers=numbers,
            utterances=utterances,
            outliers=outliers,
            rankings=rankings,
            drawn={drawing.place.key for drawing in (*utterances, *outliers)},
            why=_why(rankings),
            shards=outstanding(numbers.shards),
            reference=reference,
            comparison=reference.comparison(numbers),
            tolerance=HEADER_TOLERANCE,
            spent=read_time_spent(out),
            decoder=_decoder(numbers.run),
            options=_options(numbers.run),
            **_charts(numbers, colours),
            **_tables(numbers),
        )
    )


def _why(rankings: Sequence[Ranking]) -> dict[str, list[str]]:
    """By key, the lists in which an utterance is."""
    found: dict[str, list[str]] = {}
    for ranking in rankings:
        for outlier in ranking.found:
            found.setdefault(outlier.place.key, []).append(ranking.title.lower())
    return found


def _charts(numbers: Numbers, colours: list[str]) -> dict[str, Any]:
    corpus, units = numbers.corpus, numbers.units
    used = f"Units by frequency: {units.used} of {len(units.counts)} occur, entropy {units.entropy:.2f} bits"
    return {
        "documents": spread("Tokens in a document", corpus.text_tokens, "tokens", 30),
        "durations": spread("Length of an utterance", corpus.seconds, "s", 30),
        "tempo": spread("Words per second", corpus.words_per_second, "words/s", 24),
        "scores": spread("Alignment score", corpus.align_score, "", 30),
        "score_shares": score_chart(corpus.align_score, numbers.threshold),
        "silence": spread("Silence in an utterance", numbers.speech.silent_percent, "%", 25),
        "spectrum": unit_spectrum(units.counts, colours, used),
        "runs": run_chart(units.runs),
        "patch_charts": patch_charts(numbers),
        "shard_charts": shard_charts(numbers.shards),
    }


def _tables(numbers: Numbers) -> dict[str, Any]:
    corpus = numbers.corpus
    return {
        "languages": _most_first(corpus.languages),
        "licenses": _most_first(corpus.licenses),
        "tempo_fences": fences(corpus.words_per_second),
        "score_limits": score_limits(corpus.align_score),
        "reject_share": share(numbers.rejected / numbers.planned if numbers.planned else 0.0),
    }


@cache
def _environment() -> jinja2.Environment:
    environment = templates([ROOM], finalize=shown)
    environment.filters |= FILTERS
    return environment


def _most_first(parts: Mapping[str | None, Part]) -> list[tuple[str | None, Part]]:
    return sorted(parts.items(), key=lambda item: (-item[1].seconds, -item[1].text_bytes, item[0] or ""))


def _decoder(run: dict[str, Any]) -> str:
    """What recordings were decoded with: lossy formats differ from one version to another."""
    return ", ".join(f"{name} {run['versions'][name]}" for name in DECODERS if name in run["versions"])


def _options(run: dict[str, Any]) -> Markup:
    """The options that shaped the output, as YAML; how the build was carried out is left out."""
    config = {name: section for name, section in run["config"].items() if name not in ("run", "about")}
    lines = yaml.safe_dump(config, allow_unicode=True).splitlines()
    return Markup("\n").join(visible(line) for line in lines)
