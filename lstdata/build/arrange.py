"""Who goes where: order, split and shard of every record, from a few numbers each; pure and vectorised."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lstdata.config import PlanConfig
from lstdata.groups import enough_speakers, groups_of
from lstdata.randomness import mixed
from lstdata.records import Mask

AUDIO, TEXT = (300.0, 4 * 3600.0), (1e6, 128e6)
"""Least and most that a shard holds by default, in seconds and bytes: a worker builds it in minutes."""

MOST_UTTERANCES, MOST_DOCUMENTS = 4096, 65_536
"""Records of a shard by default."""

MOST_HELD_OUT = 0.2
"""Largest share of all audio or text that is held out, or else twice the share of groups that was asked for."""

USABLE, REJECTED, DUPLICATE = 0, 1, 2
_TRAIN, _VALIDATION = 0, 1
"""Where these two are among the names of splits, always."""


@dataclass
class Scanned:
    """Numbers per record of a source, in its order."""

    ids: array[int] = field(default_factory=lambda: array("Q"))
    recordings: array[int] = field(default_factory=lambda: array("Q"))
    blocks: array[int] = field(default_factory=lambda: array("Q"))
    """What is best read in one go: the row group that holds a record, or else its recording."""
    speakers: array[int] = field(default_factory=lambda: array("Q"))
    """0 where unknown."""
    sizes: array[float] = field(default_factory=lambda: array("d"))
    """Seconds of audio or, of documents, bytes of text."""
    splits: array[int] = field(default_factory=lambda: array("i"))
    """Index into `split_names`; −1 where the source names none."""
    verdicts: array[int] = field(default_factory=lambda: array("b"))
    fingerprints: array[int] = field(default_factory=lambda: array("Q"))
    """Of all that the source says of a record, its id included."""
    split_names: list[str] = field(default_factory=list)
    is_text: bool = False


@dataclass(frozen=True)
class Rules:
    """What is decided once, from all records of a first plan, and stays when it grows."""

    target: float
    """Seconds of audio, or bytes of text, per shard."""
    by_speaker: bool
    """Whether a group, which no split divides, is a speaker; else it is a recording."""


@dataclass(frozen=True)
class Kept:
    """What an arrangement takes over from the plan that it adds to."""

    rules: Rules
    splits: NDArray[np.int32]
    """Of each scanned record, as an index into `names`; −1 where the plan does not hold it."""
    names: list[str]
    shards: Mapping[str, int]
    """How many a split has."""


@dataclass(frozen=True)
class Arrangement:
    """Indices of records by shard, in order, and of those that were rejected; of an addition, the new ones alone."""

    shards: list[tuple[str, str, NDArray[np.int64]]]
    """(name, split, records)."""
    rejected: NDArray[np.int64]
    rules: Rules


def arrange(scanned: Scanned, config: PlanConfig, kept: Kept | None = None) -> Arrangement:
    """Assign splits, order records and cut shards; every record is kept, in exactly one shard, or rejected."""
    rows = np.arange(len(scanned.ids))
    blocks = np.frombuffer(scanned.blocks, dtype=np.uint64)
    sizes = np.frombuffer(scanned.sizes, dtype=np.float64)
    usable = np.frombuffer(scanned.verdicts, dtype=np.int8) == USABLE
    most = config.shard_samples or (MOST_DOCUMENTS if scanned.is_text else MOST_UTTERANCES)
    rules = _rules(scanned, config, usable, sizes) if kept is None else kept.rules
    names = _split_names([*scanned.split_names, *(kept.names if kept else ())])
    splits = _splits(scanned, config, rules, names, kept)
    if config.order == "source":
        order = rows
    else:
        grouped = blocks if config.order == "block" else np.frombuffer(scanned.ids, dtype=np.uint64)
        order = np.lexsort((rows, mixed(grouped, config.seed, "order")))
    order = order[(usable if kept is None else usable & (kept.splits < 0))[order]]
    shards = [
        (f"{split}-{number:06d}", split, part)
        for code, split in enumerate(names)
        for number, part in enumerate(
            _cut(order[splits[order] == code], sizes, blocks, rules.target, most),
            0 if kept is None else kept.shards.get(split, 0),
        )
    ]
    return Arrangement(shards, rows[~usable], rules)


def _rules(scanned: Scanned, config: PlanConfig, usable: Mask, sizes: NDArray[np.float64]) -> Rules:
    speakers = np.frombuffer(scanned.speakers, dtype=np.uint64)
    free = usable & (np.frombuffer(scanned.splits, dtype=np.int32) < 0)
    given, bounds = (config.shard_bytes, TEXT) if scanned.is_text else (config.shard_seconds, AUDIO)
    total = _thousandths(sizes[usable]).sum() / 1000
    return Rules(float(given or np.clip(total / 64, *bounds)), enough_speakers(speakers[free]))


def _thousandths(sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of a second or a byte: whole ones, so that no sum depends on the order."""
    return np.rint(1000 * sizes).astype(np.int64)


