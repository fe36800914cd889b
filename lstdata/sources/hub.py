"""Hugging Face datasets: Parquet files with the recordings in them, what `save_to_disk` leaves, and audiofolders.

A record with its audio in the dataset is located by file, row group (of an Arrow stream: record batch) and row.
Planning reads no byte of audio, building one row group at a time. Such a record has no length before it is decoded,
unless a column says so, and is all of its recording: columns like `start` and `end` say where it was cut from before.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lstdata import audio
from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, DamagedSource, MissingExtra, Rejected, Unavailable
from lstdata.records import Audio, Coded
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.arrow import (
    arrow_schema,
    audio_cell,
    features,
    holds_bytes,
    holds_paths,
    light_rows,
)
from lstdata.sources.columns import Row, channel, column_mistakes, quoted, record, required_text, stretch
from lstdata.sources.hub_parts import Dataset, Part, dataset_at
from lstdata.sources.locating import LocatedSource, open_located, relative
from lstdata.sources.recordings import PathRecords
from lstdata.sources.rows import rejected, writable
from lstdata.sources.table import checked_columns, first_columns, table_rows
from lstdata.storage import resolve

_Make = Callable[[Row, str], SourceRow]
"""A record of a row's values and its id; raises Rejected."""


@dataclass(frozen=True, slots=True)
class HubSource(LocatedSource):
    """One record per row, in the order of the files' names. Rows are numbered from 0, as `datasets` does.

    Without an `id` column a record is called after its file and row: `data/train-00000-of-00005-17`; in an
    audiofolder after its recording, as in a folder: `train/speaker/17`.
    """

    parts: tuple[Part, ...]
    columns: SourceConfig
    kind: str = "hub"

    def scan(self) -> Iterator[SourceRow]:
        for part in self.parts:
            yield from writable(self._audiofolder(part) if part.is_metadata else self._rows(part))

    def open(self, locator: Locator) -> Audio | Coded:
        if locator.row_group is None or locator.row is None:
            return open_located(self.root, locator)
        place = f"{locator.path}, row group {locator.row_group}, row {locator.row}"
        path = resolve(self.root, locator.path)
        try:
            content, named = audio_cell(path, self.columns.audio, locator.row_group, locator.row)
        except DamagedSource as error:
            raise Rejected("undecodable", str(error).replace(f"`{path}`", f"`{place}`")) from error
        except ConfigError as error:
            raise Unavailable(f"{error} It was there when the build was planned.") from error
        cut = {"start": locator.start, "end": locator.end, "rate": locator.rate, "channel": locator.channel}
        if content is not None:
            return audio.read(place, **cut, content=content)
        if not named:
            raise Rejected("missing_audio", f"`{place}` has neither bytes nor a path in `{self.columns.audio}`.")
        return open_located(self.root, Locator(path=relative(named), **cut))

    def _rows(self, part: Part) -> Iterator[SourceRow]:
        path = resolve(self.root, part.path)
        mistakes, embedded = _checked(path, arrow_schema(path), self.columns)
        if mistakes:
            raise ConfigError(*mistakes)
        columns = replace(self.columns, start="", end="") if embedded else self.columns
        make: _Make = PathRecords(self.root, "", columns).record
        for number, (group, row, values) in enumerate(light_rows(path, columns.audio)):
            if embedded:
                make = _embedded(part.path, group, row, columns)
            yield self._row(part, number, f"{part.stem}-{number}", values, make)

    def _audiofolder(self, part: Part) -> Iterator[SourceRow]:
        path, folder = resolve(self.root, part.path), posixpath.dirname(part.path)
        columns, mistakes = _audiofolder_columns(path, self.columns)
        if mistakes:
            raise ConfigError(*mistakes)
        make = PathRecords(self.root, folder, columns).record
        for number, values in table_rows(path):
            name = values.get(columns.audio) if not isinstance(values, Rejected) else None
            id = f"{part.stem}-{number}"
            if isinstance(name, str) and name:
                id = posixpath.normpath(posixpath.join(folder, posixpath.splitext(name)[0]))
            yield self._row(part, number, id, values, make)

    def _row(self, part: Part, number: int, id: str, values: Row | Rejected, make: _Make) -> SourceRow:
        try:
            if isinstance(values, Rejected):
                raise values
            if self.columns.id in values:
                id = required_text(values, self.columns.id)
            row = make(values, id)
        except Rejected as error:
            return rejected(id, part.path, error.reason, f"row {number} of `{part.path}`: {error.detail}")
        named = part.split if self.columns.splits == "names" else None
        return row if row.split or not named else replace(row, split=named)


