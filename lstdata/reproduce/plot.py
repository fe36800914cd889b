"""Lines over one another with their names at their ends, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lstdata.errors import MissingExtra
from lstdata.reproduce.svg import drawn, ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES: Final = (4.9, 3.1)
_SIZE: Final = 9.0
"""Of text, in points."""

_NAMES: Final = 1.055
"""Where names begin, as a share of the width."""

_APART: Final = 0.062
"""Between two names, as a share of the height."""


@dataclass(frozen=True, slots=True)
class Style:
    """How an arm is drawn everywhere: related ones share a colour and differ by dashes and marks."""

    colour: str
    dashes: str = "-"
    mark: str = "o"


STYLES: Final = {
    "base": Style("ink"),
    "unit-bpe": Style("grey", "--", "s"),
    "static-4": Style("blue"),
    "static-6": Style("blue", "--", "s"),
    "static-9": Style("blue", ":", "^"),
    "aligned": Style("orange"),
    "aligned-merged": Style("orange", "--", "s"),
    "mixed": Style("green", "-", "D"),
    "curriculum": Style("purple", "-", "v"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points by x, with a band about them where `low` and `high` are given."""

    label: str
    style: Style
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Lines in one frame; `x` and `y` name its axes."""

    name: str
    """Unique on a page."""
    chapter: str
    title: str
    finding: str
    lines: Sequence[Line]
    x: str
    y: str
    marks: bool
    """At each point."""
    zero: bool = False
    """Whether the axis begins there."""
    top: float | None = None
    """What is above is cut off."""


def plot(panel: Panel) -> str:
    """An `svg` element; equal in, equal out under one version of matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("A learning curve", "matplotlib", "train") from error
    with matplotlib.rc_context({"font.size": _SIZE, "text.color": ink("ink"), "path.simplify": False}):
        figure = Figure(figsize=_INCHES)
        axes = figure.add_axes((0.115, 0.165, 0.645, 0.745))
        for line in panel.lines:
            _draw(axes, line, panel.marks)
        _frame(axes, panel)
        _name_ends(axes, panel.lines)
        return drawn(figure, panel.name, f"{panel.title}, {panel.y}: {panel.finding}")


def _draw(axes: Axes, line: Line, marks: bool) -> None:
    colour = ink(line.style.colour)
    if line.low:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(
        line.x,
        line.y,
        color=colour,
        linestyle=line.style.dashes,
        linewidth=1.6,
        marker=line.style.mark if marks else "",
        markersize=3.4,
    )


def _frame(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    if panel.top is not None:
        axes.set_ylim(top=panel.top)
    if panel.zero:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.margins(x=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))
    axes.set_xlabel(panel.x, color=ink("soft"), labelpad=3)
    axes.set_title(panel.y, loc="left", fontsize=_SIZE, color=ink("soft"), pad=7)
    axes.grid(axis="y", color=ink("line"), linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(ink("soft"))
    axes.tick_params(axis="both", colors=ink("soft"), length=0, labelsize=_SIZE - 0.5)


def _name_ends(axes: Axes, lines: Sequence[Line]) -> None:
    """Each line's name to the right, moved up or down until no two overlap, and tied to where the line ends."""
    ends = [axes.transLimits.transform((line.x[-1], line.y[-1])).tolist() for line in lines]
    order = sorted(range(len(lines)), key=lambda number: ends[number][1])
    for number, place in zip(order, spread([ends[n][1] for n in order]), strict=True):
        across, up = ends[number]
        tie = ((across + 0.015, _NAMES - 0.01), (up, place))
        axes.plot(*tie, transform=axes.transAxes, clip_on=False, color=ink("soft"), linewidth=0.5)
        colour = ink(lines[number].style.colour)
        axes.text(_NAMES, place, lines[number].label, transform=axes.transAxes, va="center", color=colour)


def spread(wanted: Sequence[float]) -> list[float]:
    """Places at least `_APART` apart and within the height, as near as can be to the rising ones that are wanted.

    Isotonic regression: names that would overlap make a block about the mean of where they belong.
    """
    blocks: list[tuple[float, int]] = []
    for number, want in enumerate(wanted):
        mean, size = want - number * _APART, 1
        while blocks and blocks[-1][0] >= mean:
            before, others = blocks.pop()
            mean, size = (mean * size + before * others) / (size + others), size + others
        blocks.append((mean, size))
    highest = 1 - (len(wanted) - 1) * _APART
    lowest = [min(max(mean, 0.0), max(highest, 0.0)) for mean, size in blocks for _ in range(size)]
    return [low + number * _APART for number, low in enumerate(lowest)]
