"""A table of records: JSON lines, CSV, TSV or Parquet, its columns named by the config."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.source_row import SourceRow
from lstdata.sources.arrow import light_rows
from lstdata.sources.columns import Row, column_mistakes, required_text
from lstdata.sources.delimited import delimited_rows
from lstdata.sources.encoding import json_lines
from lstdata.sources.locating import LocatedSource
from lstdata.sources.recordings import PathRecords
from lstdata.sources.rows import bad_row, rejected, writable
from lstdata.storage import is_url, resolve

TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")

_SAMPLED = 100
"""Lines of JSON that are looked at to learn which columns there are: each may leave some out."""


@dataclass(frozen=True, slots=True)
class TableSource(LocatedSource):
    """One record per row; rows are numbered from 1, a header not counted (JSON lines: the number of the line)."""

    path: str
    columns: SourceConfig
    folder: str = ""
    """Where relative audio paths start, below `root`."""
    kind: str = "table"

    @classmethod
    def opened(cls, path: str, config: SourceConfig) -> TableSource:
        """The table at a path. Raises ConfigError for a column that is required or chosen, and not there."""
        columns, mistakes = checked_columns(path, config, ("audio",))
        root, folder = _audio_place(path, config.audio_folder, mistakes)
        if mistakes:
            raise ConfigError(*mistakes)
        return cls(root=root, path=path, columns=columns, folder=folder)

    def scan(self) -> Iterator[SourceRow]:
        records = PathRecords(self.root, self.folder, self.columns)
        yield from writable(self._row(records, number, row) for number, row in table_rows(self.path))

    def _row(self, records: PathRecords, number: int, row: Row | Rejected) -> SourceRow:
        id = row.get(self.columns.id) if self.columns.id and isinstance(row, Mapping) else None
        try:
            if isinstance(row, Rejected):
                raise row
            return records.record(row, required_text(row, self.columns.id) if self.columns.id else None)
        except Rejected as error:
            name = os.path.basename(self.path)
            if error.reason == "bad_row" or not id:
                return bad_row(number, name, error)
            return rejected(str(id), name, error.reason, f"row {number} of `{name}`: {error.detail}")


def open_table(path: str, config: SourceConfig) -> TableSource | None:
    """The table, where the file is called one. Raises ConfigError for one that cannot be used."""
    if os.path.isdir(path) or not path.removesuffix(".gz").endswith(TABLE_SUFFIXES):
        return None
    return TableSource.opened(path, config)


def table_rows(path: str) -> Iterator[tuple[int, Row | Rejected]]:
    """Each row with its number from 1, or the verdict on a row that cannot be read, as a stream."""
    kind = path.removesuffix(".gz")
    if kind.endswith(".parquet"):
        return _parquet_rows(path)
    return json_lines(path) if kind.endswith(".jsonl") else delimited_rows(path, tabs=kind.endswith(".tsv"))


def checked_columns(path: str, config: SourceConfig, required: tuple[str, ...]) -> tuple[SourceConfig, list[str]]:
    """The column map as this table can have it, and every mistake in it. ConfigError where no row can be read.

    CSV and TSV hold no word times: a column that happens to be called so is one like any other. A table may be without
    ids, but not some of its rows.
    """
    lines = path.removesuffix(".gz").endswith(".jsonl")
    columns = first_columns(path)
    what = f"the table `{path}`"
    mistakes = column_mistakes(config, columns, what, required if lines else (*required, "text"))
    if path.removesuffix(".gz").endswith((".csv", ".tsv")):
        if config.words in columns and config.words != SourceConfig.words:
            mistakes.append(f"`source.words` is for JSON lines and Parquet, but {what} is neither.")
        config = replace(config, words="")
    return config if config.id in columns else replace(config, id=""), mistakes


def first_columns(path: str) -> list[str]:
    """The columns of a table, of JSON lines those of the first `_SAMPLED`. ConfigError where no row can be read."""
    found: dict[str, None] = {}
    verdict: Rejected | None = None
    rows = _SAMPLED if path.removesuffix(".gz").endswith(".jsonl") else 1
    for _, row in table_rows(path):
        if isinstance(row, Rejected):
            verdict = verdict or row
            continue
        found |= dict.fromkeys(row)
        rows -= 1
        if not rows:
            break
    if not found:
        why = "." if verdict is None else f". The first: {verdict.detail}"
        raise ConfigError(f"the table `{path}` has no row that can be read{why}")
    return list(found)


def _audio_place(path: str, audio_folder: str | None, mistakes: list[str]) -> tuple[str, str]:
    """The root of the records, and the folder below it in which relative audio paths start."""
    root = os.path.dirname(path)
    if audio_folder is None:
        return root, ""
    folder = "" if is_url(audio_folder) or os.path.isabs(audio_folder) else posixpath.normpath(audio_folder)
    if folder == ".." or folder.startswith("../"):
        mistakes.append(
            f"`source.audio_folder` must not leave the table's folder, but is `{audio_folder}`; give an absolute path."
        )
    elif not is_url(full := resolve(root, audio_folder)) and not os.path.isdir(full):
        mistakes.append(f"`source.audio_folder` must be a folder, but there is no `{full}`.")
    return (root, folder) if folder else (audio_folder, "")


def _parquet_rows(path: str) -> Iterator[tuple[int, Row | Rejected]]:
    return enumerate((row for _, _, row in light_rows(path)), 1)
