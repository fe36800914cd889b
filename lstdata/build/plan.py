"""Planning: one pass over the source fixes every record's shard, position, split and fingerprint.

Nothing later depends on worker count, listing order or engine. Rows are spilled to a memory-mapped file while the
source streams, so that only a few numbers per record are held.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from upath import UPath

from lstdata.build.arrange import DUPLICATE, REJECTED, USABLE, Arrangement, Scanned, arrange, hash64
from lstdata.build.plan_table import (
    PLAN_SCHEMA,
    UNKNOWN_SECONDS,
    Plan,
    read_plan,
    sample_key,
)
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError
from lstdata.records import SourceRow
from lstdata.source_table import ROW_SCHEMA, ScanFingerprint, flat_row, row_fingerprint
from lstdata.sources import Source
from lstdata.storage import TEMPORARY, committing

VERSION = 3
_BATCH = 4096


def make_plan(source: Source, config: PlanConfig, path: UPath) -> Plan:
    """Read the source once and commit `plan.parquet`; ConfigError where it holds no record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spill = path.with_name(f"scan{TEMPORARY}{os.getpid()}")
    try:
        scanned, fingerprint = _spill(source, spill)
        if not scanned.ids:
            raise ConfigError(f"The source `{source.root}` ({source.kind}) holds no records.")
        with pa.memory_map(str(spill)) as mapped:
            spilled = _Spilled(pa.ipc.open_file(mapped))
            _mark_duplicates(scanned, spilled)
            with committing(path) as temporary:
                _write(temporary, scanned, spilled, arrange(scanned, config), fingerprint)
    finally:
        spill.unlink(missing_ok=True)
    return read_plan(path)


def _spill(source: Source, path: UPath) -> tuple[Scanned, str]:
    scanned = Scanned()
    split_codes: dict[str, int] = {}
    fingerprint = ScanFingerprint()
    batch: list[dict[str, Any]] = []
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        for row in source.scan():
            described = row_fingerprint(row)
            fingerprint.add(described)
            scanned.ids.append(hash64(row.id))
            scanned.recordings.append(hash64(row.recording))
            scanned.blocks.append(hash64(_block(row)))
            scanned.speakers.append(0 if row.speaker is None else hash64(row.speaker) | 1)
            scanned.seconds.append(UNKNOWN_SECONDS if row.duration is None else row.duration)
            scanned.splits.append(-1 if row.split is None else split_codes.setdefault(row.split, len(split_codes)))
            scanned.verdicts.append(USABLE if row.reject is None else REJECTED)
            batch.append(flat_row(row, described))
            if len(batch) == _BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=ROW_SCHEMA))
                batch.clear()
        if batch:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=ROW_SCHEMA))
    scanned.split_names = list(split_codes)
    return scanned, str(fingerprint)


def _block(row: SourceRow) -> str:
    place = row.locator
    return row.recording if place.row_group is None else f"{place.path}\n{place.row_group}"


class _Spilled:
    """The spilled rows by number; no more than a batch and what was asked for is ever in memory."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def take(self, rows: NDArray[np.int64]) -> pa.Table:
        """These rows, in this order."""
        by_batch = np.argsort(rows, kind="stable")
        batches, firsts = np.unique(rows[by_batch] // _BATCH, return_index=True)
        parts = [
            self._reader.get_batch(int(batch)).take(pa.array(members % _BATCH))
            for batch, members in zip(batches, np.split(rows[by_batch], firsts[1:]), strict=True)
        ]
        return pa.Table.from_batches(parts, schema=ROW_SCHEMA).take(np.argsort(by_batch))


def _mark_duplicates(scanned: Scanned, spilled: _Spilled) -> None:
    """Reject every later record of an id that an earlier usable one has; the hash only finds candidates."""
    ids = np.array(scanned.ids, dtype=np.uint64)
    in_order = np.sort(ids)
    repeated = in_order[1:][in_order[1:] == in_order[:-1]]
    seen: set[str] = set()
    candidates = np.flatnonzero(np.isin(ids, repeated))
    named = spilled.take(candidates)["id"].to_pylist() if len(candidates) else []
    for index, id in zip(candidates.tolist(), named, strict=True):
        if scanned.verdicts[index] == USABLE:
            if id in seen:
                scanned.verdicts[index] = DUPLICATE
            seen.add(id)


def _write(path: Path, scanned: Scanned, spilled: _Spilled, arrangement: Arrangement, fingerprint: str) -> None:
    schema = PLAN_SCHEMA.with_metadata({"source": fingerprint})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for name, split, members in arrangement.shards:
            writer.write_table(_shard_rows(spilled.take(members), name, split, schema), row_group_size=len(members))
        for start in range(0, len(arrangement.rejected), _BATCH):
            members = arrangement.rejected[start : start + _BATCH]
            writer.write_table(_rejected_rows(spilled.take(members), scanned, members, schema))


def _shard_rows(rows: pa.Table, name: str, split: str, schema: pa.Schema) -> pa.Table:
    count = rows.num_rows
    new = {
        "key": pa.array([sample_key(id) for id in rows["id"].to_pylist()]),
        "shard": pa.array([name] * count),
        "position": pa.array(range(count), pa.int32()),
        "split": pa.array([split] * count),
    }
    return _table(rows, new, schema)


def _rejected_rows(rows: pa.Table, scanned: Scanned, members: NDArray[np.int64], schema: pa.Schema) -> pa.Table:
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
    return _table(rows, new, schema)


def _table(rows: pa.Table, new: dict[str, Any], schema: pa.Schema) -> pa.Table:
    return pa.table([new[name] if name in new else rows[name] for name in schema.names], schema=schema)
