"""Trying records again that were rejected: the shards that their dead letters touch are built anew, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.build.standing import Standing
from lstdata.errors import ConfigError
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.records import DeadLetter
from lstdata.storage import remove


@dataclass(frozen=True)
class Retry:
    """What is to be tried again."""

    reasons: tuple[str, ...] = ()
    """Of dead letters; none: all but those of filters, which would say the same again."""

    def wants(self, letter: DeadLetter) -> bool:
        return letter.reason in self.reasons if self.reasons else letter.reason not in FILTER_REASONS


@dataclass(frozen=True)
class Retried:
    """The dead letters that were tried again, and the shards that were made missing for it."""

    letters: tuple[DeadLetter, ...]
    shards: tuple[str, ...]

    def describe(self) -> str:
        """One line for a person, before."""
        if not self.letters:
            return "retry: no dead letters, nothing to do"
        return f"retry: {len(self.letters)} records ({_counted(self.letters)}) of {len(self.shards)} shards"

    def outcome(self, still: Iterable[DeadLetter]) -> dict[str, Any]:
        """What became of them, given all dead letters of the run afterwards."""
        tried = {letter.id for letter in self.letters}
        again = [letter for letter in still if letter.id in tried]
        return {
            "retried": len(self.letters),
            "samples": len(self.letters) - len(again),
            "rejected": dict(Counter(letter.reason for letter in again).most_common()),
            "shards": list(self.shards),
        }


def forget(out: UPath, found: Standing, rejected: Sequence[DeadLetter], retry: Retry) -> Retried:
    """Make the shards missing whose dead letters are wanted; ConfigError where a reason is nobody's.

    `rejected` are the records that never got into a shard: those are planned anew wherever the source has changed.
    """
    everything = [letter for of_shard in found.with_letters for letter in of_shard.letters]
    known = {letter.reason for letter in [*everything, *rejected]}
    unknown = [reason for reason in retry.reasons if reason not in known]
    if unknown:
        there = _counted([*everything, *rejected]) or "none"
        raise ConfigError(f"`--reason` {unknown[0]}: no record was rejected for it. Dead letters: {there}.")
    touched = [of_shard for of_shard in found.with_letters if any(map(retry.wants, of_shard.letters))]
    for of_shard in touched:
        remove(shard_paths(out, of_shard.shard.name)[2])
    letters = tuple(x for of_shard in touched for x in of_shard.letters if retry.wants(x))
    return Retried(letters, tuple(of_shard.shard.name for of_shard in touched))


def _counted(letters: Iterable[DeadLetter]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in Counter(x.reason for x in letters).most_common())
