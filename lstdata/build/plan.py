"""Planning: one pass over the source fixes every record's shard, position, split and fingerprint.

Nothing later depends on worker count, listing order or engine. Rows are spilled to a file while the source streams, so
that only a few numbers per record are held.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lstdata.build.arrange import DUPLICATE, USABLE, Arrangement, Scanned, arrange
from lstdata.build.plan_table import PLAN_SCHEMA, Plan, PlanWriter, read_plan, sample_key
from lstdata.build.plan_table import VERSION as VERSION
from lstdata.build.spill import Spilled, spilling
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError
from lstdata.sources import Source
from lstdata.storage import committing

if TYPE_CHECKING:
    from lstdata.storage import AnyPath

_REJECTED_ROWS = 4096
"""Of a row group of rejected rows."""


def make_plan(source: Source, config: PlanConfig, path: AnyPath) -> Plan:
    """Read the source once and commit `plan.parquet`; ConfigError where it holds no record."""
    with spilling(source, path) as spilled:
        scanned = spilled.scanned
        if not scanned.ids:
            raise ConfigError(f"The source `{source.root}` ({source.kind}) holds no records.")
        mark_duplicates(scanned, spilled)
        arrangement = arrange(scanned, config)
        with (
            committing(path) as temporary,
            PlanWriter(temporary, spilled.fingerprint, arrangement.rules) as writer,
        ):
            write_arrangement(writer, spilled, arrangement)
    return read_plan(path)


def mark_duplicates(scanned: Scanned, spilled: Spilled, kept: NDArray[np.bool_] | None = None) -> None:
    """Reject every record of an id that a kept one, or an earlier usable one, has; the hash only finds candidates."""
    ids = np.array(scanned.ids, dtype=np.uint64)
    in_order = np.sort(ids)
    repeated = in_order[1:][in_order[1:] == in_order[:-1]]
    candidates = np.flatnonzero(np.isin(ids, repeated))
    if not len(candidates):
        return
    names = [id for table in spilled.parts([candidates]) for id in table["id"].to_pylist()]
    first = np.zeros(len(candidates), np.bool_) if kept is None else kept[candidates]
    seen = {id for id, is_kept in zip(names, first.tolist(), strict=True) if is_kept}
    for index, id, is_kept in zip(candidates.tolist(), names, first.tolist(), strict=True):
        if scanned.verdicts[index] == USABLE and not is_kept:
            if id in seen:
                scanned.verdicts[index] = DUPLICATE
            seen.add(id)


def write_arrangement(writer: PlanWriter, spilled: Spilled, arrangement: Arrangement) -> None:
    """The shards, then what was rejected."""
    rejected = arrangement.rejected
    some = [rejected[start : start + _REJECTED_ROWS] for start in range(0, len(rejected), _REJECTED_ROWS)]
    with closing(spilled.parts([*(members for *_, members in arrangement.shards), *some])) as tables:
        for name, split, _ in arrangement.shards:
            writer.shard(_shard_rows(next(tables), name, split))
        for members in some:
            writer.rejected(_rejected_rows(next(tables), spilled.scanned, members))


def _shard_rows(rows: pa.Table, name: str, split: str) -> pa.Table:
    count = rows.num_rows
    new = {
        "key": pa.array([sample_key(id) for id in rows["id"].to_pylist()]),
        "shard": pa.array([name] * count),
        "position": pa.array(range(count), pa.int32()),
        "split": pa.array([split] * count),
    }
    return _table(rows, new)


def _rejected_rows(rows: pa.Table, scanned: Scanned, members: NDArray[np.int64]) -> pa.Table:
    ids = rows["id"].to_pylist()
    reasons, messages = rows["reason"].to_pylist(), rows["message"].to_pylist()
    for i, member in enumerate(members.tolist()):
        if scanned.verdicts[member] == DUPLICATE:
            reasons[i], messages[i] = "duplicate_id", f"`{ids[i]}` is the id of an earlier record of this source."
    new = {
        "key": pa.array([sample_key(id) for id in ids]),
        "shard": pa.nulls(len(ids), pa.string()),
        "position": pa.nulls(len(ids), pa.int32()),
        "split": rows["source_split"],
        "reason": pa.array(reasons, pa.string()),
        "message": pa.array(messages, pa.string()),
    }
    return _table(rows, new)


def _table(rows: pa.Table, new: dict[str, Any]) -> pa.Table:
    return pa.table([new[name] if name in new else rows[name] for name in PLAN_SCHEMA.names], schema=PLAN_SCHEMA)
