"""The plan as a file: one row per record of the source, a row group per shard, rejected rows last (shard null)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import CorruptShard
from lstdata.randomness import digest
from lstdata.records import SourceRow
from lstdata.source_table import ROW_FIELDS, source_row

UNKNOWN_SECONDS = 10.0
"""Taken for a record whose source gives no duration, when sizing shards."""

PLAN_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.string()),
        ("position", pa.int32()),
        ("split", pa.string()),
        *(item for item in ROW_FIELDS if item[0] != "source_split"),
    ]
)


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A row of the plan: what its source said, and where it belongs."""

    key: str
    split: str
    row: SourceRow


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One unit of work; `row_group` is where its rows are in `plan.parquet`."""

    name: str
    split: str
    row_group: int
    records: int
    seconds: float
    fingerprint: str
    """Of its records, in order."""

    def describe(self) -> str:
        return f"shard {self.name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan as the driver sees it: shards, and the records rejected before any audio was read."""

    shards: tuple[PlannedShard, ...]
    records: int
    rejected: int
    seconds: float
    source_fingerprint: str
    unsegmented: bool = False
    """Made for a look only: recordings are as yet whole that will be cut into segments first."""

    def summary(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "rejected": self.rejected,
            "seconds": self.seconds,
            "shards": len(self.shards),
            "splits": {name: {"records": records, "seconds": seconds} for name, (records, seconds) in self.splits()},
        }

    def splits(self) -> list[tuple[str, tuple[int, float]]]:
        """(records, seconds) of each split, in the order of the plan."""
        found: dict[str, tuple[int, float]] = {}
        for shard in self.shards:
            records, seconds = found.get(shard.split, (0, 0.0))
            found[shard.split] = records + shard.records, seconds + shard.seconds
        return list(found.items())

    def describe(self) -> str:
        """One line for a person."""
        hours = f"{self.seconds / 3600:.2f} h"
        before = ", before segmenting" if self.unsegmented else ""
        return f"{self.records} records, {hours}, {len(self.shards)} shards, {self.rejected} rejected{before}"


def read_plan(path: UPath) -> Plan:
    """The summary of a committed plan; CorruptShard where the file is not one."""
    try:
        file = pq.ParquetFile(path)
        if not file.schema_arrow.equals(PLAN_SCHEMA):
            raise CorruptShard(f"`{path}` is not a plan of this version of lstdata.")
        shards: list[PlannedShard] = []
        rejected = 0
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, columns=["shard", "split", "duration", "fingerprint"])
            name = part["shard"][0].as_py()
            if name is None:
                rejected += part.num_rows
                continue
            seconds = float(np.nan_to_num(_floats(part["duration"]), nan=UNKNOWN_SECONDS).sum())
            prints = digest(*part["fingerprint"].to_pylist()).hex()[:16]
            shards.append(PlannedShard(name, part["split"][0].as_py(), group, part.num_rows, seconds, prints))
        source_fingerprint = (file.schema_arrow.metadata or file.metadata.metadata)[b"source"].decode()
    except (pa.ArrowInvalid, KeyError) as error:
        raise CorruptShard(f"`{path}` is not a plan: {str(error).rstrip('.')}.") from error
    records = sum(s.records for s in shards)
    total = sum(s.seconds for s in shards)
    return Plan(tuple(shards), records + rejected, rejected, total, source_fingerprint)


def read_shard_rows(path: UPath, row_group: int) -> list[PlannedRecord]:
    """The records of one shard, in the order of their positions."""
    rows = pq.ParquetFile(path).read_row_group(row_group).to_pylist()
    return [_record(row) for row in rows]


def read_shard_ids(path: UPath, row_group: int) -> list[str]:
    """Their ids alone."""
    ids: list[str] = pq.ParquetFile(path).read_row_group(row_group, columns=["id"])["id"].to_pylist()
    return ids


def iter_rejected(path: UPath) -> Iterator[PlannedRecord]:
    """The records that were rejected while planning."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        if file.read_row_group(group, columns=["shard"])["shard"].null_count:
            yield from (_record(row) for row in file.read_row_group(group).to_pylist())


def sample_key(id: str) -> str:
    """`[a-z0-9_-]+`, readable and unique: what webdataset and others split alike."""
    slug = re.sub(r"[^a-z0-9_-]+", "-", id.lower())[:40].strip("-")
    return f"{slug}-{digest('key', id).hex()[:12]}".lstrip("-")


def _record(row: dict[str, Any]) -> PlannedRecord:
    return PlannedRecord(row["key"], row["split"], source_row(row, row["split"]))


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values
