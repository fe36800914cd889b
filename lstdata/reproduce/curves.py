"""Learning curves: losses against what was paid for them, and error rates over fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

from lstdata.reproduce.plot import STYLES, Line, Panel, Style, plot
from lstdata.reproduce.results import BASE, Reproduction, Run
from lstdata.reproduce.spoken import SYNTHESIS, Spoken
from lstdata.reproduce.trained import Loss, Reached

AXES: Final = {
    "positions": "positions of the global transformer",
    "tokens": "raw tokens",
    "flops": "FLOPs",
    "seconds": "seconds of training",
}
_SHORT: Final = {"positions": "positions", "tokens": "raw tokens", "flops": "FLOPs", "seconds": "seconds"}
KINDS: Final = {
    "units": ("Held-out speech", "nats per unit"),
    "text": ("Held-out text", "nats per token of text"),
    "loss": ("Loss in training", "nats per token, means of consecutive steps"),
}
_OTHER: Final = (Style("green", "--", "s"), Style("purple", "--", "s"), Style("grey", "-", "o"))
"""Of arms that are of no recipe of ours."""

SECOND: Final = f"{BASE}, data"
"""The baseline under the second budget."""

GIVEN: Final = "†"
"""Marks what was told word boundaries."""

_SETTLED: Final = 0.1
"""The share of a training after which its loss fits on the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A drawing with its heading, and what it shows in words; `svg` is an element for a page."""

    name: str
    chapter: str
    title: str
    finding: str
    svg: str


def drawings(found: Reproduction) -> Iterator[Drawing]:
    """All for which there are points."""
    for one in panels(found):
        yield Drawing(name=one.name, chapter=one.chapter, title=one.title, finding=one.finding, svg=plot(one))


def panels(found: Reproduction) -> Iterator[Panel]:
    """What is drawn."""
    for kind, (title, unit) in KINDS.items():
        for axis, what in AXES.items():
            lines = [line for line in _loss_lines(found, kind, axis) if line.x]
            if lines:
                yield Panel(
                    name=f"{kind}-{axis}",
                    chapter="curves",
                    title=f"{title}, by {what}",
                    finding=_as_good(lines, axis) if kind != "loss" else _at_the_end(lines, "{:.3f}"),
                    lines=lines,
                    x=what,
                    y=unit,
                    marks=kind != "loss",
                    top=_top(lines),
                )
    for chapter, title, spoken in (("recognition", "Recognition", found.asr), (SYNTHESIS, "Synthesis", found.tts)):
        for number, asked in enumerate(dict.fromkeys(one.asked for one in spoken)):
            lines = [line for line in _error_lines([one for one in spoken if one.asked == asked]) if len(line.x) > 1]
            if lines:
                yield Panel(
                    name=f"{chapter}-wer-{number}" if number else f"{chapter}-wer",
                    chapter=chapter,
                    title=f"{title} of {asked}: word error rate over fine-tuning",
                    finding=_at_the_end(lines, "{:.1f} %"),
                    lines=lines,
                    x="steps of fine-tuning",
                    y="word error rate, %, with its 95 % interval",
                    marks=True,
                    zero=True,
                )


def _loss_lines(found: Reproduction, kind: str, axis: str) -> Iterator[Line]:
    for arm in found.arms:
        yield from _lines_of(arm, _style(found, arm), _runs(found, "compute", arm), kind, axis)
    style = STYLES[BASE]
    more = _runs(found, "data", BASE)
    yield from _lines_of(SECOND, Style(style.colour, "--", "s"), more, kind, axis)


def _lines_of(label: str, style: Style, runs: Sequence[Run], kind: str, axis: str) -> Iterator[Line]:
    """The mean over seeds at the steps that all have, and from the least to the most of them."""
    trained = [run.training for run in runs if run.training is not None]
    if not trained or (kind != "text" and trained[0].pieces):
        return
    curves = [_points(one.smoothed if kind == "loss" else one.held_out, kind, axis) for one in trained]
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not steps:
        return
    of_step = [[curve[step] for curve in curves] for step in steps]
    losses = [[loss for _, loss in points] for points in of_step]
    several = len(curves) > 1
    yield Line(
        label=f"{label} {GIVEN}" if any(run.given_boundaries for run in runs) else label,
        style=style,
        x=[mean(place for place, _ in points) for points in of_step],
        y=[mean(of_seeds) for of_seeds in losses],
        low=[min(of_seeds) for of_seeds in losses] if several else (),
        high=[max(of_seeds) for of_seeds in losses] if several else (),
    )


def _points(losses: Sequence[Loss], kind: str, axis: str) -> dict[int, tuple[float, float]]:
    """By step, what had been paid and the loss."""
    return {one.at.step: (_paid(one.at, axis), one.loss[kind]) for one in losses if kind in one.loss}


def _paid(at: Reached, axis: str) -> float:
    return float(getattr(at, axis))


def _error_lines(spoken: Sequence[Spoken]) -> Iterator[Line]:
    """One for each fine-tuned model; of an arm's several seeds the first has the name."""
    named: set[str] = set()
    for arm, seed in dict.fromkeys((one.arm, one.seed) for one in spoken):
        ones = [one for one in spoken if (one.arm, one.seed) == (arm, seed)]
        rated = [(one.step, one.wer) for one in ones if one.wer is not None]
        label = f"{arm}, {seed}" if arm in named else arm
        named.add(arm)
        yield Line(
            label=label,
            style=STYLES.get(arm, _OTHER[0]),
            x=[step for step, _ in rated],
            y=[100 * wer.mean for _, wer in rated],
            low=[100 * wer.low for _, wer in rated],
            high=[100 * wer.high for _, wer in rated],
        )


