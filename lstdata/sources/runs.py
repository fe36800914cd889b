"""A finished run folder as a source: its samples are packed again, no audio is touched."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, CorruptShard, Unavailable
from lstdata.records import SAMPLE_RATE, Coded, Locator, SourceRow, UnitInventory
from lstdata.run_folder import check_sums, read_finished
from lstdata.shards import iter_samples
from lstdata.sources.rows import rejected, writable
from lstdata.storage import read_json, sha256_bytes
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_TABLES = ("plan.parquet", "index.parquet", "rejects.parquet")


@dataclass(frozen=True, slots=True)
class RunSource:
    """The samples of a run in the order of its index, then its dead letters as rejected rows.

    A locator is a sample's stretch of its tar; `row` is its place in the index, which knows its check sum.
    """

    root: str
    splits: bool
    """Whether the run's splits are kept."""
    kind: str = "run"

    def scan(self) -> Iterator[SourceRow]:
        root = UPath(self.root)
        check_sums(root, read_finished(root), _TABLES)
        yield from writable(self._samples(root))
        yield from writable(_rejects(root / "rejects.parquet"))

    def open(self, locator: Locator) -> Coded:
        """Read one sample; raises CorruptShard where it is not the one that was committed."""
        path = UPath(self.root, locator.path)
        try:
            with path.open("rb") as file:
                file.seek(locator.offset or 0)
                stretch = file.read(locator.size or 0)
            sums = _crc32s(self.root, os.stat(_index(self.root)).st_mtime_ns)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and os.path.isdir(self.root):
                raise CorruptShard(f"`{path}` is missing: run `verify` on `{self.root}`.") from error
            raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error
        if locator.row is None or locator.row >= len(sums) or zlib.crc32(stretch) != sums[locator.row]:
            raise CorruptShard(
                f"`{path}`: the sample at byte {locator.offset} is damaged (crc32 differs): run `verify` on the folder."
            )
        sample = next(iter_samples(stretch, str(path)))[-1].sample
        return Coded(
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
        )

    def inventory(self) -> UnitInventory:
        """By the run's vocab card; its codebook, where it has one, is the new run's."""
        root = UPath(self.root)
        card = VocabCard.from_json(_json(root / "vocab.json"), str(root / "vocab.json"))
        if card.sample_rate != SAMPLE_RATE:
            raise ConfigError(f"the units of `{root}` must be of signals at {SAMPLE_RATE} Hz.")
        path = root / "codebook.npz"
        if not path.exists():
            origin = str(_json(root / "codebook.json").get("prepared", ""))
            return UnitInventory(card.units, origin=origin, hop=card.hop)
        codebook = path.read_bytes()
        if sha256_bytes(codebook) != card.codebook_sha256:
            raise CorruptShard(f"`{path}` is not the one that `vocab.json` describes.")
        return UnitInventory(card.units, codebook, hop=card.hop)

    def _samples(self, root: UPath) -> Iterator[SourceRow]:
        """The index and the plan side by side, one shard at a time; they have the same order."""
        from lstdata.index import INDEX_SCHEMA
        from lstdata.source_table import ROW_FIELDS, source_row

        plan = _table(root / "plan.parquet", {name for name, _ in ROW_FIELDS} - {"source_split"})
        index = _table(root / "index.parquet", INDEX_SCHEMA.names)
        number = 0
        planned: dict[str, dict[str, Any]] = {}
        shard = None
        groups = iter(range(plan.num_row_groups))
        for rows in _row_groups(index):
            while shard != rows[0]["shard"]:
                planned, shard = _planned(plan, next(groups, None), root)
            for row in rows:
                if row["id"] not in planned:
                    raise CorruptShard(f"`{root}`: the plan has no `{row['id']}` in shard {shard}: run `verify` on it.")
                described = source_row(planned[row["id"]], row["split"] if self.splits else None)
                locator = Locator(path=f"shards/{shard}.tar", offset=row["offset"], size=row["bytes"], row=number)
                yield replace(described, locator=locator, duration=row["seconds"])
                number += 1


def open_run(path: str, config: SourceConfig) -> RunSource | None:
    """The run in a folder; ConfigError where it is not finished or has no samples, CorruptShard where it is damaged."""
    named = [os.path.join(path, name) for name in ("run.json", "plan.parquet")]
    if not all(os.path.isfile(name) for name in named):
        return None
    run = read_finished(UPath(path))
    if not run["totals"].get("written"):
        raise ConfigError(f"the run folder `{path}` holds no samples.")
    return RunSource(path, config.splits == "names")


def _planned(plan: pq.ParquetFile, group: int | None, root: UPath) -> tuple[dict[str, dict[str, Any]], str | None]:
    """(the plan's rows of a shard by id, the shard); the word times are in the samples."""
    if group is None:
        raise CorruptShard(f"`{root}`: the plan and the index do not hold the same shards: run `verify` on it.")
    table = plan.read_row_group(group)
    words = table["words"]
    rows = table.drop_columns(["words"]).to_pylist()
    for number, row in enumerate(rows):
        if row["text"] is None and words[number].is_valid:
            row["text"] = " ".join(" ".join(word["text"].split()) for word in words[number].as_py()) or None
    return {row["id"]: row | {"words": None} for row in rows}, rows[0]["shard"]


def _rejects(path: UPath) -> Iterator[SourceRow]:
    for batch in _table(path, ("id", "reason", "message", "source")).iter_batches(batch_size=1024):
        for letter in batch.to_pylist():
            yield rejected(letter["id"], letter["source"], letter["reason"], letter["message"])


def _row_groups(table: pq.ParquetFile) -> Iterator[list[dict[str, Any]]]:
    for group in range(table.num_row_groups):
        yield table.read_row_group(group).to_pylist()


def _table(path: UPath, columns: Collection[str]) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {' '.join(str(error).split())}.") from error
    lacking = sorted(set(columns) - set(table.schema_arrow.names))
    if lacking:
        raise ConfigError(f"`{path}` is of another version of lstdata: it has no column `{lacking[0]}`.")
    return table


def _index(root: str) -> str:
    return os.path.join(root, "index.parquet")


@lru_cache(maxsize=1)
def _crc32s(root: str, written: int) -> NDArray[np.uint32]:
    """The check sum of every sample, four bytes each; `written` is when the index was, lest an old one be kept."""
    sums: NDArray[np.uint32] = _table(UPath(_index(root)), ("crc32",)).read(columns=["crc32"])["crc32"].to_numpy()
    return sums


def _json(path: UPath) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
