"""Patches, words and silence of the samples that are read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstdata.report.distribution import Distribution
from lstdata.shards import STORED_STRATEGIES, StoredSample

WORDS, SILENCES = "aligned words", "aligned silences"
"""The patches of `aligned`, apart."""

PIECES = "aligned-bpe pieces"
"""Those of `aligned-bpe` but for silences."""


@dataclass
class Speech:
    """Counted in frames of the hop that the vocabulary card names."""

    patches: dict[str, Distribution] = field(
        default_factory=lambda: {name: Distribution() for name in (*STORED_STRATEGIES, WORDS, SILENCES, PIECES)}
    )
    """Lengths by strategy, and of `aligned` its word and its silence patches apart."""
    silent_percent: Distribution = field(default_factory=Distribution)
    """Of each utterance: frames in no word; without word times, those that the activity mask calls silent."""
    word_frames: int = 0
    timed_frames: int = 0
    """Frames of the samples that have word times."""
    timed_words: int = 0
    active_frames: int = 0
    frames: int = 0

    def add(self, stored: StoredSample) -> None:
        sample = stored.sample
        for name, lengths in stored.patches.items():
            self.patches[name].add(lengths)
        if not sample.frames:
            return
        self.frames += sample.frames
        active = int(sample.activity.sum())
        self.active_frames += active
        if sample.word_frames is None:
            self.silent_percent.add(np.array([100 * (sample.frames - active) / sample.frames]))
            return
        inside = sample.in_word
        aligned = stored.patches["aligned"]
        spoken = inside[np.cumsum(aligned) - aligned]
        self.patches[WORDS].add(aligned[spoken])
        self.patches[SILENCES].add(aligned[~spoken])
        if "aligned-bpe" in stored.patches:
            pieces = stored.patches["aligned-bpe"]
            self.patches[PIECES].add(pieces[inside[np.cumsum(pieces) - pieces]])
        self.silent_percent.add(np.array([100 * int((~inside).sum()) / sample.frames]))
        self.word_frames += int(inside.sum())
        self.timed_frames += sample.frames
        self.timed_words += len(sample.word_frames)

    @property
    def silence_between_words(self) -> float:
        return 1 - self.word_frames / self.timed_frames if self.timed_frames else math.nan

    @property
    def silence_by_activity(self) -> float:
        return 1 - self.active_frames / self.frames if self.frames else math.nan

    @property
    def tokens_per_word(self) -> float:
        """Frames of the samples with word times, silence included, for each word."""
        return self.timed_frames / self.timed_words if self.timed_words else math.nan

    def to_json(self) -> dict[str, Any]:
        return {
            "patch_frames": {name.replace(" ", "-"): values.to_json() for name, values in self.patches.items()},
            "silence_between_words": self.silence_between_words,
            "silence_by_activity": self.silence_by_activity,
            "utterance_silence_percent": self.silent_percent.to_json(),
            "units_per_word": self.tokens_per_word,
        }
