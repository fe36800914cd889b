"""A finished run folder as a source: its samples are packed again, no audio is touched."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, CorruptShard, Unavailable
from lstdata.records import SAMPLE_RATE, Codec, Coded, Mask, TextDocument, UnitInventory
from lstdata.run_folder import check_sums, kept_audio, read_finished
from lstdata.shards import StoredSample, iter_samples
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.listing import names_in
from lstdata.sources.rows import rejected, writable
from lstdata.storage import (
    exists,
    is_local,
    parquet_file,
    place,
    read_bytes,
    read_json,
    read_stretch,
    sha256_bytes,
    version,
)
from lstdata.tar_members import iter_members
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_TABLES = ("plan.parquet", "index.parquet", "rejects.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedSample(Coded):
    """A sample as a run holds it."""

    stored: StoredSample
    packing: str
    """Fingerprint of the stage that made it."""


@dataclass(frozen=True, slots=True)
class RunSource:
    """The samples of a run in the order of its index, then its dead letters as rejected rows.

    A locator is a sample's stretch of its tar; `row` is its place in the index, which knows its check sum.
    """

    root: str
    splits: bool
    """Whether the run's splits are kept."""
    packing: str
    """Fingerprint of the stage that made its samples."""
    audio: Codec | None = None
    """What its audio was kept as."""
    kind: str = "run"

    def scan(self) -> Iterator[SourceRow]:
        self.check_tables()
        yield from self.samples()
        yield from self.letters()

    def check_tables(self) -> None:
        """CorruptShard where a table that `scan` reads is not the one that was committed."""
        root = place(self.root)
        check_sums(root, read_finished(root), _TABLES)

    def samples(self, chosen: Mask | None = None) -> Iterator[SourceRow]:
        """In the order of the index, all of them or the `chosen` ones."""
        return writable(self._samples(place(self.root), chosen))

    def letters(self) -> Iterator[SourceRow]:
        return writable(_rejects(place(self.root) / "rejects.parquet"))

    def index(self, columns: Collection[str]) -> Iterator[pa.Table]:
        """Some columns of the index, a row group at a time."""
        with _table(place(self.root) / "index.parquet", columns) as index:
            for group in range(index.num_row_groups):
                yield index.read_row_group(group, columns=list(columns))

    def open(self, locator: Locator) -> Coded | TextDocument:
        """Read one sample, of a document its text; raises CorruptShard where it is not the one that was committed."""
        root = place(self.root)
        path = root / locator.path
        try:
            stretch = read_stretch(path, locator.offset or 0, locator.size or 0)
            sums = _crc32s(self.root, version(root / "index.parquet") if is_local(root) else "")
        except OSError as error:
            if isinstance(error, FileNotFoundError) and (not is_local(root) or root.is_dir()):
                raise CorruptShard(f"`{path}` is missing: run `verify` on `{self.root}`.") from error
            raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error
        if locator.row is None or locator.row >= len(sums) or zlib.crc32(stretch) != sums[locator.row]:
            raise CorruptShard(
                f"`{path}`: the sample at byte {locator.offset} is damaged (crc32 differs): run `verify` on the folder."
            )
        stored = next(iter_samples(stretch, str(path)))[-1]
        sample = stored.sample
        if sample.tokens is not None:
            return TextDocument(text=sample.text or "", custom=sample.custom)
        return PackedSample(
            stored=replace(stored, members=_members(stretch, str(path))),
            packing=self.packing,
            samples=sample.samples,
            units=sample.units,
            activity=sample.activity,
            words=sample.words,
            word_frames=sample.word_frames,
            word_scores=sample.word_scores,
            interpolated=sample.interpolated,
            character_frames=sample.character_frames,
            aligner=sample.aligner,
            score=sample.align_score,
            header_seconds=sample.header_seconds,
            hop=sample.hop,
            audio=stored.audio,
        )

    def inventory(self) -> UnitInventory:
        """By the run's vocab card; its codebook, where it has one, is the new run's."""
        root, card = place(self.root), self.card()
        if card.is_text:
            return UnitInventory(0)
        if card.sample_rate != SAMPLE_RATE:
            raise ConfigError(f"the units of `{root}` must be of signals at {SAMPLE_RATE} Hz.")
        path = root / "codebook.npz"
        if not exists(path):
            origin = str(_json(root / "codebook.json").get("prepared", ""))
            return UnitInventory(card.units, origin=origin, hop=card.hop, audio=self.audio)
        codebook = read_bytes(path)
        if sha256_bytes(codebook) != card.codebook_sha256:
            raise CorruptShard(f"`{path}` is not the one that `vocab.json` describes.")
        return UnitInventory(card.units, codebook, hop=card.hop, audio=self.audio)

    def card(self) -> VocabCard:
        path = place(self.root) / "vocab.json"
        return VocabCard.from_json(_json(path), str(path))

    def _samples(self, root: UPath, chosen: Mask | None) -> Iterator[SourceRow]:
        """The index and the plan side by side, one shard at a time; they have the same order."""
        from lstdata.index import INDEX_SCHEMA
        from lstdata.source_table import ROW_FIELDS, source_row

        planned: dict[str, dict[str, Any]] = {}
        shard = None
        columns = {name for name, _ in ROW_FIELDS} - {"source_split"}
        with (
            _table(root / "plan.parquet", columns) as plan,
            _table(root / "index.parquet", INDEX_SCHEMA.names) as index,
        ):
            shards = _planned(plan)
            for numbers, rows in _row_groups(index, chosen):
                while shard != rows[0]["shard"]:
                    shard, planned = next(shards, (None, {}))
                    if shard is None:
                        raise CorruptShard(
                            f"`{root}`: the plan and the index do not hold the same shards: run `verify` on it."
                        )
                for number, row in zip(numbers, rows, strict=True):
                    if row["id"] not in planned:
                        raise CorruptShard(f"`{root}`: the plan has no `{row['id']}` in shard {shard}: run `verify`.")
                    described = source_row(planned[row["id"]], row["split"] if self.splits else None)
                    locator = Locator(path=f"shards/{shard}.tar", offset=row["offset"], size=row["bytes"], row=number)
                    duration = row["seconds"] if row["text_bytes"] is None else None
                    yield replace(described, locator=locator, duration=duration)


