"""Which sample is meant, and its part of a shard."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from lstdata.errors import ConfigError, CorruptShard
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.randomness import rng
from lstdata.run_folder import read_finished
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import exists, read_stretch

_ALIKE: Final = 3
"""Names that are offered in place of one that is not there."""

_POOL: Final = 2_000
"""Names that are compared letter by letter: 80 µs each."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sample's part of a shard, as the index has it."""

    key: str
    id: str
    shard: str
    offset: int
    bytes: int
    crc32: int

    COLUMNS = ("key", "id", "shard", "offset", "bytes", "crc32")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of the index that has these columns, and perhaps others."""
        key, id, shard = (str(row[name]) for name in ("key", "id", "shard"))
        return cls(key, id, shard, int(row["offset"]), int(row["bytes"]), int(row["crc32"]))


def open_finished(out: UPath) -> dict[str, Any]:
    """The `run.json` of a finished run folder; ConfigError where `out` is none."""
    if not exists(out / "run.json"):
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    return read_finished(out)


def find_place(out: UPath, name: str) -> Place:
    """Of the sample of this key, or else of this id; ConfigError, with names alike, where there is none."""
    table = read_table(out / "index.parquet", INDEX_SCHEMA, Place.COLUMNS)
    for column in ("key", "id"):
        found = table.filter(pc.field(column) == name).to_pylist()
        if found:
            return Place.of(found[0])
    alike = ", ".join(f"`{other}`" for other in _alike(table, name))
    raise ConfigError(f"`{out}` has no sample of the key or id `{name}`" + (f"; it has {alike}." if alike else "."))


def _alike(table: pa.Table, name: str) -> list[str]:
    """Some ids and keys that contain the name, or else look like it: of many, only those that begin like it."""
    names = (
        pa.concat_arrays([*table["id"].chunks, *table["key"].chunks]) if table.num_rows else pa.array([], pa.string())
    )
    containing = names.filter(pc.match_substring(names, name, ignore_case=True))[:_ALIKE].to_pylist() if name else []
    start = name
    pool = names if len(names) <= _POOL else names[:0]
    while start and len(pool) < _ALIKE:
        start = start[:-1]
        pool = names.filter(pc.starts_with(names, start))
    found: list[str] = [*containing, *get_close_matches(name, pool[:_POOL].to_pylist(), _ALIKE)]
    return list(dict.fromkeys(found))[:_ALIKE]


def draw_place(out: UPath, seed: int) -> Place:
    """Of any sample, each as likely; ConfigError where there is none."""
    table = read_table(out / "index.parquet", INDEX_SCHEMA, Place.COLUMNS)
    if not table.num_rows:
        raise ConfigError(f"`{out}` has no sample: no record became one.")
    [row] = table.slice(int(rng(seed, 0, "", "inspect").integers(table.num_rows)), 1).to_pylist()
    return Place.of(row)


def read_sample(out: UPath, place: Place) -> StoredSample:
    """The sample at a place, by one request; CorruptShard names shard and sample where it is damaged."""
    shards = read_table(out / "shards.parquet", SHARDS_SCHEMA, ("shard", "path"))
    path = next((out / row["path"] for row in shards.to_pylist() if row["shard"] == place.shard), None)
    if path is None:
        raise CorruptShard(f"`{out / 'shards.parquet'}` lacks the shard `{place.shard}` of the index.")
    return read_at(path, place)


def read_at(path: UPath, place: Place) -> StoredSample:
    """The sample at its place in a shard; CorruptShard names both where it is damaged, the shard where it is gone."""
    try:
        stretch = read_stretch(path, place.offset, place.bytes)
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    if zlib.crc32(stretch) != place.crc32:
        raise CorruptShard(f"`{path}`: sample `{place.id}` is damaged (crc32 differs).")
    return next(iter_samples(stretch, str(path)))[-1]
