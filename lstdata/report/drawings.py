"""Which outliers a page draws: the first of each list, then the second, within bounds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from upath import UPath

from lstdata.inspection.finding import Place
from lstdata.inspection.fragment import draw_utterance
from lstdata.inspection.hearing import Shown, show
from lstdata.report.outliers import Ranking
from lstdata.report.utterances import LONGEST
from lstdata.sources import Source

MOST_DRAWN: Final = 10
"""Outliers that are drawn, beside the utterances that are chosen by length."""

SECONDS_DRAWN: Final = 90.0
"""Their audio in all, so that a page stays below some two megabytes."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """An utterance on the page, to which the lists link."""

    place: Place
    shown: Shown
    part: Markup


def draw_places(out: UPath, places: Sequence[Place], source: Source | None, colours: Sequence[str]) -> list[Drawing]:
    """Read samples and audio again and draw them."""
    drawings = []
    for place in places:
        shown = show(out, place, source)
        drawings.append(Drawing(place, shown, draw_utterance(shown, colours)))
    return drawings


def choose_outliers(rankings: Sequence[Ranking], drawn: Collection[str]) -> list[Place]:
    """Up to `MOST_DRAWN` utterances that can be drawn and are not yet, by key."""
    chosen: dict[str, Place] = {}
    seconds = 0.0
    for rank in range(max((len(ranking.found) for ranking in rankings), default=0)):
        for outlier in (ranking.found[rank] for ranking in rankings if rank < len(ranking.found)):
            key = outlier.place.key
            fits = 0 < outlier.seconds <= LONGEST and seconds + outlier.seconds <= SECONDS_DRAWN
            if fits and key not in chosen and key not in drawn and len(chosen) < MOST_DRAWN:
                chosen[key] = outlier.place
                seconds += outlier.seconds
    return list(chosen.values())
