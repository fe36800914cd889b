"""What will become of a plan: how large its shards will be, which rank will read what, and how long a shard should be.

Nothing is decoded: sizes are those of what is planned by what a build has made of audio so far, here or elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from lstdata.build.arrange import TEXT
from lstdata.build.plan_table import UNKNOWN_SECONDS, Plan, PlannedShard
from lstdata.config import BuildConfig
from lstdata.loader.rows import lane_count, lane_samples, rank_lanes
from lstdata.patching import CHANGING
from lstdata.records import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from upath import UPath

PER_READER = 4
"""Shards that each process which reads is to have at least."""

ANYONE = 16
"""Readers that are counted on where none are named."""

LARGE = 4
"""A shard of so many times the audio of the median is worth a word."""

SHORTEST, LONGEST = 60, 4 * 3600
"""Seconds of audio that a shard should hold: to build one should take a worker minutes, not hours."""

_NEVER_CUT = "a record is never cut, however long it is; `lstdata segment` cuts recordings."

_MEASURED_SHARDS = 64
"""Finished shards that are looked at to learn what a build makes of audio."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a build makes of audio, or of text. The defaults: 66 utterances of English read speech, units and words by
    default; 25,000 documents of 2.4 kB, by a vocabulary of 32,000."""

    samples: int = 0
    """Of this build, that were measured; 0: these are the defaults."""
    bytes_per_sample: float = 2048.0
    bytes_per_second: float = 96.0
    units_per_second: float = SAMPLE_RATE / HOP
    positions_per_second: float = SAMPLE_RATE / HOP
    bytes_per_text_byte: float = 1.6
    tokens_per_text_byte: float = 0.26

    def of(self, shard: PlannedShard) -> Expected:
        if shard.text_bytes:
            tokens = round(shard.text_bytes * self.tokens_per_text_byte)
            size = round(shard.text_bytes * self.bytes_per_text_byte)
            return Expected(shard.name, shard.split, shard.records, 0.0, size, 0, tokens, shard.text_bytes)
        return Expected(
            name=shard.name,
            split=shard.split,
            records=shard.records,
            seconds=shard.seconds,
            bytes=round(shard.records * self.bytes_per_sample + shard.seconds * self.bytes_per_second),
            units=round(shard.seconds * self.units_per_second),
            positions=round(shard.seconds * self.positions_per_second),
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """A shard, several, or a rank's part of them, as they will be if nothing is rejected."""

    name: str
    split: str
    records: int
    seconds: float
    bytes: int
    """Of the tars."""
    units: int
    positions: int
    """Of speech alone, by the configured patching; text that stands for speech takes less. Of documents: the tokens."""
    text_bytes: int = 0
    """Of documents of text; then there are no seconds and units."""

    @property
    def size(self) -> float:
        """Bytes of text or seconds of audio."""
        return self.text_bytes or self.seconds


@dataclass(frozen=True, slots=True)
class Rank:
    """What one process reads of the training split, every epoch anew."""

    rank: int
    lanes: int
    records: int
    shards: tuple[int, ...]
    """By their place in the split, from 0."""


@dataclass(frozen=True, slots=True)
class Advice:
    option: str
    """Of `plan`: the one that says how long shards are."""
    value: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    rates: Rates
    strategy: str
    shards: tuple[Expected, ...]
    splits: tuple[Expected, ...]
    training: str
    """The split whose reading is explained."""
    lanes: int
    """In which the training split is read."""
    ranks: tuple[Rank, ...]
    """None where no world size is asked for."""
    warnings: tuple[str, ...]
    advice: Advice

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(plan: Plan, config: BuildConfig, rates: Rates, world: int | None = None, workers: int = 1) -> Explanation:
    """A plan for `world` training processes, each with `workers` that load; None: for no one in particular."""
    expected = tuple(map(rates.of, plan.shards))
    splits = tuple(_sum(split, [e for e in expected if e.split == split]) for split, _ in plan.splits())
    training = "train" if any(s.split == "train" for s in splits) else next((s.split for s in splits), "train")
    read = [e for e in expected if e.split == training]
    lanes = lane_count(sum(e.records for e in read))
    return Explanation(
        rates=rates,
        strategy=config.patching.strategy,
        shards=expected,
        splits=splits,
        training=training,
        lanes=lanes,
        ranks=() if world is None else tuple(_ranks(read, world, lanes)),
        warnings=tuple(_warnings(plan, read, world, workers, lanes)),
        advice=_advice(read, ANYONE if world is None else world * workers),
    )


