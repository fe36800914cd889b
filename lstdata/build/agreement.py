"""What an encoder's number format and its windows do to the units, measured on some of a plan's records."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from upath import UPath

from lstdata.build.fitting import sampled, signal_of, training_first
from lstdata.build.plan_table import Plan
from lstdata.build.stages import Stages
from lstdata.build.whereabouts import Whereabouts
from lstdata.config import BuildConfig
from lstdata.records import SAMPLE_RATE, Waveform, frame_count
from lstdata.sources import Source
from lstdata.units import Units, extract
from lstdata.units.codebook import Codebook
from lstdata.units.encoder.shapes import windows
from lstdata.units.features import Features, make_extractor, make_whole_extractor
from lstdata.workers.worker import pin_threads

_SECONDS: Final = 60.0
"""Audio that is compared, or somewhat more."""

_RECORDS: Final = 200
"""Records that are looked at to find it."""

_LONGEST: Final = 90 * SAMPLE_RATE
"""Samples of a long recording that are taken: a whole pass needs memory by the square of the length."""


@dataclass
class Agreement:
    """Frames that were compared, and those of them that have the same unit."""

    dtype: str
    """The number format that is compared with float32."""
    frames: int = 0
    same: int = 0
    """As a float32 pass over the whole."""
    windowed: int = 0
    """Frames of recordings that are cut into windows."""
    same_windowed: int = 0
    """As a pass over the whole in the same number format."""


def measure_on(
    source: Source,
    plan: Plan,
    plan_path: UPath,
    config: BuildConfig,
    features: Features,
    codebook: Codebook,
    left_out: Collection[str],
) -> Agreement:
    """Compare units as the build makes them with those of whole float32 passes, where either could differ.

    Records whose ids are `left_out` are not heard. RecordFailed where one takes too long or too much memory.
    """
    pin_threads()
    found = Agreement(config.units.dtype)
    place = Whereabouts(config.run.record_timeout)
    stages = Stages(config, source, extractor=None, tokenizer=None, hop=features.hop, place=place)
    wants_short = found.dtype != "float32"
    short, long = place.timed(partial(_chosen, stages, place, plan, plan_path, left_out, wants_short=wants_short))
    if not short and not long:
        return found
    extractor = make_extractor(features, codebook)
    if long:
        unbroken = make_whole_extractor(features, codebook, found.dtype)
        for wave in long:
            whole = extract(unbroken, wave)
            found.windowed += len(whole)
            found.same_windowed += _equal(extract(extractor, wave), whole)
    if found.dtype != "float32":
        exact = make_whole_extractor(features, codebook, "float32")
        for wave in short:
            units = extract(exact, wave)
            found.frames += len(units)
            found.same += _equal(extract(extractor, wave), units)
    return found


def agreement_notes(found: Agreement) -> Iterator[str]:
    """A line for each comparison that was made."""
    if found.frames:
        share = found.same / found.frames
        yield f"units: {found.dtype} gives {share:.2%} of {found.frames} frames the unit that float32 gives"
    if found.windowed:
        share = found.same_windowed / found.windowed
        yield f"units: windows give {share:.2%} of {found.windowed} frames the unit that one pass over the whole gives"


def _chosen(
    stages: Stages, place: Whereabouts, plan: Plan, plan_path: UPath, left_out: Collection[str], *, wants_short: bool
) -> tuple[list[Waveform], list[Waveform]]:
    """The first records by hash that make a minute of each: those that go through whole, and those that do not."""
    short, long, hop = list[Waveform](), list[Waveform](), stages.hop
    looked = 0
    for shards in training_first(plan):
        for record in sampled(shards, plan_path, stages.config):
            known = record.row.duration
            if looked == _RECORDS or (_enough(long) and (_enough(short) or not wants_short)):
                return short, long
            looked += 1
            if record.row.id in left_out:
                continue
            if not wants_short and known is not None and len(windows(int(known * SAMPLE_RATE) // hop, hop)) == 1:
                continue
            wave = signal_of(stages, place, looked, record)[:_LONGEST]
            if len(windows(frame_count(len(wave), hop), hop)) > 1:
                if not _enough(long):
                    long.append(wave)
            elif wants_short and len(wave) >= hop and not _enough(short):
                short.append(wave)
    return short, long


def _enough(waves: list[Waveform]) -> bool:
    return sum(map(len, waves)) >= _SECONDS * SAMPLE_RATE


def _equal(units: Units, others: Units) -> int:
    return int(np.count_nonzero(units == others))
