"""What a page draws of the figures, each chart with its finding in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from lstdata.records import HOP
from lstdata.report.distribution import Distribution
from lstdata.report.draw import cumulative, histogram, nice_step, ticks_between
from lstdata.report.figures import count, decimal, share
from lstdata.report.numbers import Numbers
from lstdata.report.reference import MEANS, WORD_MAX
from lstdata.report.shard_figures import ShardFigures
from lstdata.report.speech import PIECES, SILENCES, WORDS
from lstdata.report.threshold import Threshold


@dataclass(frozen=True)
class Chart:
    """A drawing with its heading and what it shows; without a drawing where there are fewer than two values."""

    title: str
    finding: str
    svg: Markup = field(default_factory=Markup)
    reference: str = ""
    """A figure to compare with; the finding has it too."""


def spread(title: str, values: Distribution, unit: str, most: int) -> Chart:
    """A histogram between the 0.5th and the 99.5th percentile, widened to whole bars of at most `most`."""
    finding = _finding(values, unit)
    if values.count < 2:
        return Chart(title, finding)
    step = max(nice_step(values.quantile(0.995) - values.quantile(0.005) + values.width, most), values.width)
    low = math.floor(values.quantile(0.005) / step) * step
    high = math.floor(values.quantile(0.995) / step) * step + step
    svg = histogram(
        values.bars(step, low, high),
        name=f"{title}: {finding}",
        axis=unit,
        ticks=ticks_between(low, high),
        mean=values.mean,
    )
    return Chart(title, finding, svg)


def score_chart(values: Distribution, threshold: Threshold) -> Chart:
    """The share of utterances below each score, and the least that was believed."""
    title = "Share of utterances below a score"
    if not values.count:
        return Chart(title, "nothing was scored")
    parts = [f"{q:.0%} below {decimal(values.quantile(q))}" for q in (0.05, 0.5, 0.95)]
    if threshold.least is not None:
        parts.append(f"threshold {threshold.least:g}".replace("-", "−"))
    finding = " · ".join(parts)
    if values.count < 2:
        return Chart(title, f"one utterance, {decimal(values.low)}")
    first, last = values.quantile(0.01), values.quantile(0.99)
    least = math.nan if threshold.least is None else threshold.least
    low = max(min(values.low, math.inf if threshold.least is None else least), first - 3 * (last - first))
    high = min(values.high, last + 3 * (last - first))
    low -= 0.04 * (high - low)
    svg = cumulative(values.cumulative(), low, high, name=f"{title}: {finding}", threshold=least)
    return Chart(title, finding, svg)


def patch_charts(numbers: Numbers) -> list[Chart]:
    """One for each strategy that has patches, words and silences of `aligned` apart, on one scale."""
    patches, scale = numbers.speech.patches, HOP / numbers.hop
    asked = [
        (WORDS, "aligned, words", "speech"),
        (SILENCES, "aligned, silences", "quiet"),
        ("aligned-merged", "aligned-merged", "speech"),
        (PIECES, "aligned-bpe, pieces", "speech"),
        ("silence", "silence", "speech"),
        ("static", "static", "speech"),
    ]
    longest = max((d.high for d in patches.values() if d.count), default=1)
    high = min(int(max(longest, WORD_MAX * scale)), int(48 * scale))
    return [
        lengths(title, patches[key], high, css=css, reference=MEANS.get(key, math.nan) * scale)
        for key, title, css in asked
        if patches[key].count
    ]


def lengths(title: str, values: Distribution, high: int, *, css: str = "speech", reference: float = math.nan) -> Chart:
    """A histogram of whole frames from 1 to `high`, where all above are, with a reference mean."""
    finding = _finding(values, "frames")
    compared = f"reference mean {decimal(reference)}" if math.isfinite(reference) else ""
    svg = histogram(
        values.bars(1, 1, high + 1),
        name="; ".join(filter(None, (f"Lengths, {title}: {finding}", compared))),
        axis="frames",
        ticks=[1, *range(8, high + 1, 8)] if high > 8 else list(range(1, high + 1)),
        mean=values.mean,
        reference=reference,
        whole=True,
        css=css,
    )
    return Chart(title, finding, svg, compared)


def run_chart(runs: Distribution) -> Chart:
    """How long one unit goes on."""
    title = "Frames in a row with the same unit"
    if runs.count < 2:
        return Chart(title, _finding(runs, "frames"))
    return lengths(title, runs, max(4, min(int(runs.quantile(0.999)), 24)))


def shard_charts(shards: Sequence[ShardFigures]) -> list[Chart]:
    """How even the shards are, by length and by size."""
    charts = []
    asked = [("Audio in a shard", "min", [one.seconds / 60 for one in shards])]
    if any(one.text_bytes for one in shards):
        asked = [("Text in a shard", "MB", [one.text_bytes / 1e6 for one in shards])]
    asked += [("Size of a shard", "MB", [one.bytes / 1e6 for one in shards])]
    for title, unit, values in asked:
        found = Distribution(nice_step(max(values, default=1.0) or 1.0, 400))
        found.add(np.array(values))
        charts.append(spread(title, found, unit, 20))
    return charts


def _finding(values: Distribution, unit: str) -> str:
    """What a distribution amounts to, in a line."""
    if not values.count:
        return "none"
    if values.count == 1:
        return f"one, {decimal(values.low)} {unit}".rstrip()
    mean, median, high = decimal(values.mean), decimal(values.median), decimal(values.high)
    return f"mean {mean} · median {median} · max {high} {unit}".rstrip()


def fences(values: Distribution) -> tuple[float, int, float, int] | None:
    """(low, how many are below, high, how many above), 1.5 interquartile ranges beyond the quartiles; None of few."""
    if values.count < 4:
        return None
    first, third = values.quantile(0.25), values.quantile(0.75)
    low, high = first - 1.5 * (third - first), third + 1.5 * (third - first)
    return low, values.below(low), high, values.above(high)


def score_limits(values: Distribution) -> list[tuple[float, str, str]]:
    """(a least score, the share and the number of utterances that it would leave out), for a few shares."""
    limits: dict[float, int] = {}
    for q in (0.01, 0.05, 0.1, 0.25):
        limit = values.quantile(q)
        if math.isfinite(limit) and values.below(limit):
            limits[limit] = values.below(limit)
    return [(limit, share(number / values.count), count(number)) for limit, number in limits.items()]