def rates_of(out: UPath, plan: Plan, config: BuildConfig) -> Rates:
    """By the plan's shards that are finished in `out` or, where there are none, the defaults for the configuration."""
    from lstdata.build.finish import read_sidecar
    from lstdata.errors import LstDataError

    measured = []
    for shard in plan.shards[:: -(-len(plan.shards) // _MEASURED_SHARDS) or 1]:
        try:
            measured.append(read_sidecar(out, shard.name))
        except LstDataError:
            continue
    samples = sum(sidecar["samples"] for sidecar in measured)
    strategy = config.patching.strategy
    if not samples:
        return Rates(positions_per_second=_positions(config))
    if plan.text_bytes:
        text, size, tokens = (sum(s[name] for s in measured) for name in ("text_bytes", "bytes", "text_tokens"))
        return Rates(samples, bytes_per_text_byte=size / text, tokens_per_text_byte=tokens / text)
    seconds, size, units = (sum(sidecar[name] for sidecar in measured) for name in ("seconds", "bytes", "units"))
    cuts = ("static", "aligned") if strategy in CHANGING else (strategy,)
    of_each = [units if cut == "none" else sum(sidecar["patches"][cut] for sidecar in measured) for cut in cuts]
    positions = sum(of_each) / len(of_each)
    return Rates(samples, 0.0, size / seconds, units / seconds, positions / seconds)


def _positions(config: BuildConfig) -> float:
    """A second, at 25 units a second: measured where they depend on the speech, or the paper's (arXiv 2510.06195)."""
    patching = config.patching
    static, aligned = 25.0 / patching.patch_size, 3.05
    by_strategy = {
        "none": 25.0,
        "static": static,
        "silence": 0.9 * static,
        "aligned": aligned,
        "aligned-merged": 25.0 / 9.4,
        "aligned-bpe": 0.6 * 25.0 / 5.0 + 0.4 * 25.0 / 3.7,
        **dict.fromkeys(CHANGING, (static + aligned) / 2),
    }
    return by_strategy[patching.strategy]


def _sum(name: str, parts: Sequence[Expected]) -> Expected:
    fields = ("records", "seconds", "bytes", "units", "positions", "text_bytes")
    return Expected(name=name, split=name, **{field: sum(getattr(part, field) for part in parts) for field in fields})


def _ranks(shards: Sequence[Expected], world: int, lanes: int) -> Iterator[Rank]:
    """By the loader's own rules, on the planned records: those that are rejected make it a little less."""
    ends = np.cumsum([shard.records for shard in shards])
    samples = int(ends[-1]) if len(shards) else 0
    for rank in range(world):
        parts = [lane_samples(samples, lane, lanes) for lane in rank_lanes(rank, world, lanes)]
        touched: set[int] = set()
        for part in parts:
            if part:
                first, last = np.searchsorted(ends, [part[0], part[-1]], side="right").tolist()
                touched |= set(range(first, last + 1))
        yield Rank(rank, len(parts), sum(map(len, parts)), tuple(sorted(touched)))


def _warnings(plan: Plan, read: Sequence[Expected], world: int | None, workers: int, lanes: int) -> Iterator[str]:
    unknown = sum(shard.unknown_lengths for shard in plan.shards)
    if unknown:
        yield f"{unknown:,} records give no duration and count as {UNKNOWN_SECONDS:g} s each: the hours are a guess."
    if not read:
        yield "no record can be used."
        return
    usual = median(shard.size for shard in read)
    large = sorted((shard.size, shard.name) for shard in read if shard.size > LARGE * usual)
    if large:
        size, name = large[-1]
        more = f", and {len(large) - 1:,} more are" if len(large) > 1 else " is"
        yield (
            f"`{name}` ({plan.amount(size)}){more} longer than {LARGE} times the median ({plan.amount(usual)}): "
            + ("a document is never cut." if plan.text_bytes else _NEVER_CUT)
        )
    if world is None:
        return
    option = _option(plan.text_bytes)
    if len(read) < world * workers:
        yield (
            f"{len(read):,} shards are fewer than {world} × {workers} readers: some read of the same file. All have "
            f"their share, as lanes are cut by sample, but a smaller `plan.{option}` spreads the reading."
        )
    if lanes % world:
        yield (
            f"{world} ranks do not divide {lanes} lanes: each lane is packed by {world // math.gcd(world, lanes)} of "
            f"them. Train with `rows.lanes` a multiple of {world}, or with a number of ranks that divides {lanes}."
        )


def _advice(read: Sequence[Expected], readers: int) -> Advice:
    """At least `PER_READER` shards for each reader, as long as a worker builds one in minutes."""
    wanted = PER_READER * readers
    text = sum(shard.text_bytes for shard in read)
    if text:
        least, most_bytes = TEXT
        reasons = (
            f"{PER_READER} × {readers} readers = {wanted} shards or more of {text / 1e6:,.1f} MB of text",
            f"between {least / 1e6:.0f} and {most_bytes / 1e6:.0f} MB, for a worker to build one in minutes",
        )
        return Advice(_option(text), float(round(min(max(text / wanted, least), most_bytes), -5)), reasons)
    total = sum(shard.seconds for shard in read)
    seconds = _rounded(min(max(total / wanted, SHORTEST), LONGEST))
    most = f"{_spoken(total / wanted)} each at most"
    why = [
        f"{PER_READER} × {readers} readers = {wanted} shards or more of {total / 3600:.2f} h: {most}",
        f"between {SHORTEST} s and {LONGEST // 3600} h, for a worker to build one in minutes and lose no more",
    ]
    if total:
        size = sum(shard.bytes for shard in read) / total
        why.append(
            f"{size * seconds / 1e6:.2f} MB each: the rule of 100–500 MB is for shards with audio, and would put "
            f"{1e8 / size / 3600:,.0f} h of speech into one"
        )
    return Advice(_option(0), seconds, tuple(why))


def _option(text_bytes: int) -> str:
    return "shard_bytes" if text_bytes else "shard_seconds"


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _rounded(seconds: float) -> float:
    """Down to a whole minute, five minutes or half an hour."""
    step = 60 if seconds < 600 else 300 if seconds < 7200 else 1800
    return float(seconds // step * step)
