"""Figures as a page writes them: for people, with the digits that matter."""

from __future__ import annotations

import math
import re
from typing import Any

from markupsafe import Markup, escape

from lstdata.terminal import visible


def hours(seconds: float) -> str:
    """A length of audio in the unit that suits it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 3_600_000 else f"{seconds / 3600:,.0f} h"


def count(value: float) -> str:
    return f"{value:,.0f}"


def counted(value: float, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{value:,.0f} {one if value == 1 else many or one + 's'}"


def share(value: float) -> str:
    """Per cent with the digits that matter; a dash where there is no value."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def decimal(value: float) -> str:
    """One digit after the point, none for whole numbers; a dash where there is no value."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    return (f"{value:,.0f}" if value == int(value) else f"{value:,.1f}").replace("-", "−")


def exact(value: float) -> str:
    """Two digits after the point; a dash where there is no value."""
    return f"{value:,.2f}".replace("-", "−") if math.isfinite(value) else "–"


def speed(times: float) -> str:
    """So many times real time, with two digits that matter."""
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


def size(count: float) -> str:
    """Bytes, in the unit that suits them."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:.0f} B"


def coded(text: str) -> Markup:
    """A line of ours in which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def shown(value: Any) -> Any:
    """What a template puts out: text that comes from data, with signs in place of what would be obeyed."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))
    return value


FILTERS = {
    "hours": hours, "count": count, "counted": counted, "share": share, "decimal": decimal, "exact": exact,
    "speed": speed, "size": size, "coded": coded,
}  # fmt: skip