def open_hub(path: str, config: SourceConfig) -> HubSource | None:
    """The dataset at a path; None where there is none, or a single table of paths, which is a table like others.

    Raises ConfigError where it lacks a column.
    """
    dataset = dataset_at(path)
    if dataset is None:
        return None
    mistakes = _mistakes(dataset, config)
    if mistakes is None:
        return None
    if config.audio_folder is not None:
        mistakes.append("`source.audio_folder` is for tables: a dataset's paths start at its own folder.")
    if mistakes:
        raise ConfigError(*mistakes)
    return HubSource(root=dataset.root, parts=dataset.parts, columns=config)


def check_hub(path: str) -> None:
    """MissingExtra where a path needs the Hub's client, which is not installed."""
    if path.startswith("hf://"):
        try:
            import huggingface_hub  # noqa: F401
        except ImportError as error:
            raise MissingExtra("reading `hf://`", "huggingface_hub", "hub") from error


def _mistakes(dataset: Dataset, config: SourceConfig) -> list[str] | None:
    """What is wrong with the first file's columns, as all should be like it; None where no file is such a dataset's."""
    first = dataset.parts[0]
    path = resolve(dataset.root, first.path)
    asked = config.kind == "hub"
    if first.is_metadata:
        if not asked and not _names_files(path):
            return None
        return _audiofolder_columns(path, config)[1]
    schema = arrow_schema(path)
    kind = schema.field(config.audio).type if config.audio in schema.names else None
    if kind is None and not any(f.get("_type") == "Audio" for f in features(schema).values()):
        other = next((part for part in dataset.parts[1:] if _has_audio(dataset, part, config)), None)
        if other is not None:
            mistake = f"`{path}` has no column `{config.audio}` (`source.audio`), which `{other.path}` has"
            return [f"{mistake}; it has {quoted(schema.names)}. Move it away, or give the files that are meant."]
        if not asked:
            return None
    if not asked and kind is not None and holds_paths(kind) and not dataset.is_folder:
        return None
    return _checked(path, schema, config)[0]


def _has_audio(dataset: Dataset, part: Part, config: SourceConfig) -> bool:
    return config.audio in arrow_schema(resolve(dataset.root, part.path)).names


def _names_files(path: str) -> bool:
    """Whether a table is an audiofolder's, and not one that is only called so, as LJSpeech's, which has no header."""
    try:
        return "file_name" in first_columns(path)
    except ConfigError:
        return False


def _checked(path: str, schema: Any, config: SourceConfig) -> tuple[list[str], bool]:
    """Every mistake in the column map for one file, and whether the file holds recordings rather than paths."""
    what = f"the dataset's file `{path}`"
    mistakes = column_mistakes(config, schema.names, what, ("audio", "text"))
    if config.audio not in schema.names:
        return mistakes, False
    kind = schema.field(config.audio).type
    embedded = holds_bytes(kind)
    if not embedded and not holds_paths(kind):
        rule = f"the column `{config.audio}` (`source.audio`) of {what} must hold recordings or their paths"
        mistakes.append(f"{rule}, but is {kind!s:.120}.")
    for option in ("start", "end") if embedded else ():
        name = getattr(config, option)
        if name and name != getattr(SourceConfig, option):
            mistakes.append(f"`source.{option}` cuts recordings that are named by path, but {what} holds its own.")
    return mistakes, embedded


def _audiofolder_columns(path: str, config: SourceConfig) -> tuple[SourceConfig, list[str]]:
    names = first_columns(path)
    if config.audio == SourceConfig.audio and config.audio not in names:
        config = replace(config, audio="file_name")
    if config.text == SourceConfig.text and config.text not in names and "transcription" in names:
        config = replace(config, text="transcription")
    return checked_columns(path, config, ("audio",))


def _embedded(path: str, group: int, number: int, columns: SourceConfig) -> _Make:
    """Of a recording inside of the dataset; the name that it has there travels under that of its column."""

    def make(row: Row, id: str) -> SourceRow:
        locator = Locator(path=path, row_group=group, row=number, channel=channel(row, columns))
        name = row.get(columns.audio)
        more = {columns.audio: name} if name else None
        return record(row, columns, id=id, locator=locator, duration=stretch(row, columns).duration, more=more)

    return make
