"""A plan whose source has grown: what was planned stays as it is, and the new records come after it.

Nothing of an old record decides anew: its shard, position and split stay, a group stays in its split, and shards are
as long as before. So finished shards stay complete, and only new ones are to be built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lstdata.build.arrange import USABLE, Kept, Scanned, arrange
from lstdata.build.plan import mark_duplicates, write_arrangement
from lstdata.build.plan_table import Plan, PlanWriter, read_plan, read_shard
from lstdata.build.spill import Spilled, spilling
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError
from lstdata.randomness import hash64
from lstdata.records import Mask
from lstdata.source_table import ROW_FIELDS
from lstdata.sources import Source
from lstdata.storage import committing, sha256_file

if TYPE_CHECKING:
    from lstdata.storage import AnyPath

_COMPARED = [name for name, _ in ROW_FIELDS if name not in ("source_split", "fingerprint", "reason", "message")]
"""Of a row that changed, what is looked at for the message; the plan does not tell what the source said of splits."""


def grow_plan(source: Source, config: PlanConfig, path: AnyPath, before_commit: Callable[[str], None]) -> Plan:
    """Commit the plan at `path` with the source's new records appended.

    `before_commit` is called with the sha256 of the new plan when all of it is written, before it takes the old one's
    place. Rows that the source or the plan rejects are those of the new scan; one that was rejected and can be used
    now is a new record. Raises ConfigError where a planned record has changed or is gone.
    """
    plan = read_plan(path)
    with spilling(source, path) as spilled:
        old = _read_planned(path, plan)
        splits, lost = _matched(spilled.scanned, old)
        if lost.any():
            raise ConfigError(_what_changed(path, plan, old, lost, spilled, source.root))
        mark_duplicates(spilled.scanned, spilled, splits >= 0)
        shards = Counter(shard.split for shard in plan.shards)
        arrangement = arrange(spilled.scanned, config, Kept(plan.rules, splits, old.names, shards))
        with committing(path) as temporary:
            with PlanWriter(temporary, spilled.fingerprint, plan.rules) as writer:
                for shard in plan.shards:
                    writer.shard(read_shard(path, shard.number))
                write_arrangement(writer, spilled, arrangement)
            before_commit(sha256_file(temporary))
    return read_plan(path)


@dataclass(frozen=True, eq=False)
class _Planned:
    """The records of a plan, in its order, without those it rejects."""

    fingerprints: NDArray[np.uint64]
    splits: NDArray[np.int32]
    """As an index into `names`."""
    names: list[str]


def _read_planned(path: AnyPath, plan: Plan) -> _Planned:
    names = sorted({shard.split for shard in plan.shards})
    digits = (read_shard(path, shard.number, ("fingerprint",))["fingerprint"].to_pylist() for shard in plan.shards)
    fingerprints = [np.frombuffer(bytes.fromhex("".join(of_shard)), dtype=">u8") for of_shard in digits]
    splits = [np.full(shard.records, names.index(shard.split), dtype=np.int32) for shard in plan.shards]
    return _Planned(
        np.concatenate([np.zeros(0, np.uint64), *fingerprints]).astype(np.uint64),
        np.concatenate([np.zeros(0, np.int32), *splits]),
        names,
    )


def _matched(scanned: Scanned, old: _Planned) -> tuple[NDArray[np.int32], Mask]:
    """(split of each scanned record that is planned, else −1; which planned ones are not there as they were).

    A fingerprint is of all of a row, its id included; of equal rows the first is the planned one.
    """
    usable = np.flatnonzero(np.frombuffer(scanned.verdicts, dtype=np.int8) == USABLE)
    splits = np.full(len(scanned.ids), -1, dtype=np.int32)
    known, first = np.unique(np.frombuffer(scanned.fingerprints, dtype=np.uint64)[usable], return_index=True)
    if not len(known):
        return splits, np.ones(len(old.fingerprints), np.bool_)
    place = np.minimum(np.searchsorted(known, old.fingerprints), len(known) - 1)
    found = known[place] == old.fingerprints
    splits[usable[first[place[found]]]] = old.splits[found]
    return splits, ~found


def _what_changed(path: AnyPath, plan: Plan, old: _Planned, lost: Mask, spilled: Spilled, root: str) -> str:
    """The records that are not as they were: how many, and one that changed and one that vanished by name."""
    ids = np.frombuffer(spilled.scanned.ids, dtype=np.uint64)
    in_order = np.sort(ids)
    changed = vanished = 0
    examples: dict[bool, dict[str, Any]] = {}
    for row in _rows(path, plan, lost):
        hashed = hash64(row["id"])
        at = int(np.searchsorted(in_order, hashed))
        there = at < len(in_order) and int(in_order[at]) == hashed
        examples.setdefault(there, row)
        changed, vanished = changed + there, vanished + (not there)
    said = []
    if changed:
        before = examples[True]
        now = _scanned_row(spilled, int(np.flatnonzero(ids == hash64(before["id"]))[0]))
        said.append(f"{changed:,} changed, e.g. `{before['id']}`: {_difference(before, now)}")
    if vanished:
        said.append(f"{vanished:,} vanished, e.g. `{examples[False]['id']}`")
    return (
        f"A plan can grow, but not change: of the {len(old.fingerprints):,} records that were planned from `{root}`, "
        f"{'; '.join(said)}. Give a new folder, or --rebuild to discard what is there."
    )


def _rows(path: AnyPath, plan: Plan, chosen: Mask) -> Iterator[dict[str, Any]]:
    """The chosen records of a plan."""
    start = 0
    for shard in plan.shards:
        here = np.flatnonzero(chosen[start : start + shard.records])
        start += shard.records
        if len(here):
            yield from read_shard(path, shard.number).take(pa.array(here)).to_pylist()


def _scanned_row(spilled: Spilled, number: int) -> dict[str, Any]:
    (table,) = spilled.parts([np.array([number])])
    row: dict[str, Any] = table.to_pylist()[0]
    return row


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first thing that is said otherwise."""
    if now["reason"] is not None:
        return f"now rejected as {now['reason']}"
    for name in _COMPARED:
        if before[name] != now[name]:
            return f"{name} {_short(before[name])} → {_short(now[name])}"
    return f"split {before['split']} → {now['source_split'] or 'none'}"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
