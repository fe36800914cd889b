"""The figures of a run folder, computed in one pass over its tables and one over its shards, in bounded memory."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import CorruptShard
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.index import SHARDS_SCHEMA, read_table
from lstdata.records import HEADER_TOLERANCE, HOP, Ints
from lstdata.report.distribution import Distribution
from lstdata.report.reading import iter_batches, read_run_json, read_samples
from lstdata.run_folder import read_card
from lstdata.shards import STORED_STRATEGIES, StoredSample

SAMPLES_READ = 10_000
"""Samples whose units and patches are counted; a larger run is read in whole shards, evenly spread."""

EXAMPLES = 3
"""Dead letters shown for each reason."""


@dataclass(frozen=True)
class Split:
    """Exact totals of one split, or of all."""

    name: str
    shards: int
    samples: int
    seconds: float
    units: int
    words: int


@dataclass(slots=True)
class Part:
    """The samples of one language, or under one licence."""

    samples: int = 0
    seconds: float = 0.0


@dataclass
class Reason:
    """Dead letters of one stage and reason code."""

    stage: str
    reason: str
    count: int = 0
    environmental: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    """(id, message) of the first few."""


@dataclass
class Units:
    """How the clusters are used, in the samples that were read."""

    counts: Ints
    """(clusters,) occurrences of each id."""
    repeats: int = 0
    """Units equal to the one before them in their utterance."""
    followers: int = 0
    """Units that have one before them."""

    @property
    def used(self) -> int:
        return int(np.count_nonzero(self.counts))

    @property
    def entropy(self) -> float:
        """Of the unigram distribution, in bits."""
        share = self.counts[self.counts > 0] / max(1, self.counts.sum())
        return float(-(share * np.log2(share)).sum()) + 0.0

    @property
    def perplexity(self) -> float:
        return float(2.0**self.entropy)


@dataclass
class Speech:
    """Patches and silence, in the samples that were read."""

    patches: dict[str, Distribution]
    """Lengths in frames by strategy, and of `aligned` its word and its silence patches apart."""
    word_frames: int = 0
    timed_frames: int = 0
    """Frames of the samples that have word times."""
    timed_words: int = 0
    active_frames: int = 0
    frames: int = 0

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


@dataclass
class Numbers:
    """All that the report says, apart from the utterances it draws."""

    run: dict[str, Any]
    """`run.json`."""
    splits: list[Split]
    rejects: list[Reason]
    units: Units
    speech: Speech
    seconds: Distribution
    words_per_second: Distribution
    align_score: Distribution
    speakers: int
    languages: defaultdict[str | None, Part]
    """None: not named."""
    licenses: defaultdict[str | None, Part]
    header_mismatches: int
    """Samples whose file's header promised another length than was decoded, by more than the tolerance."""
    hop: int
    """Samples per frame."""
    interpolated: int
    """Words whose times are no finding, but lie between those of their neighbours."""
    read: int
    """Samples whose units and patches were counted."""

    @property
    def total(self) -> Split:
        parts = self.splits
        sums = (sum(getattr(s, name) for s in parts) for name in ("shards", "samples", "seconds", "units", "words"))
        return Split("all", *sums)

    @property
    def rejected(self) -> int:
        return sum(reason.count for reason in self.rejects)

    @property
    def filtered(self) -> int:
        """Those of the dead letters that filters were asked to make."""
        return sum(reason.count for reason in self.rejects if reason.reason in FILTER_REASONS)

    @property
    def planned(self) -> int:
        return self.total.samples + self.rejected


def compute_numbers(out: UPath, limit: int = SAMPLES_READ) -> Numbers:
    """Read a finished run folder; CorruptShard where one of its files is not what was committed."""
    shards = read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist()
    card = read_card(out)
    units = Units(np.zeros(0 if card is None else card.units, dtype=np.int64))
    names = [*STORED_STRATEGIES, "aligned words", "aligned silences"]
    speech = Speech({name: Distribution() for name in names})
    read = 0
    for stored in read_samples(out, shards, limit):
        read += 1
        _count_units(units, stored.sample.units)
        _count_speech(speech, stored)
    numbers = Numbers(
        run=read_run_json(out / "run.json"),
        splits=_splits(shards),
        rejects=_rejects(out / "rejects.parquet"),
        units=units,
        speech=speech,
        seconds=Distribution(0.1),
        words_per_second=Distribution(0.05),
        align_score=Distribution(0.1),
        speakers=0,
        languages=defaultdict(Part),
        licenses=defaultdict(Part),
        header_mismatches=0,
        hop=HOP if card is None else card.hop,
        interpolated=0,
        read=read,
    )
    _scan_index(numbers, out / "index.parquet")
    return numbers


