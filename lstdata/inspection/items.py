"""An utterance as its items, words and silences in order, and what of it lies in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from lstdata.records import SAMPLE_RATE, Ints, Sample
from lstdata.shards import StoredSample


@dataclass(frozen=True)
class Item:
    """A word or a silence; the items of an utterance partition its frames, but for words without any."""

    start: float
    """Seconds."""
    seconds: float
    word: str | None
    """None: silence, or speech of which no words are known."""
    interpolated: bool
    score: float | None
    units: tuple[tuple[int, int], ...]
    """(unit, how often in a row)."""
    patches: Mapping[str, tuple[int, ...]]
    """By strategy the lengths, in frames, of the patches that begin in it."""


def items_of(stored: StoredSample) -> list[Item]:
    """In the order of the audio."""
    sample = stored.sample
    begins = {name: np.cumsum(lengths) - lengths for name, lengths in stored.patches.items()}
    return [_item(stored, begins, *bounds) for bounds in _bounds(sample)]


def spelt(units: Sequence[tuple[int, int]]) -> str:
    """As `12×3 45 7×2`."""
    return " ".join(f"{unit}×{count}" if count > 1 else f"{unit}" for unit, count in units)


def _bounds(sample: Sample) -> list[tuple[int, int, int | None]]:
    """(start, end, number of the word or None), in frames."""
    found: list[tuple[int, int, int | None]] = []
    frame = 0
    for number, (start, end) in enumerate([] if sample.word_frames is None else sample.word_frames.tolist()):
        if start > frame:
            found.append((frame, start, None))
        found.append((start, end, number))
        frame = end
    if frame < sample.frames:
        found.append((frame, sample.frames, None))
    return found


def _item(stored: StoredSample, begins: Mapping[str, Ints], start: int, end: int, word: int | None) -> Item:
    sample = stored.sample
    known = word is not None and sample.words is not None
    return Item(
        start=start * sample.hop / SAMPLE_RATE,
        seconds=(end - start) * sample.hop / SAMPLE_RATE,
        word=sample.words[word] if known and sample.words is not None and word is not None else None,
        interpolated=word in sample.interpolated,
        score=None if word is None or sample.word_scores is None else sample.word_scores[word],
        units=tuple((unit, len(list(group))) for unit, group in groupby(sample.units[start:end].tolist())),
        patches={
            name: tuple(stored.patches[name][slice(*np.searchsorted(at, (start, end)))].tolist())
            for name, at in begins.items()
        },
    )
