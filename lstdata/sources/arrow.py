"""Parquet files and Arrow streams: rows without what is heavy in them, and the one cell that holds a record's audio.

A Parquet file is read row group by row group; of an Arrow stream, which is how `datasets` saves to disk, a record
batch takes the part of a row group. Columns of bytes, and arrays of floats as decoded audio is, are never among a row's
values; bytes are read only of the group that was asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from lstdata.errors import ConfigError, DamagedSource, LstDataError, Rejected, Unavailable
from lstdata.sources.encoding import open_bytes
from lstdata.storage import is_url

ARROW_SUFFIXES = (".parquet", ".arrow")

_BATCH = 1024
"""Rows whose values are in memory at a time."""

_PIECE = 8
"""Rows of audio that become one array, which can hold 2 GiB: a row group may have more."""


def arrow_schema(path: str) -> Any:
    """The Arrow schema of a file; ConfigError where there is none, DamagedSource where it is no such file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whose_fault(path):
        if path.endswith(".parquet"):
            with open_bytes(path) as file:
                return pq.ParquetFile(file).schema_arrow
        with _stream(path) as source:
            return pa.ipc.open_stream(source).schema


def light_rows(
    path: str, audio: str | None = None, group: int | None = None
) -> Iterator[tuple[int, int, dict[str, Any] | Rejected]]:
    """Every row as (group, row in it, values by column), or the verdict on a row that is no text where it should be.

    Class labels are their names. Of the column `audio` the path alone is read, where it has one. Where a `group` is
    given, its rows alone.
    """
    schema = arrow_schema(path)
    labels, columns = _labels(schema), _light_columns(schema, audio)
    batches = _parquet_batches if path.endswith(".parquet") else _stream_batches
    with whose_fault(path):
        for here, first, batch in batches(path, columns, group):
            for number, values in enumerate(_values(batch), first):
                if isinstance(values, dict):
                    for name, names in labels.items():
                        values[name] = names[values[name]] if values[name] in range(len(names)) else None
                    if audio is not None and isinstance(values.get(audio), dict):
                        values[audio] = values[audio].get("path")
                yield here, number, values


def audio_cell(path: str, column: str, group: int, row: int) -> tuple[bytes | None, str | None]:
    """(bytes, path) of one row's audio, either maybe None.

    The last row group stays in memory: the next record is most often of the same.
    """
    with whose_fault(path):
        cell = _audio_column(path, column, group)[row].as_py()
    if isinstance(cell, Mapping):
        return cell.get("bytes"), cell.get("path")
    return (cell, None) if isinstance(cell, bytes) else (None, cell)


def holds_bytes(kind: Any) -> bool:
    """Whether an Arrow type is that of recordings kept in the table: bytes, or a struct that has a field of them."""
    from pyarrow import types

    if types.is_struct(kind):
        return any(kind.field(i).name == "bytes" and _is_binary(kind.field(i).type) for i in range(kind.num_fields))
    return _is_binary(kind)


