"""The least alignment score that was believed, and what fell below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstdata.report.rejected import Reason


@dataclass(frozen=True)
class Threshold:
    aligners: tuple[str, ...]
    """Who found the words of the samples that are read."""
    least: float | None
    """None: none, or nobody knows which, as no sample says who aligned it or several aligners did."""
    below: int
    """Dead letters `low_score`, and those of `filter.min_score`."""

    @classmethod
    def of(cls, config: Mapping[str, Any], aligners: Iterable[str], rejects: Sequence[Reason]) -> Threshold:
        """`words.min_score` or the aligner's own, or `filter.min_score` where that is higher."""
        names = tuple(sorted(aligners))
        asked = config.get("words", {}).get("min_score", "default")
        filtered = config.get("filter", {}).get("min_score")
        own = _own(names) if asked == "default" else asked if {"sphinx", "ctc"} & {*names} else None
        limits = [limit for limit in (own, filtered) if limit is not None]
        below = sum(r.count for r in rejects if r.reason in ("low_score", "filtered_min_score"))
        return cls(names, max(limits, default=None), below)

    def share_below(self, scored: int) -> float:
        """Of all that were scored, the `scored` samples among them."""
        return self.below / (self.below + scored) if self.below + scored else 0.0


def _own(aligners: tuple[str, ...]) -> float | None:
    """What an aligner believes by itself."""
    from lstdata.align.ctc import MIN_SCORE as CTC
    from lstdata.align.sphinx import MIN_SCORE as SPHINX

    known = [{"sphinx": SPHINX, "ctc": CTC}[name] for name in aligners if name in ("sphinx", "ctc")]
    return known[0] if len(known) == 1 else None