def open_one(path: str, config: SourceConfig) -> RunSource | None:
    """The run in a folder; ConfigError where it is not finished or has no samples, CorruptShard where it is damaged."""
    path = path.rstrip("/") or path
    if not {"run.json", "plan.parquet"} <= set(names_in(path) or ()):
        return None
    run = read_finished(place(path))
    if not run["totals"].get("written"):
        raise ConfigError(f"the run folder `{path}` holds no samples.")
    return RunSource(path, config.splits == "names", run["fingerprints"].get("sample", ""), kept_audio(run))


def _members(stretch: bytes, path: str) -> dict[str, bytes]:
    """Of the one sample that a stretch of a tar holds, by extension."""
    found: dict[str, bytes] = {}
    for _, extension, _, end, content in iter_members(stretch, path):
        found[extension] = content
        if end == len(stretch):
            break
    return found


def _planned(plan: pq.ParquetFile) -> Iterator[tuple[str | None, dict[str, dict[str, Any]]]]:
    """(shard, the plan's rows of it by id); the word times are in the samples. No shard is in two row groups."""
    for group in range(plan.num_row_groups):
        table = plan.read_row_group(group)
        words = table["words"]
        rows = table.drop_columns(["words"]).to_pylist()
        for number, row in enumerate(rows):
            if row["text"] is None and words[number].is_valid:
                row["text"] = " ".join(" ".join(word["text"].split()) for word in words[number].as_py()) or None
        for shard, members in groupby(rows, itemgetter("shard")):
            yield shard, {row["id"]: row | {"words": None} for row in members}


def _rejects(path: UPath) -> Iterator[SourceRow]:
    with _table(path, ("id", "reason", "message", "source")) as table:
        for batch in table.iter_batches(batch_size=1024):
            for letter in batch.to_pylist():
                yield rejected(letter["id"], letter["source"], letter["reason"], letter["message"])


def _row_groups(table: pq.ParquetFile, chosen: Mask | None) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """(their numbers in the table, rows) of each row group that has any that are chosen."""
    first = 0
    for group in range(table.num_row_groups):
        last = first + table.metadata.row_group(group).num_rows
        here = np.arange(first, last) if chosen is None else first + np.flatnonzero(chosen[first:last])
        if len(here):
            yield here.tolist(), table.read_row_group(group).take(here - first).to_pylist()
        first = last


@contextmanager
def _table(path: UPath, columns: Collection[str]) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa

    try:
        with parquet_file(path) as table:
            lacking = sorted(set(columns) - set(table.schema_arrow.names))
            if lacking:
                raise ConfigError(f"`{path}` is of another version of lstdata: it has no column `{lacking[0]}`.")
            yield table
    except (pa.ArrowException, OSError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {' '.join(str(error).split())}.") from error


@lru_cache(maxsize=64)
def _crc32s(root: str, version: str) -> NDArray[np.uint32]:
    """The check sum of every sample, four bytes each; `version` is the index's, lest an old one be kept.

    Behind a URL it is not asked for: that is a request for each sample.
    """
    with _table(place(root) / "index.parquet", ("crc32",)) as table:
        sums: NDArray[np.uint32] = table.read(columns=["crc32"])["crc32"].to_numpy()
    return sums


def _json(path: UPath) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