def _splits(shards: list[dict[str, Any]]) -> list[Split]:
    parts: dict[str, Split] = {}
    for row in shards:
        old = parts.get(row["split"], Split(row["split"], 0, 0, 0.0, 0, 0))
        parts[row["split"]] = Split(
            row["split"],
            old.shards + (row["samples"] > 0),
            old.samples + row["samples"],
            old.seconds + row["seconds"],
            old.units + row["units"],
            old.words + row["words"],
        )
    return sorted(parts.values(), key=lambda s: (s.name != "train", s.name))


def _rejects(path: UPath) -> list[Reason]:
    reasons: dict[tuple[str, str], Reason] = {}
    for batch in iter_batches(path, ["id", "stage", "reason", "message", "environmental"]):
        for id, stage, code, message, environmental in zip(*batch.values(), strict=True):
            reason = reasons.setdefault((stage, code), Reason(stage, code))
            reason.count += 1
            reason.environmental += bool(environmental)
            if len(reason.examples) < EXAMPLES:
                reason.examples.append((id, message or ""))
    return sorted(reasons.values(), key=lambda r: (-r.count, r.stage, r.reason))


def _count_units(units: Units, ids: NDArray[np.uint16]) -> None:
    counts = np.bincount(ids, minlength=len(units.counts))
    if len(counts) > len(units.counts):
        raise CorruptShard(f"A unit must be below the {len(units.counts)} of vocab.json, but is {int(ids.max())}.")
    units.counts += counts
    units.repeats += int((ids[1:] == ids[:-1]).sum())
    units.followers += max(0, len(ids) - 1)


def _count_speech(speech: Speech, stored: StoredSample) -> None:
    sample = stored.sample
    for name, lengths in stored.patches.items():
        speech.patches[name].add(lengths)
    speech.frames += sample.frames
    speech.active_frames += int(sample.activity.sum())
    if sample.word_frames is None:
        return
    inside = sample.in_word
    aligned = stored.patches["aligned"]
    spoken = inside[np.cumsum(aligned) - aligned]
    speech.patches["aligned words"].add(aligned[spoken])
    speech.patches["aligned silences"].add(aligned[~spoken])
    speech.word_frames += int(inside.sum())
    speech.timed_frames += sample.frames
    speech.timed_words += len(sample.word_frames)


def _scan_index(numbers: Numbers, path: UPath) -> None:
    speakers: set[str] = set()
    columns = ["seconds", "header_seconds", "words", "interpolated", "align_score", "speaker", "language", "license"]
    for batch in iter_batches(path, columns):
        seconds = batch["seconds"].astype(np.float64)
        promised = batch["header_seconds"].astype(np.float64)
        numbers.header_mismatches += int((np.abs(promised - seconds) > HEADER_TOLERANCE).sum())
        numbers.interpolated += int(np.nansum(batch["interpolated"].astype(np.float64)))
        numbers.seconds.add(seconds)
        numbers.words_per_second.add(batch["words"].astype(np.float64) / np.maximum(seconds, 1e-9))
        numbers.align_score.add(batch["align_score"].astype(np.float64))
        _add_parts(numbers.languages, batch["language"], seconds)
        _add_parts(numbers.licenses, batch["license"], seconds)
        speakers.update(v for v in batch["speaker"] if v is not None)
    numbers.speakers = len(speakers)


def _add_parts(parts: defaultdict[str | None, Part], names: NDArray[np.object_], seconds: NDArray[np.float64]) -> None:
    for name, length in zip(names.tolist(), seconds.tolist(), strict=True):
        part = parts[name]
        part.samples += 1
        part.seconds += length
