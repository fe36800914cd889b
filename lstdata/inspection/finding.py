"""Which sample is meant, and its part of a shard."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Self

import pyarrow.compute as pc
from upath import UPath

from lstdata.errors import ConfigError, CorruptShard
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.run_folder import read_finished
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import exists, read_stretch

_ALIKE: Final = 3
"""Names that are offered in place of one that is not there."""


@dataclass(frozen=True)
class Weak:
    """A sample whose words fit its audio badly, by its aligner's own score."""

    key: str
    id: str
    align_score: float
    seconds: float
    words: int


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
    names = [*table["id"].to_pylist(), *table["key"].to_pylist()]
    alike = ", ".join(f"`{other}`" for other in get_close_matches(name, names, _ALIKE))
    raise ConfigError(f"`{out}` has no sample of the key or id `{name}`" + (f"; it has {alike}." if alike else "."))


def read_sample(out: UPath, place: Place) -> StoredSample:
    """The sample at a place, by one request; CorruptShard names shard and sample where it is damaged."""
    shards = read_table(out / "shards.parquet", SHARDS_SCHEMA, ("shard", "path"))
    [path] = [out / row["path"] for row in shards.to_pylist() if row["shard"] == place.shard]
    try:
        stretch = read_stretch(path, place.offset, place.bytes)
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    if zlib.crc32(stretch) != place.crc32:
        raise CorruptShard(f"`{path}`: sample `{place.id}` is damaged (crc32 differs).")
    return next(iter_samples(stretch, str(path)))[-1]


def weakest(out: UPath, count: int) -> list[Weak]:
    """The samples of the lowest alignment scores, lowest first; none where nothing was scored."""
    table = read_table(out / "index.parquet", INDEX_SCHEMA, ("key", "id", "align_score", "seconds", "words"))
    scored = table.filter(pc.field("align_score").is_valid())
    order = pc.sort_indices(scored, sort_keys=[("align_score", "ascending"), ("key", "ascending")])
    return [Weak(**row) for row in scored.take(order[:count]).to_pylist()]