def _runs(found: Reproduction, budget: str, arm: str) -> list[Run]:
    runs = [run for run in found.runs if run.budget == budget and run.arm == arm]
    return [run for run in runs if run.training is not None and run.training.finished]


def _style(found: Reproduction, arm: str) -> Style:
    others = [name for name in found.arms if name not in STYLES]
    return STYLES[arm] if arm in STYLES else _OTHER[others.index(arm) % len(_OTHER)]


def _at_the_end(lines: Sequence[Line], form: str) -> str:
    return " · ".join(f"{line.label} {form.format(line.y[-1])}" for line in lines)


def _as_good(lines: Sequence[Line], axis: str) -> str:
    """With which share of what the baseline paid others reach its last loss; the last losses where there is none."""
    base = next((line for line in lines if line.label == BASE), None)
    others = [line for line in lines if line.label not in (BASE, SECOND) and GIVEN not in line.label]
    if base is None or not others:
        return _at_the_end(lines, "{:.3f}")
    reached = {line.label: _first(line, base.y[-1]) for line in others}
    shares = [f"{label} with {place / base.x[-1]:.0%}" for label, place in reached.items() if place is not None]
    never = [label for label, place in reached.items() if place is None]
    level = f"{BASE}’s last loss, {base.y[-1]:.3f},"
    said = []
    if shares:
        said.append(f"{level} is reached by {', '.join(shares)} of its {_SHORT[axis]}")
    if never:
        said.append(
            f"{', '.join(never)} {'do' if len(never) > 1 else 'does'} not reach {'it' if shares else level[:-1]}"
        )
    return "; ".join(said)


def _first(line: Line, level: float) -> float | None:
    """Where the line first comes down to a level, between two of its points; None where it does not."""
    before: tuple[float, float] | None = None
    for x, y in zip(line.x, line.y, strict=True):
        if y <= level:
            return x if before is None else before[0] + (x - before[0]) * (before[1] - level) / (before[1] - y)
        before = x, y
    return None


def _top(lines: Sequence[Line]) -> float:
    """A little above the highest loss after the first tenth of any line: what is before would flatten all the rest."""
    settled = [y for line in lines for y in line.y[int(_SETTLED * len(line.y)) :]]
    return max(settled) + 0.06 * (max(settled) - min(settled))
