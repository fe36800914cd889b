"""The plan as a file: one row per record of the source, shard by shard, rejected rows last (shard null).

A row group holds whole shards, several where they are small: readers keep about 25 kB in memory for each row group. The
footer says what is in which, so that nothing else is read to know the plan.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lstdata.build.arrange import Rules
from lstdata.errors import CorruptShard
from lstdata.randomness import digest
from lstdata.source_row import SourceRow
from lstdata.source_table import ROW_FIELDS, source_row
from lstdata.storage import parquet_file, version

if TYPE_CHECKING:
    from lstdata.storage import AnyPath

VERSION = 5
"""Of planning: raised whenever equal sources and options may give another plan."""

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


_KEY = b"lstdata plan"
_SAID = ("name", "split", "records", "seconds", "fingerprint", "unknown_lengths", "text_bytes")
"""What the footer says of a shard, in this order."""

GROUP_ROWS = 16_384
"""A row group is full with the shard that brings it to so many rows."""


_NOT_IN_KEYS = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A row of the plan: what its source said, and where it belongs."""

    key: str
    split: str
    row: SourceRow


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One unit of work."""

    name: str
    split: str
    number: int
    """Its place in the plan, from 0, by which its rows are found."""
    records: int
    seconds: float
    fingerprint: str
    """Of its records, in order."""
    unknown_lengths: int = 0
    """Records whose source gives no duration; each counts as `UNKNOWN_SECONDS`."""
    text_bytes: int = 0
    """Of its documents, where they are text: then it has no seconds."""

    @property
    def size(self) -> float:
        """How much of the work it is: bytes of text or seconds of audio."""
        return self.text_bytes or self.seconds

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
    rules: Rules
    unsegmented: bool = False
    """Made for a look only: recordings are as yet whole that will be cut into segments first."""

    @property
    def text_bytes(self) -> int:
        """Of all documents, where they are text; else 0."""
        return sum(shard.text_bytes for shard in self.shards)

    def summary(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "rejected": self.rejected,
            "seconds": self.seconds,
            "text_bytes": self.text_bytes,
            "shards": len(self.shards),
            "splits": {
                name: {"records": records, "text_bytes" if self.text_bytes else "seconds": size}
                for name, (records, size) in self.splits()
            },
        }

    def splits(self) -> list[tuple[str, tuple[int, float]]]:
        """(records, seconds of audio or bytes of text) of each split, in the order of the plan."""
        found: dict[str, tuple[int, float]] = {}
        for shard in self.shards:
            records, size = found.get(shard.split, (0, 0.0))
            found[shard.split] = records + shard.records, size + shard.size
        return list(found.items())

    def amount(self, size: float) -> str:
        """A shard's size, or the sum of some, as people say it."""
        return f"{size / 1e6:,.2f} MB" if self.text_bytes else f"{size / 3600:.2f} h"

    def describe(self) -> str:
        """One line for a person."""
        amount = self.amount(self.text_bytes or self.seconds)
        before = ", before segmenting" if self.unsegmented else ""
        return f"{self.records} records, {amount}, {len(self.shards)} shards, {self.rejected} rejected{before}"


class PlanWriter:
    """A plan as it is written: its shards, then what was rejected, then the footer that says what there is.

    Equal rows give equal bytes. Tables have the columns of `PLAN_SCHEMA`.
    """

    def __init__(self, path: AnyPath, source_fingerprint: str, rules: Rules) -> None:
        self._file = pq.ParquetWriter(path, PLAN_SCHEMA, compression="zstd", write_statistics=False)
        self._said: dict[str, Any] = {"version": VERSION, "source": source_fingerprint, "rules": asdict(rules)}
        self._shards: list[PlannedShard] = []
        self._waiting: list[pa.Table] = []
        self._rows = 0
        """Of those."""
        self._groups: list[int] = []
        """How many shards each row group holds."""
        self._rejected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._write_waiting()
            shards = [[getattr(shard, name) for name in _SAID] for shard in self._shards]
            said = self._said | {"rejected": self._rejected, "groups": self._groups, "shards": shards}
            text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            self._file.add_key_value_metadata({_KEY: text})
        self._file.close()

    def shard(self, rows: pa.Table) -> None:
        """All of one shard."""
        assert not self._rejected
        self._shards.append(planned_shard(rows, len(self._shards)))
        self._waiting.append(rows)
        self._rows += rows.num_rows
        if self._rows >= GROUP_ROWS:
            self._write_waiting()

    def rejected(self, rows: pa.Table) -> None:
        self._write_waiting()
        self._file.write_table(rows, row_group_size=rows.num_rows)
        self._rejected += rows.num_rows

    def _write_waiting(self) -> None:
        if self._waiting:
            rows = pa.concat_tables([table.replace_schema_metadata() for table in self._waiting]).combine_chunks()
            self._file.write_table(rows, row_group_size=rows.num_rows)
            self._groups.append(len(self._waiting))
            self._waiting, self._rows = [], 0


