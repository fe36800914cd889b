"""slamkit's features and tokens, the former the inverse of `sources.slamkit`.

`features/SPLIT.jsonl` is what its `prepare_tokens.py` reads: de-duplicated units, how many frames each lasts, and words
with times in seconds. `tokens/SPLIT.jsonl` is what its `train.py` reads to train on speech alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lstdata.export.destination import append_lines
from lstdata.export.samples import Shard
from lstdata.export.writing import InOrder, LeftOut
from lstdata.records import HOP, SAMPLE_RATE, Sample
from lstdata.shards import StoredSample


class SlamkitWriter(InOrder):
    """One file of each kind for each split: `prepare_tokens.py` takes one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, shard: Shard, samples: Iterable[StoredSample]) -> list[LeftOut]:
        features, tokens = [], []
        for stored in samples:
            if stored.sample.tokens is None:
                features.append(json.dumps(features_of(stored.sample), ensure_ascii=False))
            tokens.append(json.dumps(tokens_of(stored.sample), ensure_ascii=False))
        append_lines(self._folder / "features" / f"{shard.split}.jsonl", features)
        append_lines(self._folder / "tokens" / f"{shard.split}.jsonl", tokens)
        return []

    def close(self) -> dict[str, Any]:
        return {}


def features_of(sample: Sample) -> dict[str, Any]:
    """A line of features; slamkit puts words together without a space, so that each begins with one.

    slamkit cuts a stretch of words out of the units that end in it, both bounds included, by times in floating point.
    All times are a quarter of a frame late, so that these are the units that end within the words' frames, whatever is
    rounded, and no unit that ends where the words begin; the nearest frame edge stays the word's.
    """
    units, lasting = run_lengths(sample)
    line: dict[str, Any] = {"file_name": sample.id, "units": units, "duration": lasting}
    if sample.hop != HOP:
        line["frame_rate"] = SAMPLE_RATE / sample.hop
    if sample.text is not None:
        line["text"] = sample.text
    if sample.words and sample.word_frames is not None:
        seconds = ((sample.word_frames + 0.25) * sample.hop / SAMPLE_RATE).round(6).tolist()
        line["aligned_text"] = [[f" {word}", *times] for word, times in zip(sample.words, seconds, strict=True)]
    return line


def tokens_of(sample: Sample) -> dict[str, str]:
    """A line of tokens; a document is its text, as slamkit has it where it trains on text as well."""
    if sample.tokens is not None:
        return {"file_name": sample.id, "audio_repr": sample.text or ""}
    return {"file_name": sample.id, "audio_repr": "".join(f"<Un{unit}>" for unit in run_lengths(sample)[0])}


def run_lengths(sample: Sample) -> tuple[list[int], list[int]]:
    """The units, none equal to the one before it, and how many frames each lasts."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sample.units)) + 1])
    lasting = np.diff(np.append(starts, sample.frames))
    return sample.units[starts].tolist(), lasting.tolist()
