"""How far a run folder is: which shards of its plan are built as asked, and what became of their records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from upath import UPath

from lstdata.build.plan_table import PlannedShard
from lstdata.errors import Unavailable
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.records import DeadLetter
from lstdata.storage import is_local, read_json, sizes_in

_READERS = 32
"""Sidecars that are asked for at once where each is a request."""


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of a built shard."""

    shard: PlannedShard
    letters: tuple[DeadLetter, ...]

    @property
    def environmental(self) -> tuple[DeadLetter, ...]:
        return tuple(letter for letter in self.letters if letter.environmental)


@dataclass(slots=True)
class Standing:
    """What of a plan is built. A shard is complete or missing; of the complete ones some have dead letters."""

    missing: list[PlannedShard] = field(default_factory=list)
    complete: list[PlannedShard] = field(default_factory=list)
    with_letters: list[Letters] = field(default_factory=list)

    @property
    def doubtful(self) -> list[Letters]:
        """Complete, with records that may fare better now: their dead letters are environmental."""
        return [found for found in self.with_letters if found.environmental]

    def without(self, names: Collection[str]) -> Standing:
        """The same, but these shards count as missing, in the order of the plan."""
        chosen = [shard for shard in self.complete if shard.name in names]
        return Standing(
            sorted([*self.missing, *chosen], key=lambda shard: shard.number),
            [shard for shard in self.complete if shard.name not in names],
            [found for found in self.with_letters if found.shard.name not in names],
        )

    def reasons(self) -> Counter[str]:
        """Dead letters of complete shards that no filter was asked to make."""
        letters = (letter for found in self.with_letters for letter in found.letters)
        return Counter(letter.reason for letter in letters if letter.reason not in FILTER_REASONS)


def standing(out: UPath, shards: Iterable[PlannedShard], expected: Callable[[PlannedShard], str]) -> Standing:
    """Look at `OUT/shards` with one listing; `expected` gives the fingerprint that a shard's sidecar must have.

    Unavailable where a sidecar that is listed cannot be read: a disk's fault must not have its shard built anew.
    """
    shards = list(shards)
    sizes = sizes_in(out / "shards")
    found = Standing()
    for shard, stated in zip(shards, _sidecars(out, shards, sizes), strict=True):
        letters = _letters(shard, stated, sizes, expected(shard))
        if letters is None:
            found.missing.append(shard)
            continue
        found.complete.append(shard)
        if letters:
            found.with_letters.append(Letters(shard, letters))
    return found


def _sidecars(out: UPath, shards: list[PlannedShard], sizes: dict[str, int]) -> Iterator[Any]:
    """What each shard's sidecar says, None where there is none that can be read."""

    folder = out / "shards"

    def read(shard: PlannedShard) -> Any:
        name = f"{shard.name}.json"
        if name not in sizes:
            return None
        try:
            return read_json(folder / name)
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise Unavailable(f"`{folder / name}` cannot be read: {error.strerror or error}.") from error

    if is_local(out):
        yield from map(read, shards)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(read, shards)


def _letters(
    shard: PlannedShard, stated: Any, sizes: dict[str, int], fingerprint: str
) -> tuple[DeadLetter, ...] | None:
    """Of a shard that is there as asked; None where it is not."""
    try:
        size = sizes.get(f"{shard.name}.tar")
        there = f"{shard.name}.parquet" in sizes and (stated["bytes"] == 0 or size == stated["bytes"])
        if not there or stated["fingerprint"] != fingerprint:
            return None
        return tuple(DeadLetter(**letter) for letter in stated["rejected"])
    except (KeyError, TypeError):
        return None
