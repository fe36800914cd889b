"""Which sample is meant, and its part of a shard."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

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


def find_sample(out: UPath, name: str) -> StoredSample:
    """The sample of this key, or else of this id. ConfigError where there is none; CorruptShard where it is damaged."""
    _check(out)
    table = read_table(out / "index.parquet", INDEX_SCHEMA, ("key", "id", "shard", "offset", "bytes", "crc32"))
    for column in ("key", "id"):
        found = table.filter(pc.field(column) == name).to_pylist()
        if found:
            return _read(out, found[0])
    names = [*table["id"].to_pylist(), *table["key"].to_pylist()]
    alike = ", ".join(f"`{other}`" for other in get_close_matches(name, names, _ALIKE))
    raise ConfigError(f"`{out}` has no sample of the key or id `{name}`" + (f"; it has {alike}." if alike else "."))


def weakest(out: UPath, count: int) -> list[Weak]:
    """The samples of the lowest alignment scores, lowest first; none where nothing was scored."""
    _check(out)
    table = read_table(out / "index.parquet", INDEX_SCHEMA, ("key", "id", "align_score", "seconds", "words"))
    scored = table.filter(pc.field("align_score").is_valid())
    order = pc.sort_indices(scored, sort_keys=[("align_score", "ascending"), ("key", "ascending")])
    return [Weak(**row) for row in scored.take(order[:count]).to_pylist()]


def _check(out: UPath) -> None:
    if not exists(out / "run.json"):
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    read_finished(out)


def _read(out: UPath, row: dict[str, Any]) -> StoredSample:
    shards = read_table(out / "shards.parquet", SHARDS_SCHEMA, ("shard", "path"))
    [path] = [out / shard["path"] for shard in shards.to_pylist() if shard["shard"] == row["shard"]]
    try:
        stretch = read_stretch(path, row["offset"], row["bytes"])
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    if zlib.crc32(stretch) != row["crc32"]:
        raise CorruptShard(f"`{path}`: sample `{row['id']}` is damaged (crc32 differs).")
    return next(iter_samples(stretch, str(path)))[-1]
