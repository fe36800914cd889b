"""The samples of a finished run, shard by shard and checked, as every format takes them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from lstdata.errors import ConfigError, CorruptShard
from lstdata.index import SHARDS_SCHEMA, read_table
from lstdata.run_folder import check_sums, read_finished
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import exists, parquet_file, read_bytes

_TABLES = ("shards.parquet", "index.parquet", "plan.parquet")
_SPLIT = re.compile(r"[A-Za-z0-9_-]+")
_PLACED = ["id", "shard", "offset", "bytes", "crc32"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard that holds samples."""

    name: str
    split: str
    path: str
    samples: int
    bytes: int
    group: int
    """Its row group in the index."""


@dataclass(frozen=True)
class Run:
    """A finished run whose tables are those that were committed, and what of it is exported."""

    out: UPath
    stated: dict[str, Any]
    """`run.json`."""
    shards: tuple[Shard, ...]
    """Those that are exported, in the order of the plan."""

    @property
    def splits(self) -> list[str]:
        return list(dict.fromkeys(shard.split for shard in self.shards))

    @property
    def samples(self) -> int:
        return sum(shard.samples for shard in self.shards)

    def of_split(self, split: str) -> list[Shard]:
        return [shard for shard in self.shards if shard.split == split]


def open_run(out: UPath, splits: Sequence[str] = ()) -> Run:
    """The run in a folder, of these splits or all; ConfigError where it is none, is not finished or has none of one."""
    if not exists(out / "run.json"):
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    stated = read_finished(out)
    check_sums(out, stated, _TABLES)
    filled = [row for row in read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist() if row["samples"]]
    there = sorted({row["split"] for row in filled})
    unknown = [split for split in splits if split not in there]
    if unknown:
        raise ConfigError(f"`--split` must be one of {', '.join(there) or 'none'}, but is {unknown[0]!r}.")
    if not filled:
        raise ConfigError(f"the run folder `{out}` holds no samples.")
    unsafe = next((split for split in there if not _SPLIT.fullmatch(split)), None)
    if unsafe is not None:
        raise CorruptShard(f"`{out}` has a split {unsafe!r}, which cannot name files.")
    shards = [
        Shard(row["shard"], row["split"], row["path"], row["samples"], row["bytes"], group)
        for group, row in enumerate(filled)
    ]
    return Run(out, stated, tuple(shard for shard in shards if not splits or shard.split in splits))


def read_samples(run: Run) -> Iterator[tuple[Shard, Iterator[StoredSample]]]:
    """Each shard with its samples, in order; CorruptShard names one that is not what was committed.

    One shard's tar is in memory at a time.
    """
    with _index(run) as index:
        for shard in run.shards:
            yield shard, _samples(run, index, shard)


def samples_of(run: Run, shard: Shard) -> Iterator[StoredSample]:
    """As `read_samples` has them, of one shard."""
    with _index(run) as index:
        yield from _samples(run, index, shard)


@contextmanager
def _index(run: Run) -> Iterator[pq.ParquetFile]:
    path = run.out / "index.parquet"
    try:
        with parquet_file(path) as index:
            yield index
    except (pa.ArrowException, FileNotFoundError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error


def _samples(run: Run, index: pq.ParquetFile, shard: Shard) -> Iterator[StoredSample]:
    path = run.out / shard.path
    rows = index.read_row_group(shard.group, columns=_PLACED).to_pylist()
    if {row["shard"] for row in rows} != {shard.name} or len(rows) != shard.samples:
        raise CorruptShard(f"`{path}`: the index does not hold the {shard.samples} samples of this shard.")
    try:
        data = memoryview(read_bytes(path))
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    for row in rows:
        stretch = data[row["offset"] : row["offset"] + row["bytes"]]
        if zlib.crc32(stretch) != row["crc32"]:
            raise CorruptShard(f"`{path}`: sample `{row['id']}` is damaged (crc32 differs).")
        yield next(iter_samples(stretch, str(path)))[-1]
