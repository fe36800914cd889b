"""Which alignments are believed."""

from __future__ import annotations

from lstdata.config import WordsConfig
from lstdata.errors import Rejected


def least_score(config: WordsConfig, default: float) -> float | None:
    """`words.min_score`, or an aligner's own threshold for `default`; None accepts any score."""
    return default if config.min_score == "default" else config.min_score


def check_score(score: float, least: float | None) -> None:
    """Raise Rejected(`low_score`) where an alignment scores less than `least`."""
    if least is not None and score < least:
        raise Rejected("low_score", f"the alignment scores {score:.2f}, below {least}.")
