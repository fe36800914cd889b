"""The page: figures and drawings put into the template; everything that comes from data is escaped there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import yaml
from markupsafe import Markup
from upath import UPath

from lstdata.build.timing import read_time_spent
from lstdata.inspection.colours import run_colours
from lstdata.inspection.fragment import draw_utterance, script, sha256_source, style
from lstdata.inspection.hearing import show
from lstdata.records import HEADER_TOLERANCE, HOP
from lstdata.report.corpus import Part
from lstdata.report.distribution import Distribution
from lstdata.report.draw import histogram, nice_step, unit_spectrum
from lstdata.report.numbers import Numbers
from lstdata.report.utterances import choose_utterances
from lstdata.sources import Source

WORD_MEAN, WORD_MEDIAN, WORD_MAX = 5.8, 5, 22
SILENCE_MEAN, SILENCE_MAX = 3.7, 31
TOKENS_PER_WORD, SILENCE_SHARE = 9.7, 0.4
"""Of ten utterances of MLS, aligned by CTC, that the authors of arXiv 2510.06195 released with it (25 Hz units)."""

DECODERS = ("soundfile", "libsndfile", "ffmpeg")
"""Names, among a run's versions, of what turns files into samples."""


@dataclass(frozen=True)
class Chart:
    """A histogram with its heading and what its distribution amounts to."""

    title: str
    svg: Markup
    values: Distribution
    axis: str
    reference: float = math.nan


def render(numbers: Numbers, out: UPath, source: Source | None) -> str:
    """The whole page of a finished run folder, of which these are the figures."""
    colours = run_colours(out)
    shown = [show(out, place, source) for place in choose_utterances(out)]
    files = resources.files("lstdata.report")
    template = _environment().from_string(files.joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        style=style() + Markup(files.joinpath("page.css").read_text(encoding="utf-8")),
        script=Markup(script()),
        script_hash=sha256_source(script()),
        title=_title(numbers),
        about=numbers.run["config"]["about"].strip(),
        numbers=numbers,
        utterances=[(one, draw_utterance(one, colours)) for one in shown],
        spectrum=unit_spectrum(numbers.units.counts, colours),
        patch_charts=_patch_charts(numbers),
        durations=_spread("Length of an utterance", numbers.corpus.seconds, "s", 30),
        tempo=_spread("Words per second", numbers.corpus.words_per_second, "words/s", 24),
        scores=_spread("Alignment score", numbers.corpus.align_score, "per frame", 30),
        comparison=_comparison(numbers),
        languages=_most_first(numbers.corpus.languages),
        licenses=_most_first(numbers.corpus.licenses),
        tolerance=HEADER_TOLERANCE,
        spent=read_time_spent(out),
        decoder=_decoder(numbers.run),
        options=_options(numbers.run),
    )


def hours(seconds: float) -> str:
    """A length of audio in the unit that suits it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 3_600_000 else f"{seconds / 3600:,.0f} h"


def count(value: int) -> str:
    return f"{value:,}"


def share(value: float) -> str:
    """Per cent with the digits that matter; a dash where there is no value."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def decimal(value: float) -> str:
    """One digit after the point, none for whole numbers; a dash where there is no value."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def speed(times: float) -> str:
    """So many times real time, with two digits that matter."""
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"hours": hours, "count": count, "share": share, "decimal": decimal, "speed": speed}
    return environment


def _title(numbers: Numbers) -> str:
    """The name of the corpus's folder or file."""
    return str(numbers.run["source"]["path"]).rstrip("/").rpartition("/")[2]


def _patch_charts(numbers: Numbers) -> list[Chart]:
    patches, scale = numbers.speech.patches, HOP / numbers.hop
    asked: list[tuple[str, str, str, float]] = [
        ("aligned words", "aligned, words", "speech", WORD_MEAN * scale),
        ("aligned silences", "aligned, silences", "quiet", SILENCE_MEAN * scale),
        ("silence", "silence", "speech", math.nan),
        ("static", "static", "speech", math.nan),
    ]
    longest = max((d.high for d in patches.values() if d.count), default=1)
    high = min(int(max(longest, WORD_MAX * scale)), int(48 * scale))
    charts = []
    for key, title, css, reference in asked:
        values = patches[key]
        svg = histogram(
            values.bars(1, 1, high + 1),
            name=f"Patch lengths: {title}",
            axis="frames",
            ticks=[1, *range(8, high + 1, 8)],
            mean=values.mean,
            reference=reference,
            whole=True,
            css=css,
        )
        charts.append(Chart(title, svg, values, "frames", reference))
    return charts


def _spread(title: str, values: Distribution, axis: str, most: int) -> Chart | None:
    """A histogram between the 0.5th and the 99.5th percentile, widened to whole bars."""
    if not values.count:
        return None
    step = max(nice_step(values.quantile(0.995) - values.quantile(0.005) + values.width, most), values.width)
    low = math.floor(values.quantile(0.005) / step) * step
    high = math.floor(values.quantile(0.995) / step) * step + step
    apart = nice_step(high - low, 6)
    first = math.ceil(low / apart - 1e-9)
    ticks = [i * apart for i in range(first, math.floor(high / apart + 1e-9) + 1)]
    svg = histogram(values.bars(step, low, high), name=title, axis=axis, ticks=ticks, mean=values.mean)
    return Chart(title, svg, values, axis)


def _comparison(numbers: Numbers) -> list[tuple[str, str, str]]:
    """(figure, here, in the reference sample, as it would be in frames of this length)."""
    speech, scale = numbers.speech, HOP / numbers.hop
    words, silences = speech.patches["aligned words"], speech.patches["aligned silences"]
    return [
        ("Word patch, mean", decimal(words.mean), decimal(WORD_MEAN * scale)),
        ("Word patch, median", decimal(words.median), decimal(WORD_MEDIAN * scale)),
        ("Word patch, longest", decimal(words.high), decimal(WORD_MAX * scale)),
        ("Silence patch, mean", decimal(silences.mean), decimal(SILENCE_MEAN * scale)),
        ("Silence patch, longest", decimal(silences.high), decimal(SILENCE_MAX * scale)),
        ("Units per word in all", decimal(speech.tokens_per_word), decimal(TOKENS_PER_WORD * scale)),
        ("Silence between words", share(speech.silence_between_words), f"≈ {SILENCE_SHARE:.0%}"),
    ]


def _most_first(parts: Mapping[str | None, Part]) -> list[tuple[str | None, Part]]:
    return sorted(parts.items(), key=lambda item: (-item[1].seconds, item[0] or ""))


def _decoder(run: dict[str, Any]) -> str:
    """What recordings were decoded with: lossy formats differ from one version to another."""
    return ", ".join(f"{name} {run['versions'][name]}" for name in DECODERS if name in run["versions"])


def _options(run: dict[str, Any]) -> str:
    """The options that shaped the output, as YAML; how the build was carried out is left out."""
    config = {name: section for name, section in run["config"].items() if name not in ("run", "about")}
    return str(yaml.safe_dump(config, allow_unicode=True))
