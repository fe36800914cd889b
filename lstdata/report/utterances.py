"""The three utterances a report draws: chosen by rule, read from their shards, their audio read again."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from upath import UPath

from lstdata.build.plan_table import read_plan, read_shard_rows
from lstdata.errors import CorruptShard, LstDataError
from lstdata.index import SHARDS_SCHEMA, read_table
from lstdata.records import SAMPLE_RATE, Audio, Locator, Waveform
from lstdata.report.distribution import Distribution
from lstdata.report.reading import iter_batches
from lstdata.shards import StoredSample, iter_samples
from lstdata.sources import Source
from lstdata.storage import exists, read_bytes

QUANTILES = (0.2, 0.5, 0.8)
"""Of the durations of the utterances that may be drawn."""

LONGEST = 30.0
"""Seconds of the longest utterance that may be drawn, so that a report stays some hundred kilobytes."""

MP3_COMPRESSION = 0.8
"""libsndfile's scale from 0 to 1: 40 kbit/s, constant so that players seek exactly. Above 0.84 LAME leaves out the
header by which players trim its delay, and sound and drawing drift apart."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One utterance to draw, with its audio or the reason why there is none."""

    stored: StoredSample
    audio: Waveform | None
    silent_because: str = ""

    @property
    def data_url(self) -> str | None:
        """The audio as an MP3 in a data URL; equal samples give equal bytes."""
        if self.audio is None:
            return None
        return "data:audio/mpeg;base64," + base64.b64encode(encode_mp3(self.audio)).decode()


@dataclass(frozen=True, order=True)
class _Choice:
    distance: float
    key: str
    shard: str
    offset: int


def choose_utterances(out: UPath, source: Source | None) -> list[Shown]:
    """Up to three utterances of at most 30 s, with word times if any have them, at quantiles of duration."""
    timed = any(_eligible(batch, True).any() for batch in _rows(out))
    durations = Distribution(0.01)
    for batch in _rows(out):
        durations.add(batch["seconds"][_eligible(batch, timed)])
    if not durations.count:
        return []
    chosen: list[_Choice] = []
    for quantile in QUANTILES:
        nearest = _nearest(out, durations.quantile(quantile), timed, [c.key for c in chosen])
        if nearest is not None:
            chosen.append(nearest)
    paths = {row["shard"]: row["path"] for row in read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist()}
    plan = out / "plan.parquet"
    groups = {s.name: s.number for s in read_plan(plan).shards} if source and exists(plan) else {}
    return [_show(out, choice, paths[choice.shard], groups, source) for choice in chosen]


def encode_mp3(samples: Waveform) -> bytes:
    """Mono MP3 at 16 kHz; Ogg would carry a random serial number."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        samples,
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=MP3_COMPRESSION,
        bitrate_mode="CONSTANT",
    )
    return buffer.getvalue()


def _rows(out: UPath) -> Iterator[dict[str, Any]]:
    for batch in iter_batches(out / "index.parquet", ["key", "shard", "offset", "seconds", "words"]):
        batch["words"] = np.nan_to_num(batch["words"].astype(np.float64))
        yield batch


def _eligible(batch: dict[str, Any], timed: bool) -> Any:
    return (batch["seconds"] <= LONGEST) & ((batch["words"] > 0) | (not timed))


def _nearest(out: UPath, seconds: float, timed: bool, taken: list[str]) -> _Choice | None:
    """The utterance whose duration is nearest; of equals, the one whose key comes first."""
    best: _Choice | None = None
    for batch in _rows(out):
        open_to_choice = _eligible(batch, timed) & ~np.isin(batch["key"].astype(str), taken)
        distances = np.where(open_to_choice, np.abs(batch["seconds"] - seconds), math.inf)
        nearest = distances.min(initial=math.inf)
        if math.isfinite(nearest):
            at = min(np.flatnonzero(distances == nearest), key=lambda row: str(batch["key"][row]))
            choice = _Choice(float(nearest), batch["key"][at], batch["shard"][at], int(batch["offset"][at]))
            best = choice if best is None else min(best, choice)
    return best


def _show(out: UPath, choice: _Choice, path: str, groups: dict[str, int], source: Source | None) -> Shown:
    """The sample from its shard and its audio from the source; `groups` says where the plan has each shard."""
    try:
        data = read_bytes(out / path)
    except OSError as error:
        raise CorruptShard(f"`{out / path}` cannot be read: {error.strerror}.") from error
    *_, stored = next(iter_samples(data, str(out / path), choice.offset))
    if stored.sample.key != choice.key:
        raise CorruptShard(f"`{out / path}`: sample `{choice.key}` is not at byte {choice.offset}.")
    if source is None:
        return Shown(stored, None, "the source was not given")
    locator = _locator(out / "plan.parquet", groups, choice)
    if locator is None:
        return Shown(stored, None, "the plan does not name it")
    try:
        opened = source.open(locator)
    except (LstDataError, OSError) as error:
        return Shown(stored, None, str(error))
    if not isinstance(opened, Audio):
        return Shown(stored, None, "the source brings units, no audio")
    audio = opened.samples
    if len(audio) != stored.sample.samples:
        return Shown(stored, None, f"it has {len(audio)} samples now, but had {stored.sample.samples}")
    return Shown(stored, audio)


def _locator(plan: UPath, groups: dict[str, int], choice: _Choice) -> Locator | None:
    """Where the plan says the audio is; None where there is no plan any more or it is another one."""
    if choice.shard not in groups:
        return None
    records = read_shard_rows(plan, groups[choice.shard])
    return next((r.row.locator for r in records if r.key == choice.key), None)
