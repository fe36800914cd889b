"""A Parquet file of source rows, with where they came from: what `segment` and `transcribe` leave, read as a source.

The rows' audio stays where it is: a row file names the source it was made from and opens records through that. A
source that lies near (beside the file's folder, in it or below it) is named relative to the file, so that both can be
moved together; any other by its absolute path, so that the file can be moved alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from upath import UPath

from lstdata.config import SourceConfig, from_dict, to_dict
from lstdata.errors import ConfigError, CorruptShard, DamagedSource, Rejected
from lstdata.records import Audio, Coded, TextDocument, UnitInventory
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.arrow import whose_fault
from lstdata.sources.encoding import open_bytes
from lstdata.sources.listing import is_file, names_in
from lstdata.sources.locating import relative
from lstdata.storage import absolute, committing, is_url

if TYPE_CHECKING:
    from lstdata.sources import Source

FORMAT = 2
NAMES = ("transcripts.parquet", "segments.parquet")
"""Row files by which a folder is known, the first wins: transcripts are made of segments."""

_KEY = b"lstdata rows"
_ROW_GROUP = 4096


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a row file was made from, and how."""

    rows: str
    """What the rows are: `segments` or `transcripts`."""
    source: str
    """Absolute path or URL of the source."""
    config: SourceConfig
    """How that source is read; its kind is never `auto`."""
    scan: str
    """Fingerprint of the source's rows, as `lstdata.source_table.scan_fingerprint` gives it."""
    by: Mapping[str, Any] = field(default_factory=dict)
    """JSON values: options and versions of what made the rows."""


def origin(rows: str, path: str, source: Source, config: SourceConfig, scan: str, by: Mapping[str, Any]) -> Origin:
    """That of a file made from the source opened at `path`, which may be a row file or a folder that holds one."""
    if isinstance(source, RowFile):
        path = source.path
    path = absolute(path)
    known = from_dict(SourceConfig, to_dict(config) | {"kind": source.kind})
    return Origin(rows=rows, source=path, config=known, scan=scan, by=by)


def write_rows(path: UPath, rows: Iterable[SourceRow], origin: Origin) -> int:
    """Commit a row file as a stream; the number of rows. Equal rows and origins give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lstdata.source_table import ROW_SCHEMA, flat_row, row_fingerprint

    schema = ROW_SCHEMA.with_metadata({_KEY: json.dumps(_header(path, origin), sort_keys=True, ensure_ascii=False)})
    coming, written = iter(rows), 0
    with committing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch := [flat_row(row, row_fingerprint(row)) for row in islice(coming, _ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            written += len(batch)
    return written


@dataclass(frozen=True)
class RowFile:
    """The rows of a row file; their audio is opened through the source that the file was made from."""

    path: str
    """Absolute path or URL of the file."""
    origin: Origin
    kind: str = "rows"

    @classmethod
    def opened(cls, path: str, *, source: str | None = None) -> RowFile:
        """The row file at a path; `source` says where the source of its rows is now, if not where the file says.

        ConfigError where it is none of this version's.
        """
        path = absolute(path)
        found = read_origin(path)
        if found is None:
            raise ConfigError(f"`{path}` is no row file: it was not made by `lstdata segment` or `lstdata transcribe`.")
        return cls(path, found if source is None else replace(found, source=source))

    @property
    def root(self) -> str:
        return self.inner.root

    @cached_property
    def inner(self) -> Source:
        """The source of the rows, opened at the first need."""
        from lstdata.sources import open_source

        if self.origin.source == self.path:
            raise ConfigError(f"`{self.path}` names itself as the source of its rows.")
        try:
            return open_source(self.origin.source, self.origin.config)
        except (ConfigError, DamagedSource) as error:
            raise type(error)(f"`{self.path}` was made from `{self.origin.source}`: {error}") from error

    def scan(self) -> Iterator[SourceRow]:
        import pyarrow.parquet as pq

        try:
            with whose_fault(self.path), open_bytes(self.path) as file:
                for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROW_GROUP):
                    for flat in batch.to_pylist():
                        yield _contained(flat)
        except DamagedSource as error:
            raise CorruptShard(str(error)) from error

    def open(self, locator: Locator) -> Audio | Coded | TextDocument:
        return self.inner.open(locator)

    def inventory(self) -> UnitInventory | None:
        return self.inner.inventory()


def open_rows(path: str, config: SourceConfig) -> RowFile | None:
    """The row file at a path or, by its usual name, in the folder there; None where there is none."""
    if not path.endswith(".parquet") or os.path.isdir(path):
        names = names_in(path) or ()
        found = [os.path.join(path, name) for name in NAMES if name in names and is_file(os.path.join(path, name))]
        return RowFile.opened(found[0]) if found else None
    if config.kind == "auto" and read_origin(path) is None:
        return None
    return RowFile.opened(path)


def read_origin(path: str) -> Origin | None:
    """What a row file says it was made from; None for a file that is no row file.

    ConfigError for one of another format, CorruptShard for one that does not hold what it should, DamagedSource for
    one that is not Parquet.
    """
    with _parquet(path) as file:
        text = (file.schema_arrow.metadata or {}).get(_KEY)
        if text is None:
            return None
        header = _checked_header(path, text)
        from lstdata.source_table import ROW_SCHEMA

        if not file.schema_arrow.equals(ROW_SCHEMA):
            raise CorruptShard(f"`{path}` has other columns than row files of format {FORMAT} have.")
    source = header["source"]
    if not is_url(source) and not os.path.isabs(source):
        source = os.path.normpath(os.path.join(os.path.dirname(path), source))
    config = from_dict(SourceConfig, header["config"])
    return Origin(rows=header["rows"], source=source, config=config, scan=header["scan"], by=header["by"])


def _header(path: UPath, origin: Origin) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "rows": origin.rows,
        "source": _named_from(str(path.absolute().parent), origin.source),
        "config": to_dict(origin.config),
        "scan": origin.scan,
        "by": dict(origin.by),
    }


def _checked_header(path: str, text: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(text)
        if header["format"] != FORMAT:
            raise ConfigError(
                f"`{path}` is a row file of format {header['format']}, but this version of lstdata reads format "
                f"{FORMAT}: make it anew."
            )
        kinds = {"rows": str, "source": str, "config": dict, "scan": str, "by": dict}
        if not all(isinstance(header[key], kind) for key, kind in kinds.items()):
            raise TypeError("a value of another type")
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptShard(f"`{path}` does not say what it was made from: {error!r}.") from error
    return header


def _named_from(folder: str, source: str) -> str:
    """A source as a file in `folder` names it: relative where it is in the folder that holds `folder`, or below it."""
    if is_url(source) or is_url(folder):
        return source
    near = os.path.relpath(source, folder)
    return source if near.startswith(os.path.join(os.pardir, os.pardir)) else near


def _contained(flat: Mapping[str, Any]) -> SourceRow:
    """A row of the file; one whose path leaves the source's folder is rejected."""
    from lstdata.source_table import source_row

    row = source_row(flat, flat["source_split"])
    try:
        relative(row.locator.path)
    except Rejected as error:
        return row if row.reject is not None else replace(row, reject=(error.reason, error.detail))
    return row


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with open_bytes(path) as binary:
        with whose_fault(path):
            file = pq.ParquetFile(binary)
        yield file
