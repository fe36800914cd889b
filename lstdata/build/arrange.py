"""Who goes where: order, split and shard of every record, from a few numbers each; pure and vectorised."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lstdata.config import PlanConfig
from lstdata.randomness import digest

FEWEST_SPEAKERS = 20
"""From this many speakers on, the held-out split is by speaker; below, by recording."""

MOST_HELD_OUT = 0.2
"""Largest share of the audio that is held out, or else twice the share of groups that was asked for."""

USABLE, REJECTED, DUPLICATE = 0, 1, 2


@dataclass
class Scanned:
    """Numbers per record of a source, in its order."""

    ids: array[int] = field(default_factory=lambda: array("Q"))
    recordings: array[int] = field(default_factory=lambda: array("Q"))
    blocks: array[int] = field(default_factory=lambda: array("Q"))
    """What is best read in one go: the row group that holds a record, or else its recording."""
    speakers: array[int] = field(default_factory=lambda: array("Q"))
    """0 where unknown."""
    seconds: array[float] = field(default_factory=lambda: array("d"))
    splits: array[int] = field(default_factory=lambda: array("i"))
    """Index into `split_names`; −1 where the source names none."""
    verdicts: array[int] = field(default_factory=lambda: array("b"))
    split_names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Arrangement:
    """Indices of records by shard, in order, and of those that were rejected."""

    shards: list[tuple[str, str, NDArray[np.int64]]]
    """(name, split, records)."""
    rejected: NDArray[np.int64]


def arrange(scanned: Scanned, config: PlanConfig) -> Arrangement:
    """Assign splits, order records and cut shards; every record is in exactly one shard or rejected."""
    recordings = np.frombuffer(scanned.recordings, dtype=np.uint64)
    blocks = np.frombuffer(scanned.blocks, dtype=np.uint64)
    splits, names = _splits(scanned, config, recordings)
    rows = np.arange(len(recordings))
    if config.order == "source":
        order = rows
    else:
        grouped = blocks if config.order == "block" else np.frombuffer(scanned.ids, dtype=np.uint64)
        order = np.lexsort((rows, mixed(grouped, config.seed, "order")))
    seconds = np.frombuffer(scanned.seconds, dtype=np.float64)
    target = config.shard_seconds or float(np.clip(seconds[splits >= 0].sum() / 64, 300, 4 * 3600))
    shards = [
        (f"{split}-{number:06d}", split, part)
        for code, split in enumerate(names)
        for number, part in enumerate(_cut(order[splits[order] == code], seconds, blocks, target, config))
    ]
    return Arrangement(shards, rows[splits < 0])


def hash64(text: str) -> int:
    return int.from_bytes(digest(text)[:8], "little")


def mixed(values: NDArray[np.uint64], seed: int, purpose: str) -> NDArray[np.uint64]:
    """A keyed, well-mixed 64-bit hash of each value (the finaliser of splitmix64)."""
    salt = np.uint64(int.from_bytes(digest(seed, purpose)[:8], "little"))
    with np.errstate(over="ignore"):
        x = (values ^ salt) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _splits(
    scanned: Scanned, config: PlanConfig, recordings: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], list[str]]:
    """The split of each record as an index into the names (−1: rejected)."""
    given = np.array(scanned.splits, dtype=np.int32)
    speakers = np.frombuffer(scanned.speakers, dtype=np.uint64)
    usable = np.frombuffer(scanned.verdicts, dtype=np.int8) == USABLE
    free = usable & (given < 0)
    by_speaker = len(np.unique(speakers[free & (speakers != 0)])) >= FEWEST_SPEAKERS
    groups = np.where(by_speaker & (speakers != 0), speakers, recordings)
    held_out = np.zeros(len(free), dtype=np.bool_)
    if config.validation > 0 and free.any():
        seconds = np.frombuffer(scanned.seconds, dtype=np.float64)
        held_out[free] = _held_out(groups[free], seconds[free], config)
    names = sorted({"train", "validation", *scanned.split_names}, key=lambda n: (n != "train", n != "validation", n))
    codes = np.array([names.index(name) for name in scanned.split_names] or [0], dtype=np.int32)
    splits = np.where(given >= 0, codes[np.maximum(given, 0)], np.where(held_out, 1, 0))
    return np.where(usable, splits, -1).astype(np.int32), names


def _held_out(groups: NDArray[np.uint64], seconds: NDArray[np.float64], config: PlanConfig) -> NDArray[np.bool_]:
    """Which records are for validation: those of the groups whose hash is below `validation`.

    Where these are none or too much of the audio, as may be where groups are few, the one group with the least hash of
    those that are not too much, or else the one with the least audio; of one group alone, nothing.
    Milliseconds are whole, so that sums do not depend on the order.
    """
    kinds, member = np.unique(groups, return_inverse=True)
    shares = mixed(kinds, config.seed, "split") / 2.0**64
    chosen = shares < config.validation
    audio = np.bincount(member, weights=np.rint(1000 * seconds))
    most = max(MOST_HELD_OUT, 2 * config.validation) * audio.sum()
    if not chosen.any() or chosen.all() or audio[chosen].sum() > most:
        chosen[:] = False
        if len(kinds) > 1:
            chosen[np.lexsort((shares, np.where(audio <= most, 0.0, audio)))[0]] = True
    found: NDArray[np.bool_] = chosen[member]
    return found


def _cut(
    members: NDArray[np.int64],
    seconds: NDArray[np.float64],
    blocks: NDArray[np.uint64],
    target: float,
    config: PlanConfig,
) -> Iterator[NDArray[np.int64]]:
    """Cut at the first block's end past the target; inside a block only at twice the target."""
    start, total, most = 0, 0.0, config.shard_samples
    durations = seconds[members].tolist()
    last_of_block = [*(np.diff(blocks[members]) != 0).tolist(), True][: len(durations)]
    for end, (duration, at_edge) in enumerate(zip(durations, last_of_block, strict=True), 1):
        total += duration
        full = total >= target or end - start >= most
        if (full and at_edge) or total >= 2 * target or end - start >= 2 * most:
            yield members[start:end]
            start, total = end, 0.0
    if start < len(members):
        yield members[start:]
