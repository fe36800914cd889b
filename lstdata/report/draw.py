"""Histograms as inline SVG; sizes are in SVG pixels, colours come from the page's style sheet."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from lstdata.records import Ints
from lstdata.report.distribution import Bar

WIDTH, HEIGHT = 340, 150
_TOP, _BOTTOM = 18, 22
MOST_BARS = 600
"""Bars of the unit spectrum; of more clusters, several neighbours in rank share one."""


def histogram(
    bars: Sequence[Bar],
    *,
    name: str,
    axis: str,
    ticks: Sequence[float],
    mean: float = math.nan,
    reference: float = math.nan,
    whole: bool = False,
    css: str = "speech",
) -> Markup:
    """Shares of all values per bar, with this corpus' mean and a reference mean as vertical lines.

    `whole` says that the values are integers, each bar one of them; `axis` is their unit.
    """
    total = sum(bar.count for bar in bars)
    most = max((bar.count for bar in bars), default=0)
    low, high = bars[0].low, bars[-1].high
    floor = HEIGHT - _BOTTOM

    def x(value: float) -> float:
        return (value - low) / (high - low) * WIDTH

    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, name)]
    if most:
        grid = Markup('<path class="grid-line" d="M0 {}.5H{}"/><text class="tick" x="0" y="{}">{}</text>')
        parts.append(grid.format(_TOP, WIDTH, _TOP - 4, f"{most / total:.0%}"))
    for bar in bars:
        tall = (floor - _TOP) * bar.count / most if most else 0.0
        label = _bar_label(bar, axis, total, whole)
        parts.append(
            Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                css, _n(x(bar.low) + 0.6), _n(floor - tall), _n(x(bar.high) - x(bar.low) - 1.2), _n(tall), label
            )
        )
    parts.append(Markup('<path class="axis" d="M0 {}.5H{}"/>').format(floor, WIDTH))
    for value, css_class in ((reference, "reference"), (mean, "mean")):
        if math.isfinite(value) and low <= value <= high:
            place = x(value + 0.5) if whole else x(value)
            parts.append(Markup('<path class="{}" d="M{} {}V{}"/>').format(css_class, _n(place), _TOP, floor))
    parts += [_tick(x(tick + 0.5) if whole else x(tick), f"{tick:g}") for tick in ticks]
    return Markup("").join([*parts, Markup("</svg>")])


def cumulative(
    points: Sequence[tuple[float, float]], low: float, high: float, *, name: str, threshold: float = math.nan
) -> Markup:
    """The share of values below x, for x in [low, high], from (x, share) rising; a threshold as a vertical line."""
    floor = HEIGHT - _BOTTOM
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return (value - low) / span * WIDTH

    def y(portion: float) -> float:
        return floor - (floor - _TOP) * portion

    places = [place for place, _ in points]
    columns = [low + span * i / (WIDTH // 2) for i in range(WIDTH // 2 + 1)]
    shares = [points[at - 1][1] if (at := bisect_right(places, c + span * 1e-9)) else 0.0 for c in columns]
    shares[-1] = 1.0
    line = "".join(f"L{_n(x(c))} {_n(y(p))}" for c, p in zip(columns, shares, strict=True))
    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, name)]
    for portion in (0.25, 0.5, 0.75, 1):
        grid = Markup('<path class="grid-line" d="M0 {}H{}"/><text class="tick" x="0" y="{}">{}</text>')
        parts.append(grid.format(_n(y(portion)), WIDTH, _n(y(portion) - 3), f"{portion:.0%}"))
    parts.append(Markup('<path class="under" d="M0 {}{}V{}Z"/>').format(floor, line, floor))
    parts.append(
        Markup('<path class="curve" d="M{}"/><path class="axis" d="M0 {}.5H{}"/>').format(line[1:], floor, WIDTH)
    )
    if low <= threshold <= high:
        parts.append(Markup('<path class="reference" d="M{} {}V{}"/>').format(_n(x(threshold)), _TOP, floor))
    parts += [_tick(x(tick), f"{tick:g}") for tick in ticks_between(low, high)]
    return Markup("").join([*parts, Markup("</svg>")])


def ticks_between(low: float, high: float) -> list[float]:
    """A few round numbers from `low` to `high`."""
    apart = nice_step(high - low, 6)
    first = math.ceil(low / apart - 1e-9)
    return [i * apart for i in range(first, math.floor(high / apart + 1e-9) + 1)]


def unit_spectrum(counts: Ints, colours: Sequence[str], name: str = "Units by frequency") -> Markup:
    """How often each unit occurs, most frequent first, in its own colour; a line where all would be if equal.

    Heights are log(1 + count): silence alone can be a sixth of all units.
    """
    width, height = 1040, 150
    order = np.argsort(-counts, kind="stable")
    group = -(-len(order) // MOST_BARS) if len(order) else 1
    total = max(1, int(counts.sum()))
    most = math.log1p(max(1, int(counts.max(initial=0))))
    number = max(1, -(-len(order) // group))
    parts = [
        Markup('<svg class="chart spectrum" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" ').format(
            width, height
        ),
        Markup('aria-label="{}">').format(name),
    ]
    for i in range(0, len(order), group):
        ids = order[i : i + group]
        mean = float(counts[ids].mean())
        tall = math.log1p(mean) / most * (height - 4)
        name = f"unit {ids[0]}" if group == 1 else f"ranks {i + 1}–{i + len(ids)}"
        parts.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"><title>{}</title></rect>').format(
                _n(i / group * width / number),
                _n(height - tall),
                _n(width / number * 0.86),
                _n(tall),
                colours[int(ids[0])],
                f"{name}: {mean / total:.2%}",
            )
        )
    level = height - math.log1p(counts.mean()) / most * (height - 4) if len(order) else height
    parts.append(Markup('<path class="reference" d="M0 {}H{}"/></svg>').format(_n(level), width))
    return Markup("").join(parts)


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 · 10^k that divides `span` into at most `most` parts."""
    raw = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(raw))
    return float(next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9)))


def _tick(place: float, text: str) -> Markup:
    anchor = "start" if place < 8 else "end" if place > WIDTH - 8 else "middle"
    return Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        _n(place), HEIGHT - 7, anchor, text.replace("-", "−")
    )


def _bar_label(bar: Bar, axis: str, total: int, whole: bool) -> str:
    where = f"{axis} {bar.low:g}" if whole else f"{bar.low:g}–{bar.high:g} {axis}"
    return f"{where}: {bar.count:,} ({bar.count / max(1, total):.1%})"


def _n(value: float) -> str:
    """A coordinate, short and the same everywhere."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
