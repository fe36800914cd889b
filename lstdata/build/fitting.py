"""Fitting a codebook on a plan's records: which ones, their features, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.build.plan_table import Plan, PlannedRecord, PlannedShard, read_shard_ids, read_shard_rows
from lstdata.build.stages import Stages
from lstdata.build.task import RecordFailed
from lstdata.build.whereabouts import Whereabouts
from lstdata.config import BuildConfig
from lstdata.errors import Unavailable
from lstdata.randomness import digest
from lstdata.records import SAMPLE_RATE, DeadLetter, Waveform, frame_count
from lstdata.sources import Source
from lstdata.units.codebook import Codebook
from lstdata.units.features import Features, FeatureStream
from lstdata.units.fit import FitSummary, FrameStore, fit_codebook
from lstdata.workers.trying import TRIES, pause
from lstdata.workers.worker import pin_threads

LITTLE_SECONDS = 60
"""A codebook that was fitted on less speech is pointed out."""

Fitted = tuple[Codebook, FitSummary]


def fit_on(
    source: Source,
    plan: Plan,
    plan_path: UPath,
    config: BuildConfig,
    features: Features,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    left_out: Collection[str] = (),
    place: Whereabouts | None = None,
) -> Fitted | None:
    """Fit a codebook on the plan's training records, in the order of their hash, up to `units.fit_frames` frames.

    Where these have not one frame, on all other records. What filters leave out before there are units is left out here
    too. None where not one frame could be read. Runs on one thread, whatever the machine has. `progress` is told the
    frames that there are and those that are wanted, more than there may be. Records whose ids are `left_out` are as if
    they were not there. RecordFailed where one takes too much memory or, by `place`, too long.
    """
    pin_threads()
    place = place or Whereabouts(config.run.record_timeout)
    stages = Stages(config, source, extractor=None, tokenizer=None, hop=features.hop, place=place)
    for shards in training_first(plan):
        with FrameStore() as store:
            records = (record for record in sampled(shards, plan_path, config) if record.row.id not in left_out)
            place.timed(partial(_store, stages, place, records, features, store, progress))
            if len(store):
                return fit_codebook(
                    store,
                    config.units,
                    extractor=config.units.extractor,
                    features=features.identity,
                    scaled=features.is_scaled,
                )
    return None


def describe_fit(summary: FitSummary) -> str:
    """One line on what was fitted."""
    return (
        f"codebook: {summary.clusters} clusters fitted on {summary.frames} frames (inertia {summary.inertia:.3f} per "
        f"dimension, entropy {summary.entropy_bits:.2f} bits, {summary.dead_clusters} unused)"
    )


def fit_notes(summary: FitSummary, hop: int) -> Iterator[str]:
    """What was fitted, and that it was fitted on little."""
    yield describe_fit(summary)
    seconds = summary.frames * hop / SAMPLE_RATE
    if seconds < LITTLE_SECONDS:
        yield f"codebook: fitted on only {int(seconds)} s of speech"


def training_first(plan: Plan) -> tuple[list[PlannedShard], list[PlannedShard]]:
    """The shards of the `train` split, and all others: what to learn from, and where nothing can be learned there."""
    training = [shard for shard in plan.shards if shard.split == "train"]
    return training, [shard for shard in plan.shards if shard.split != "train"]


def sampled(shards: Iterable[PlannedShard], plan_path: UPath, config: BuildConfig) -> Iterator[PlannedRecord]:
    """The shards' records in the order of their hash."""
    ranked = sorted(
        (digest(config.units.seed, "fit", id)[:8], shard.number, position)
        for shard in shards
        for position, id in enumerate(read_shard_ids(plan_path, shard.number))
    )
    rows_of = lru_cache(maxsize=64)(read_shard_rows)
    for _, group, position in ranked:
        yield rows_of(plan_path, group)[position]


def signal_of(stages: Stages, place: Whereabouts, position: int, record: PlannedRecord) -> Waveform:
    """A record's signal, empty where it cannot be used or is not wanted: the build will say why.

    Unavailable where the world is at fault: another codebook would come out without this record. RecordFailed where it
    takes more memory than there is; its time, of which `place` is told, does not run between two tries.
    """
    place.at(position, record.row.id)
    for attempt in range(TRIES):
        try:
            heard = stages.hear(record)
            if isinstance(heard, DeadLetter):
                break
            assert heard.audio is not None, "a codebook is never fitted on a source that brings units"
            return heard.audio.samples
        except (Unavailable, OSError, MemoryError) as error:
            if attempt == TRIES - 1:
                if isinstance(error, RecordFailed):
                    raise
                raise Unavailable(f"`{record.row.id}`, on which the codebook is fitted: {error}") from error
            with place.waiting():
                pause(attempt)
        except Exception:  # whatever else: the build meets it again, and says so
            break
    return np.zeros(0, dtype=np.float32)


def _store(
    stages: Stages,
    place: Whereabouts,
    records: Iterable[PlannedRecord],
    features: Features,
    store: FrameStore,
    progress: Callable[[int, int], None],
) -> None:
    """Features of one record after another, until there are as many frames as `units.fit_frames` wants."""
    stream, wanted = FeatureStream(features), stages.config.units.fit_frames
    early: dict[int, NDArray[Any]] = {}
    given = taken = frames = 0
    for position, record in enumerate(records):
        samples = signal_of(stages, place, position, record)
        count = frame_count(len(samples), features.hop)
        if count:
            early |= dict(stream.add(given, samples))
            given, frames = given + 1, frames + count
        taken = _append(store, early, taken, wanted)
        progress(len(store), wanted)
        if frames >= wanted:
            break
    early |= dict(stream.finish())
    assert _append(store, early, taken, wanted) == given


def _append(store: FrameStore, early: dict[int, NDArray[Any]], number: int, wanted: int) -> int:
    """Store what has come in the records' order, from `number` on; the number that is awaited next."""
    while number in early:
        store.append(early.pop(number)[: max(0, wanted - len(store))])
        number += 1
    return number
