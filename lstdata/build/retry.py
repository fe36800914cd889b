"""Trying records again that were rejected: the shards that their dead letters touch are built anew, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lstdata.build.standing import Standing
from lstdata.errors import ConfigError
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.records import DeadLetter


@dataclass(frozen=True)
class Retry:
    """What is to be tried again."""

    reasons: tuple[str, ...] = ()
    """Of dead letters; none: all but those of filters, which would say the same again."""

    def wants(self, letter: DeadLetter) -> bool:
        return letter.reason in self.reasons if self.reasons else letter.reason not in FILTER_REASONS


@dataclass(frozen=True)
class Retried:
    """The dead letters that are tried again, and the shards that are built anew for it."""

    letters: tuple[DeadLetter, ...]
    shards: tuple[str, ...]

    planned: int = 0
    """Dead letters of records that never got into a shard: they change with what the source says of them."""

    def describe(self) -> str:
        """One line for a person, before."""
        if not self.letters:
            planned = f"; {self.planned} were made while planning, and stand until the source is another"
            return "retry: no dead letters in shards, nothing to do" + (planned if self.planned else "")
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


def choose(found: Standing, rejected: Sequence[DeadLetter], retry: Retry) -> Retried:
    """The shards whose dead letters are wanted; ConfigError where a reason is nobody's.

    `rejected` are the records that never got into a shard: those are planned anew wherever the source has changed.
    """
    everything = [letter for of_shard in found.with_letters for letter in of_shard.letters]
    known = {letter.reason for letter in [*everything, *rejected]}
    unknown = [reason for reason in retry.reasons if reason not in known]
    if unknown:
        there = _counted([*everything, *rejected]) or "none"
        raise ConfigError(f"`--reason` {unknown[0]}: no record was rejected for it. Dead letters: {there}.")
    touched = [of_shard for of_shard in found.with_letters if any(map(retry.wants, of_shard.letters))]
    letters = tuple(x for of_shard in touched for x in of_shard.letters if retry.wants(x))
    planned = sum(map(retry.wants, rejected))
    return Retried(letters, tuple(of_shard.shard.name for of_shard in touched), planned)


def _counted(letters: Iterable[DeadLetter]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in Counter(x.reason for x in letters).most_common())
