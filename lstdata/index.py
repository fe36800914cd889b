"""The tables beside the shards: one row per sample, one per shard, one per dead letter."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from lstdata.errors import CorruptShard
from lstdata.records import SAMPLE_RATE, DeadLetter
from lstdata.shards import STORED_STRATEGIES, StoredSample
from lstdata.storage import committing, parquet_file


def positions_column(strategy: str) -> str:
    """Of index and shards: the positions that a strategy makes of the speech."""
    return f"positions_{strategy.replace('-', '_')}"


INDEX_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("id", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("bytes", pa.int32()),
        ("crc32", pa.uint32()),
        ("split", pa.string()),
        ("seconds", pa.float64()),
        ("header_seconds", pa.float64()),
        ("units", pa.int32()),
        ("words", pa.int32()),
        ("text_bytes", pa.int32()),
        ("text_tokens", pa.int32()),
        ("interpolated", pa.int32()),
        *((positions_column(name), pa.int32()) for name in STORED_STRATEGIES),
        ("align_score", pa.float64()),
        ("recording", pa.string()),
        ("speaker", pa.string()),
        ("language", pa.string()),
        ("license", pa.string()),
        ("custom", pa.string()),
    ]
)
SHARDS_SCHEMA = pa.schema(
    [
        ("shard", pa.string()),
        ("split", pa.string()),
        ("path", pa.string()),
        ("samples", pa.int32()),
        ("rejected", pa.int32()),
        ("seconds", pa.float64()),
        ("units", pa.int64()),
        ("words", pa.int64()),
        ("text_bytes", pa.int64()),
        ("text_tokens", pa.int64()),
        *((positions_column(name), pa.int64()) for name in STORED_STRATEGIES),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
    ]
)
REJECTS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("source", pa.string()),
        ("environmental", pa.bool_()),
    ]
)


def index_row(stored: StoredSample, shard: str, offset: int, stretch: bytes | memoryview) -> dict[str, Any]:
    """What the index says of a sample; `stretch` is its part of the tar, from its first header at `offset`."""
    sample = stored.sample
    return {
        "key": sample.key,
        "id": sample.id,
        "shard": shard,
        "offset": offset,
        "bytes": len(stretch),
        "crc32": zlib.crc32(stretch),
        "split": sample.split,
        "seconds": sample.samples / SAMPLE_RATE,
        "header_seconds": sample.header_seconds,
        "units": sample.frames,
        "words": None if sample.words is None else len(sample.words),
        "text_bytes": None if sample.tokens is None else len((sample.text or "").encode()),
        "text_tokens": None if sample.tokens is None else len(sample.tokens),
        "interpolated": None if sample.words is None else len(sample.interpolated),
        **{positions_column(name): len(lengths) for name, lengths in stored.patches.items()},
        "align_score": sample.align_score,
        "recording": sample.recording,
        "speaker": sample.speaker,
        "language": sample.language,
        "license": sample.license,
        "custom": custom_text(sample.custom),
    }


def custom_text(custom: Mapping[str, Any]) -> str | None:
    """Custom fields as JSON with sorted keys; None where there are none."""
    return json.dumps(dict(custom), sort_keys=True, ensure_ascii=False) if custom else None


def write_table(path: UPath, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    """Commit a Parquet table of one row group; equal rows give equal bytes."""
    with committing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary, compression="zstd")


def concatenate(path: UPath, parts: Iterable[UPath], schema: pa.Schema) -> int:
    """Commit one table with a row group per part; the number of rows."""
    rows = 0
    with committing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for part in parts:
            table = read_table(part, schema)
            rows += table.num_rows
            if table.num_rows:
                writer.write_table(table, row_group_size=table.num_rows)
    return rows


def write_rejects(path: UPath, letters: Iterable[DeadLetter]) -> None:
    write_table(path, [asdict(letter) for letter in letters], REJECTS_SCHEMA)


def read_rejects(path: UPath) -> list[DeadLetter]:
    return [DeadLetter(**row) for row in read_table(path, REJECTS_SCHEMA).to_pylist()]


def read_table(
    path: UPath, schema: pa.Schema, columns: Sequence[str] | None = None, data: bytes | None = None
) -> pa.Table:
    """A Parquet table, or some columns of one, that must have this schema; CorruptShard where it has not.

    With `data`, the file's bytes, it is not read again.
    """
    try:
        with parquet_file(path) if data is None else pq.ParquetFile(pa.BufferReader(data)) as file:
            found = file.schema_arrow
            table = file.read(columns=None if columns is None else list(columns))
    except FileNotFoundError as error:
        raise CorruptShard(f"`{path}` is missing.") from error
    except (pa.ArrowException, OSError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
    if not found.equals(schema):
        raise CorruptShard(f"`{path}` has other columns than this version of lstdata writes.")
    return table
