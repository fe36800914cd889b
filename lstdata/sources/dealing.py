"""Samples dealt out to named parts, whole groups at a time; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.groups import enough_speakers, groups_of
from lstdata.randomness import mixed
from lstdata.select_options import Part


def deal(
    speakers: NDArray[np.uint64],
    recordings: NDArray[np.uint64],
    sizes: NDArray[np.float64],
    parts: Sequence[Part],
    seed: int,
) -> NDArray[np.int32]:
    """The part of each sample, as an index: every sample in one, no group in two, no part empty.

    Groups come in the order of a hash. Parts that count groups take the first; of the others the one that lacks most
    of its size takes the next. ConfigError where there is too little for the parts.
    """
    counts = next((part.of for part in parts if part.of in ("speakers", "recordings")), None)
    by_speaker = enough_speakers(speakers) if counts is None else counts == "speakers"
    groups = groups_of(speakers, recordings, by_speaker)
    kinds, first, member = np.unique(groups, return_index=True, return_inverse=True)
    amounts = np.bincount(member, weights=np.rint(1000 * sizes), minlength=len(kinds)).astype(np.int64)
    if len(kinds) < len(parts):
        what = "speakers" if by_speaker else "recordings"
        raise ConfigError(f"{len(kinds)} {what} cannot be divided into {len(parts)} parts: none is ever divided.")
    order = np.argsort(mixed(kinds, seed, "part"), kind="stable")
    of = np.full(len(kinds), -1, dtype=np.int32)
    counted = order if counts != "speakers" else order[speakers[first][order] != 0]
    _take_counted(of, counted, parts)
    _take_sizes(of, order[of[order] < 0], amounts, parts)
    _fill_empty(of, amounts, parts)
    return of[member]


def _take_counted(of: NDArray[np.int32], order: NDArray[np.int64], parts: Sequence[Part]) -> None:
    """The first groups of `order` to the parts that say how many they want."""
    start = 0
    for number, part in enumerate(parts):
        if part.of in ("speakers", "recordings"):
            end = start + int(part.amount)
            if end > len(order):
                raise ConfigError(f"`into` wants {part.amount:g} {part.of} for {part.name}, but {len(order)} are all.")
            of[order[start:end]] = number
            start = end


def _take_sizes(
    of: NDArray[np.int32], order: NDArray[np.int64], amounts: NDArray[np.int64], parts: Sequence[Part]
) -> None:
    """Each group of `order` to the part that lacks most; all in thousandths of a second or a byte."""
    total = int(amounts.sum())
    lacks = {number: int(_wanted(part, total)) for number, part in enumerate(parts) if part.of in ("share", "hours")}
    left = int(amounts[of < 0].sum()) - sum(lacks.values())
    rest = next((number for number, part in enumerate(parts) if part.of == "rest"), None)
    if rest is not None:
        if left <= 0:
            raise ConfigError(f"`into` leaves nothing for {parts[rest].name}: the others take all.")
        lacks[rest] = left
    for group, size in zip(order.tolist(), amounts[order].tolist(), strict=True):
        number = max(lacks, key=lacks.__getitem__)
        of[group] = number
        lacks[number] -= size


def _wanted(part: Part, total: int) -> float:
    return part.amount * total if part.of == "share" else part.amount * 3.6e6


def _fill_empty(of: NDArray[np.int32], amounts: NDArray[np.int64], parts: Sequence[Part]) -> None:
    """A part without any group gets the shortest of the part that has most groups."""
    for number, part in enumerate(parts):
        if not (of == number).any():
            free = [n for n, other in enumerate(parts) if other.of in ("share", "hours", "rest")]
            richest = max(free, key=lambda n: int((of == n).sum()))
            groups = np.flatnonzero(of == richest)
            if len(groups) < 2:
                raise ConfigError(f"`into` leaves nothing for {part.name}: speakers or recordings are never divided.")
            of[groups[np.argmin(amounts[groups])]] = number