def planned_shard(rows: pa.Table, number: int) -> PlannedShard:
    """What a shard's rows say of it."""
    durations, text_bytes = rows["duration"], pc.sum(rows["text_bytes"]).as_py()
    unknown = 0 if text_bytes else durations.null_count
    return PlannedShard(
        name=rows["shard"][0].as_py(),
        split=rows["split"][0].as_py(),
        number=number,
        records=rows.num_rows,
        seconds=0.0 if text_bytes else pc.sum(pc.fill_null(durations, UNKNOWN_SECONDS)).as_py(),
        fingerprint=digest(*rows["fingerprint"].to_pylist()).hex()[:16],
        unknown_lengths=unknown,
        text_bytes=text_bytes or 0,
    )


def read_plan(path: AnyPath) -> Plan:
    """The summary of a committed plan, from its footer; CorruptShard where the file is not one."""
    return _footer(path, version(path)).plan


def read_shard(path: AnyPath, number: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of the shard of this number, in the order of their positions."""
    state = version(path)
    footer = _footer(path, state)
    group = bisect_right(footer.firsts, number) - 1
    before = footer.plan.shards[footer.firsts[group] : number]
    rows = _row_group(path, state, group, columns and tuple(columns))
    return rows.slice(sum(shard.records for shard in before), footer.plan.shards[number].records)


def read_shard_rows(path: AnyPath, number: int) -> list[PlannedRecord]:
    """The records of one shard, in the order of their positions."""
    return [_record(row) for row in read_shard(path, number).to_pylist()]


def read_shard_ids(path: AnyPath, number: int) -> list[str]:
    """Their ids alone."""
    ids: list[str] = read_shard(path, number, ("id",))["id"].to_pylist()
    return ids


def rejected_tables(path: AnyPath, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows that were rejected while planning, some at a time."""
    state = version(path)
    footer = _footer(path, state)
    for group in range(len(footer.firsts), footer.file.num_row_groups):
        yield _row_group(path, state, group, columns and tuple(columns))


def iter_rejected(path: AnyPath) -> Iterator[PlannedRecord]:
    """The records that were rejected while planning."""
    for table in rejected_tables(path):
        yield from map(_record, table.to_pylist())


def sample_key(id: str) -> str:
    """`[a-z0-9_-]+`, readable and unique: what webdataset and others split alike."""
    slug = _NOT_IN_KEYS.sub("-", id.lower())[:40].strip("-")
    return f"{slug}-{digest('key', id).hex()[:12]}".lstrip("-")


def _record(row: dict[str, Any]) -> PlannedRecord:
    return PlannedRecord(row["key"], row["split"], source_row(row, row["split"]))


@dataclass(frozen=True)
class _Footer:
    plan: Plan
    firsts: list[int]
    """The first shard of each row group that holds shards."""
    file: pq.FileMetaData


@lru_cache(maxsize=1)
def _footer(path: AnyPath, state: str) -> _Footer:
    """Kept in memory for the file in this `state`: it is needed for every shard. CorruptShard where it is no plan's."""
    try:
        with parquet_file(path) as file:
            metadata = file.metadata
            if not file.schema_arrow.equals(PLAN_SCHEMA):
                raise CorruptShard(f"`{path}` is not a plan of this version of lstdata.")
        said = json.loads(metadata.metadata[_KEY])
        if said["version"] != VERSION:
            raise CorruptShard(f"`{path}` is a plan of version {said['version']}, but this one reads {VERSION}.")
        shards = tuple(
            PlannedShard(number=number, **dict(zip(_SAID, values, strict=True)))
            for number, values in enumerate(said["shards"])
        )
        records = sum(shard.records for shard in shards) + said["rejected"]
        if (records, sum(said["groups"])) != (metadata.num_rows, len(shards)):
            raise CorruptShard(f"`{path}` has {metadata.num_rows} rows, but says {records}.")
        seconds = sum(shard.seconds for shard in shards)
        plan = Plan(shards, records, said["rejected"], seconds, said["source"], Rules(**said["rules"]))
        return _Footer(plan, [0, *accumulate(said["groups"])][:-1], metadata)
    except (pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise CorruptShard(f"`{path}` is not a plan: {str(error).rstrip('.')}.") from error


@lru_cache(maxsize=2)
def _row_group(path: AnyPath, state: str, group: int, columns: tuple[str, ...] | None) -> pa.Table:
    """Kept in memory: the next shard that is asked for is most often in the same one."""
    with parquet_file(path, _footer(path, state).file) as file:
        return file.read_row_group(group, columns=columns)
