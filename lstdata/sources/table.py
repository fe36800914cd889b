"""A table of records: JSON lines, CSV, TSV or Parquet, its columns named by the config."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.records import Locator, SourceRow
from lstdata.sources.delimited import delimited_rows
from lstdata.sources.encoding import json_lines, open_bytes
from lstdata.sources.locating import LocatedSource, located_seconds, relative
from lstdata.sources.rows import MOST_SECONDS, bad_row, json_values, rejected, split_name, writable
from lstdata.storage import is_url

TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")

_COLUMNS = ("id", "audio", "text", "duration", "speaker", "language")
_REQUIRED = ("id", "audio")

Row = Mapping[str, Any] | Rejected
"""A row's values by column, or the verdict on a row that cannot be read."""


@dataclass(frozen=True, slots=True)
class TableSource(LocatedSource):
    """One record per row; rows are numbered from 1, a header not counted (JSON lines: the number of the line)."""

    path: str
    columns: SourceConfig
    kind: str = "table"

    @classmethod
    def opened(cls, path: str, config: SourceConfig) -> TableSource:
        """The table at a path. Raises ConfigError for a column that is required or chosen, and not there."""
        first = next((row for _, row in _rows(path) if isinstance(row, Mapping)), None)
        if first is None:
            raise ConfigError(f"the table `{path}` has no row that can be read.")
        defaults = SourceConfig()
        headed = not path.removesuffix(".gz").endswith(".jsonl")  # lines of JSON may leave a column out
        required = (*_REQUIRED, "text") if headed else _REQUIRED
        names = [(option, getattr(config, option)) for option in _COLUMNS if getattr(config, option) is not None]
        mistakes = [
            f"the table `{path}` has no column `{name}` (`source.{option}`); it has {', '.join(first)}."
            + (" Without transcripts, give `source.text` null." if option == "text" else "")
            for option, name in names
            if name not in first and (option in required or name != getattr(defaults, option))
        ]
        if mistakes:
            raise ConfigError(*mistakes)
        return cls(root=os.path.dirname(path), path=path, columns=config)

    def scan(self) -> Iterator[SourceRow]:
        yield from writable(self._row(number, row) for number, row in _rows(self.path))

    def _row(self, number: int, row: Row) -> SourceRow:
        try:
            if isinstance(row, Rejected):
                raise row
            return self._record(row)
        except Rejected as error:
            name = os.path.basename(self.path)
            id = row.get(self.columns.id) if isinstance(row, Mapping) and error.reason != "bad_row" else None
            return rejected(str(id), name, error.reason, error.detail) if id else bad_row(number, name, error)

    def _record(self, row: Mapping[str, Any]) -> SourceRow:
        names = self.columns
        id, audio = _required(row, names.id), relative(_required(row, names.audio))
        known = {*(getattr(names, option) for option in _COLUMNS), "split", "license"}
        return SourceRow(
            id=id,
            locator=Locator(path=audio),
            recording=audio,
            duration=self._seconds(row, audio),
            text=(_text(row, names.text) or "").strip() or None if names.text else None,
            speaker=_text(row, names.speaker),
            language=_text(row, names.language),
            license=_text(row, "license"),
            split=split_name(row.get("split")),
            custom=json_values({key: value for key, value in row.items() if key not in known}),
        )

    def _seconds(self, row: Mapping[str, Any], audio: str) -> float | None:
        """By the table, so that a plan needs no audio, or else by the header of a local file."""
        seconds = _seconds(row, self.columns.duration)
        if seconds is not None or is_url(self.root) or is_url(audio):
            return seconds
        try:
            return located_seconds(self.root, audio)
        except Unavailable as error:
            raise Unavailable(f"{error} Or give the table a column `{self.columns.duration}`.") from error


def open_table(path: str, config: SourceConfig) -> TableSource | None:
    """The table, where the file is called one. Raises ConfigError for one that cannot be used."""
    if os.path.isdir(path) or not path.removesuffix(".gz").endswith(TABLE_SUFFIXES):
        return None
    return TableSource.opened(path, config)


def _required(row: Mapping[str, Any], column: str) -> str:
    value = _text(row, column)
    if value is None or not value.strip():
        raise Rejected("bad_row", f"`{column}` must not be empty.")
    return value


def _text(row: Mapping[str, Any], column: str) -> str | None:
    """A text; whole numbers are taken as the texts that they are written as; None where there is nothing."""
    value = row.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise Rejected("bad_row", f"`{column}` must be a text, but is {value!r:.80}.")
    return value or None


def _seconds(row: Mapping[str, Any], column: str) -> float | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (OverflowError, TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds <= MOST_SECONDS:
        raise Rejected("bad_row", f"`{column}` must be seconds from 0 to {MOST_SECONDS:.0f}, but is {value!r:.80}.")
    return seconds


def _rows(path: str) -> Iterator[tuple[int, Row]]:
    kind = path.removesuffix(".gz")
    if kind.endswith(".parquet"):
        return _parquet_rows(path)
    return json_lines(path) if kind.endswith(".jsonl") else delimited_rows(path, tabs=kind.endswith(".tsv"))


def _parquet_rows(path: str) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_bytes(path) as file:
            number = 0
            for batch in pq.ParquetFile(file).iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pa.ArrowException as error:
        raise ConfigError(f"the table `{path}` cannot be read as Parquet: {' '.join(str(error).split())}.") from error
    except OSError as error:
        raise Unavailable(f"the table `{path}` cannot be read: {' '.join(str(error).split())}.") from error
