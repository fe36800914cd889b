"""Figures as the tables of a reproduction write them."""

from __future__ import annotations

from lstdata.reproduce.scores import Difference


def points(share: float, std: float | None = None) -> str:
    """A share in per cent, with the standard deviation over seeds."""
    return f"{100 * share:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def span(low: float, high: float, *, signed: bool = False) -> str:
    """An interval of shares in per cent."""
    return f"[{_points(low, signed)}, {_points(high, signed)}]"


def signed(share: float) -> str:
    """A difference of shares in points."""
    return _points(share, True)


def verdict(found: Difference) -> str:
    """What a difference amounts to."""
    if not found.excludes_zero:
        return "cannot be told apart"
    return "the interval excludes 0" + ("" if found.above_chance else ", but neither is above chance")


def difference(found: Difference) -> str:
    """A difference with its interval."""
    return f"{found.ours} − {found.theirs}: {signed(found.mean)} points {span(found.low, found.high, signed=True)}"


def _points(share: float, with_sign: bool) -> str:
    text = f"{100 * share:+.1f}" if with_sign else f"{100 * share:.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")