def holds_paths(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def features(schema: Any) -> dict[str, dict[str, Any]]:
    """What `datasets` has noted of its columns in the schema's metadata; nothing where another library wrote it."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    if not isinstance(noted, dict):
        return {}
    return {name: feature for name, feature in noted.items() if name in schema.names and isinstance(feature, dict)}


@lru_cache(maxsize=1)
def _audio_column(path: str, column: str, group: int) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.endswith(".parquet"):
        with open_bytes(path) as file:
            parquet = pq.ParquetFile(file)
            kind = parquet.schema_arrow.field(column).type
            leaves = [f"{column}.{name}" for name in _audio_fields(kind)] or [column]
            pieces = parquet.iter_batches(_PIECE, row_groups=[group], columns=leaves, use_threads=False)
            return pa.chunked_array([piece.column(0) for piece in pieces])
    with _stream(path) as source:
        for number, batch in enumerate(pa.ipc.open_stream(source)):
            if number == group:
                return batch.column(column)
    raise IndexError(f"there is no record batch {group}")


def _audio_fields(kind: Any) -> list[str]:
    from pyarrow import types

    names = [kind.field(i).name for i in range(kind.num_fields)] if types.is_struct(kind) else []
    return [name for name in names if name in ("bytes", "path")]


def _light_columns(schema: Any, audio: str | None) -> list[str]:
    """Names for Parquet's reader: `a.b` is the field b of the column a."""
    columns = []
    for field in schema:
        if field.name == audio and holds_bytes(field.type):
            columns += [f"{audio}.path"] if "path" in _audio_fields(field.type) else []
        elif _is_light(field.type):
            columns.append(field.name)
    return columns


def _is_light(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return all(_is_light(kind.field(i).type) for i in range(kind.num_fields))
    if types.is_map(kind):
        return _is_light(kind.key_type) and _is_light(kind.item_type)
    if types.is_dictionary(kind):
        return _is_light(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return not types.is_floating(kind.value_type) and _is_light(kind.value_type)
    return not _is_binary(kind) and not isinstance(kind, _extension())


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(test(kind) for test in tests)


def _extension() -> Any:
    import pyarrow as pa

    return pa.BaseExtensionType


def _labels(schema: Any) -> dict[str, list[str]]:
    labels = {name: f.get("names") for name, f in features(schema).items() if f.get("_type") == "ClassLabel"}
    return {name: names for name, names in labels.items() if isinstance(names, list)}


def _parquet_batches(path: str, columns: list[str], only: int | None) -> Iterator[tuple[int, int, Any]]:
    """(group, number of the batch's first row in it, batch); of a group that is damaged, a verdict on each row."""
    import pyarrow.parquet as pq

    with open_bytes(path) as file:
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups) if only is None else (only,):
            first = 0
            try:
                for batch in parquet.iter_batches(_BATCH, row_groups=[group], columns=columns, use_threads=False):
                    yield group, first, batch
                    first += batch.num_rows
            except Exception as error:
                if not _is_damage(error):
                    raise
                verdict = Rejected("undecodable", f"row group {group} is damaged: {_one_line(error)}.")
                yield group, first, [verdict] * (parquet.metadata.row_group(group).num_rows - first)


def _stream_batches(path: str, columns: list[str], only: int | None) -> Iterator[tuple[int, int, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    with _stream(path) as source:
        reader = pa.ipc.open_stream(source)
        whole = [name for name in columns if name in reader.schema.names]
        for group, batch in enumerate(reader):
            if only is not None and group != only:
                continue
            light = batch.select(whole)
            for name in columns:
                if name not in whole:
                    column, _, field = name.rpartition(".")
                    light = light.append_column(column, pc.struct_field(batch.column(column), field))
            for first in range(0, batch.num_rows, _BATCH):
                yield group, first, light.slice(first, _BATCH)


@contextmanager
def _stream(path: str) -> Iterator[Any]:
    """Local files are mapped: a batch that is passed over costs nothing."""
    import pyarrow as pa

    if is_url(path):
        with open_bytes(path) as file:
            yield file
    elif not os.path.exists(path):
        raise ConfigError(f"`{path}` does not exist.")
    else:
        with pa.memory_map(path) as mapped:
            yield mapped


def _values(batch: Any) -> list[dict[str, Any] | Rejected]:
    """A batch's rows: the values of each, or the verdict that stands for it."""
    if isinstance(batch, list):
        return batch
    try:
        return list(batch.to_pylist())
    except (OverflowError, ValueError):
        return [_row_values(batch, row) for row in range(batch.num_rows)]


def _row_values(batch: Any, row: int) -> dict[str, Any] | Rejected:
    """One row, in which a time that Python's calendar does not have is None."""
    values: dict[str, Any] = {}
    for name in batch.schema.names:
        try:
            values[name] = batch.column(name)[row].as_py()
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            return Rejected("bad_encoding", f"`{name}` has the byte 0x{byte:02X}, which is not UTF-8.")
        except (OverflowError, ValueError):
            values[name] = None
    return values


@contextmanager
def whose_fault(path: str) -> Iterator[None]:
    """Damage is the file's, a DamagedSource; whatever else reading raises is the world's."""
    try:
        yield
    except (LstDataError, MemoryError):
        raise
    except Exception as error:
        if _is_damage(error):
            raise DamagedSource(f"`{path}` is damaged: {_one_line(error)}.") from error
        raise Unavailable(f"`{path}` cannot be read: {_one_line(error)}.") from error


def _is_damage(error: Exception) -> bool:
    """Arrow says so by an OSError without a number, or by one of its own errors; a file system has numbers."""
    import pyarrow as pa

    if type(error) is OSError:
        return error.errno is None
    return isinstance(error, pa.ArrowException | IndexError | KeyError)


def _one_line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".")
