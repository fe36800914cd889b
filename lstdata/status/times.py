"""Times as JSON has them, and lengths as people say them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """UTC, to the second; `seconds` since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(time: str) -> str:
    """What `iso` gives, for people."""
    return time.replace("T", " ").replace("Z", " UTC")


def spoken(seconds: float) -> str:
    """A length of time in its two largest units: `4 s`, `3 min 20 s`, `5 h 12 min`, `6 d 3 h`."""
    whole = max(0, round(seconds))
    for unit, length, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length:,} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def audio(seconds: float) -> str:
    """A length of audio in hours, as corpora are measured."""
    hours = seconds / 3600
    return f"{hours:,.0f} h" if hours >= 1000 else f"{hours:.1f} h" if hours >= 10 else f"{hours:.3f} h"
