"""The utterances at the ends of what is measured: a short list each, kept while tables and samples stream by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.inspection.finding import Place
from lstdata.records import HEADER_TOLERANCE, SAMPLE_RATE
from lstdata.shards import StoredSample

LISTED: Final = 5
"""Utterances in each list."""


@dataclass(frozen=True, slots=True)
class Outlier:
    place: Place
    seconds: float
    value: float
    what: str = ""
    """A word, where the list is one of words."""


@dataclass
class Ranking:
    """The few that are highest, or lowest; of equals, those that come first."""

    name: str
    title: str
    unit: str
    highest: bool = True
    found: list[Outlier] = field(default_factory=list)

    def offer(self, values: NDArray[np.float64], batch: Mapping[str, NDArray[Any]]) -> None:
        """Values of rows of the index; NaN where a row has none."""
        ranks = -values if self.highest else values
        beating = np.flatnonzero(ranks < self._last) if len(self.found) == LISTED else np.flatnonzero(ranks == ranks)
        for row in beating[np.argsort(ranks[beating], kind="stable")[:LISTED]].tolist():
            place = Place.of({name: batch[name][row] for name in Place.COLUMNS})
            self.add(Outlier(place, float(batch["seconds"][row]), float(values[row])))

    def add(self, outlier: Outlier) -> None:
        rank = self._rank(outlier)
        if len(self.found) == LISTED and rank >= self._last:
            return
        at = sum(self._rank(other) <= rank for other in self.found)
        self.found = [*self.found[:at], outlier, *self.found[at:]][:LISTED]

    @property
    def _last(self) -> float:
        return self._rank(self.found[-1])

    def _rank(self, outlier: Outlier) -> float:
        return -outlier.value if self.highest else outlier.value

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"key": one.place.key, "id": one.place.id, "shard": one.place.shard, "seconds": one.seconds}
            | {"value": one.value}
            | ({"word": one.what} if one.what else {})
            for one in self.found
        ]


class Outliers:
    """All lists; those of words and silences hold what the samples that are read have."""

    def __init__(self) -> None:
        self.score = Ranking("lowest_score", "Worst alignment score", "", highest=False)
        self.fastest = Ranking("fastest", "Fastest speech", "words/s")
        self.slowest = Ranking("slowest", "Slowest speech", "words/s", highest=False)
        self.interpolated = Ranking("most_interpolated", "Most words without times of their own", "of the words")
        self.header = Ranking("header_mismatch", "Header farthest from what was decoded", "s")
        self.longest = Ranking("longest", "Longest utterance", "s")
        self.document = Ranking("longest_document", "Longest document", "tokens")
        self.word = Ranking("longest_word", "Longest word", "frames")
        self.silence = Ranking("longest_silence", "Longest silence beside a word", "frames")

    @property
    def rankings(self) -> list[Ranking]:
        """Those that hold any."""
        return [ranking for ranking in vars(self).values() if ranking.found]

    def add_index(self, batch: Mapping[str, NDArray[Any]]) -> None:
        seconds = batch["seconds"].astype(np.float64)
        words = batch["words"].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            tempo = np.where(words > 0, words / seconds, np.nan)
            guessed = batch["interpolated"].astype(np.float64) / words
        off = np.abs(batch["header_seconds"].astype(np.float64) - seconds)
        self.score.offer(batch["align_score"].astype(np.float64), batch)
        self.fastest.offer(tempo, batch)
        self.slowest.offer(tempo, batch)
        self.interpolated.offer(np.where(guessed > 0, guessed, np.nan), batch)
        self.header.offer(np.where(off > HEADER_TOLERANCE, off, np.nan), batch)
        self.longest.offer(np.where(seconds > 0, seconds, np.nan), batch)
        self.document.offer(batch["text_tokens"].astype(np.float64), batch)

    def add_sample(self, stored: StoredSample, place: Place) -> None:
        """The longest word and the longest silence of a sample with word times, before patching cuts them."""
        sample = stored.sample
        if sample.word_frames is None or not len(sample.word_frames):
            return
        assert sample.words is not None
        seconds = sample.samples / SAMPLE_RATE
        lengths = sample.word_frames[:, 1] - sample.word_frames[:, 0]
        longest = int(lengths.argmax())
        self.word.add(Outlier(place, seconds, float(lengths[longest]), sample.words[longest]))
        sounding = sample.word_frames[lengths > 0]
        edges = np.concatenate(([0], sounding.ravel(), [sample.frames])).reshape(-1, 2)
        self.silence.add(Outlier(place, seconds, float((edges[:, 1] - edges[:, 0]).max())))

    def to_json(self) -> dict[str, Any]:
        return {ranking.name: ranking.to_json() for ranking in vars(self).values()}
