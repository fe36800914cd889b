"""The files of a run folder as the report reads them: tables in batches, samples in whole shards."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
from upath import UPath

from lstdata.errors import CorruptShard
from lstdata.inspection.finding import Place
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import parquet_file, read_bytes, read_json

_BATCH = 8192


def iter_batches(path: UPath, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The columns of a Parquet table as numpy arrays, some thousand rows at a time; CorruptShard if it is none."""
    try:
        with parquet_file(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                yield {name: batch[name].to_numpy(zero_copy_only=False) for name in columns}
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error


def read_run_json(path: UPath) -> dict[str, Any]:
    try:
        run: dict[str, Any] = read_json(path)
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    except (OSError, ValueError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
    return run


def read_samples(out: UPath, shards: list[dict[str, Any]], limit: int) -> Iterator[tuple[Place, StoredSample]]:
    """All samples, or those of evenly spread shards, at least one, that hold about `limit`."""
    filled = [row for row in shards if row["samples"]]
    total = sum(row["samples"] for row in filled)
    number = len(filled) if total <= limit else max(1, len(filled) * limit // total)
    for i in range(number):
        row = filled[(2 * i + 1) * len(filled) // (2 * number)]
        path = out / row["path"]
        try:
            data = read_bytes(path)
        except OSError as error:
            raise CorruptShard(f"`{path}` cannot be read: {error.strerror}.") from error
        for start, end, stored in islice(iter_samples(data, str(path)), limit):
            stretch = memoryview(data)[start:end]
            key, id = stored.sample.key, stored.sample.id
            yield Place(key, id, row["shard"], start, len(stretch), zlib.crc32(stretch)), stored