def _split_names(given: Iterable[str]) -> list[str]:
    return sorted({"train", "validation", *given}, key=lambda name: (name != "train", name != "validation", name))


def _splits(
    scanned: Scanned, config: PlanConfig, rules: Rules, names: list[str], kept: Kept | None
) -> NDArray[np.int32]:
    """The split of each record as an index into `names`; of one that is rejected, any."""
    given = np.frombuffer(scanned.splits, dtype=np.int32)
    speakers = np.frombuffer(scanned.speakers, dtype=np.uint64)
    recordings = np.frombuffer(scanned.recordings, dtype=np.uint64)
    free = (np.frombuffer(scanned.verdicts, dtype=np.int8) == USABLE) & (given < 0)
    splits = _coded(given, scanned.split_names, names)
    before = np.full(len(given), -1, dtype=np.int32) if kept is None else _coded(kept.splits, kept.names, names)
    groups = groups_of(speakers, recordings, rules.by_speaker)[free]
    if len(groups):
        sizes = np.frombuffer(scanned.sizes, dtype=np.float64)[free]
        splits[free] = _of_groups(groups, sizes, before[free], config)
    return np.where(before >= 0, before, splits).astype(np.int32)


def _coded(splits: NDArray[np.int32], own: list[str], names: list[str]) -> NDArray[np.int32]:
    """Indices into `own` as indices into `names`; −1 stays."""
    codes = np.array([*(names.index(name) for name in own), -1], dtype=np.int32)
    return codes[splits]


def _of_groups(
    groups: NDArray[np.uint64], sizes: NDArray[np.float64], before: NDArray[np.int32], config: PlanConfig
) -> NDArray[np.int32]:
    """Train or validation, whole groups at a time; one that has a split (`before` ≥ 0) stays there."""
    kinds, member = np.unique(groups, return_inverse=True)
    fixed = np.full(len(kinds), -1, dtype=np.int32)
    fixed[member[before >= 0]] = before[before >= 0]
    held = np.bincount(member, weights=_thousandths(sizes)).astype(np.float64)
    if config.validation > 0:
        shares = mixed(kinds, config.seed, "split") / 2.0**64
        fixed[_held_out(shares, held, fixed, config.validation)] = _VALIDATION
    return np.maximum(fixed, _TRAIN)[member].astype(np.int32)


def _held_out(shares: NDArray[np.float64], sizes: NDArray[np.float64], fixed: NDArray[np.int32], share: float) -> Mask:
    """Which of the groups without a split are for validation: those whose hash (`shares`) is below `share`.

    Where that leaves none held out, or too much of all, the one group with the least hash of those that are not too
    much, or else the least one; of one group alone, nothing. A plan that grows takes no group that
    is too much, and no other in place of one that is held out already.
    """
    free, held = fixed < 0, fixed == _VALIDATION
    chosen = free & (shares < share)
    most = max(MOST_HELD_OUT, 2 * share) * sizes.sum()
    out = held | chosen
    if out.any() and not out.all() and sizes[out].sum() <= most:
        return chosen
    chosen[:] = False
    candidates = np.flatnonzero(free if free.all() else free & (sizes <= most))
    if len(fixed) > 1 and len(candidates) and not held.any():
        size = sizes[candidates]
        chosen[candidates[np.lexsort((shares[candidates], np.where(size <= most, 0.0, size)))[0]]] = True
    return chosen


def _cut(
    members: NDArray[np.int64],
    sizes: NDArray[np.float64],
    blocks: NDArray[np.uint64],
    target: float,
    most: int,
) -> Iterator[NDArray[np.int64]]:
    """Cut at the first block's end past the target, in size or records; inside a block only at twice the target."""
    held = np.concatenate([[0], np.cumsum(_thousandths(sizes[members]))])
    edges = np.append(np.flatnonzero(np.diff(blocks[members])) + 1, len(members))
    aim, start = max(1, round(1000 * target)), 0
    while start < len(members):
        full, overfull = np.searchsorted(held, held[start] + np.array([aim, 2 * aim])).tolist()
        edge = edges[np.searchsorted(edges, min(full, start + most, len(members)))]
        end = min(int(edge), overfull, start + 2 * most)
        yield members[start:end]
        start = end
