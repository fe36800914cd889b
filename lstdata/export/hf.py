"""Parquet files as `datasets` loads them, with its features in their metadata, and a dataset card for the Hub.

All that a sample says is there, but for the drawn interleaving and the pieces' times, which are in patches. Frames, not
seconds: integers come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.export.samples import Run, Shard
from lstdata.export.writing import InOrder, LeftOut
from lstdata.index import custom_text
from lstdata.members import run_lengths
from lstdata.records import SAMPLE_RATE
from lstdata.report.card import Published, write_card
from lstdata.report.hub import hub_split
from lstdata.shards import STORED_STRATEGIES, StoredSample

PART_BYTES = 256 << 20
"""Of the tars of a run whose samples are one file: a file ends with the shard that reaches it."""

GROUP_ROWS = 1_000
"""Samples of a row group, but for a shard's last."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, its type, and what the card says of it."""

    name: str
    type: pa.DataType
    meaning: str


_INTS, _PATCHES = pa.list_(pa.int32()), pa.list_(pa.uint16())
_TEXT = pa.string()

COLUMNS = (
    Column("id", _TEXT, "as the source names it"),
    Column("key", _TEXT, "in the run's shards"),
    Column("units", pa.list_(pa.uint16()), "cluster ids, one for each frame, not de-duplicated"),
    Column("hop", pa.int32(), "samples per frame, at 16 kHz"),
    Column("duration", pa.float64(), "seconds, as decoded"),
    Column("text", _TEXT, "the transcript, or a document without speech"),
    Column("tokens", pa.list_(pa.uint32()), "of a document without speech: its ids by the run's tokenizer"),
    Column("words", pa.list_(_TEXT), "its words as written; null without word times"),
    Column("word_start", _INTS, "first frame of each word"),
    Column("word_end", _INTS, "frame after the last of each word; a word may have none"),
    Column("word_score", pa.list_(pa.float32()), "how well each word fits, on the aligner's own scale"),
    Column("interpolated", _INTS, "words, by number, whose times lie between those of their neighbours"),
    Column("character_start", pa.list_(_INTS), "first frame of each character of each word"),
    Column("activity", _INTS, "lengths in frames of silence and speech in turn, silence first"),
    *(
        Column(f"patches_{name.replace('-', '_')}", _PATCHES, f"lengths in frames of the {name} patches")
        for name in STORED_STRATEGIES
    ),
    Column("aligner", _TEXT, "who found the words"),
    Column("align_score", pa.float64(), "how well they fit, on its own scale"),
    Column("recording", _TEXT, "what the utterance is a part of"),
    Column("speaker", _TEXT, ""),
    Column("language", _TEXT, ""),
    Column("license", _TEXT, "as the source says"),
    Column("custom", _TEXT, "other fields of the source, a JSON object"),
)


class HubWriter(InOrder):
    """One Parquet file after another; how many there are of each split is known beforehand, as their names say it."""

    def __init__(self, folder: Path, run: Run) -> None:
        self._folder, self._run = folder, run
        self._paths = part_paths(run.shards)
        self._schema = schema()
        self._open = ExitStack()
        self._path = ""
        self._file: pq.ParquetWriter | None = None

    def write(self, shard: Shard, samples: Iterable[StoredSample]) -> Sequence[LeftOut]:
        file = self._part(self._paths[shard.name])
        rows: list[dict[str, Any]] = []
        for stored in samples:
            rows.append(row_of(stored))
            if len(rows) == GROUP_ROWS:
                file.write_table(self._table(rows))
                rows = []
        if rows:
            file.write_table(self._table(rows))
        return ()

    def close(self) -> dict[str, Any]:
        self._open.close()
        names = {split: hub_split(split) for split in self._run.splits}
        columns = [(column.name, _spelt(column.type), column.meaning) for column in COLUMNS]
        files = {split: (name, f"data/{name}-*.parquet") for split, name in names.items()}
        write_card(self._run.out, UPath(self._folder), Published(files, columns))
        return {}

    def _part(self, path: str) -> pq.ParquetWriter:
        if self._file is None or path != self._path:
            self._open.close()
            whole = self._folder / path
            whole.parent.mkdir(exist_ok=True)
            self._file = self._open.enter_context(pq.ParquetWriter(whole, self._schema, compression="zstd"))
            self._path = path
        return self._file

    def _table(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        arrays = [pa.array([row.get(c.name) for row in rows], type=c.type) for c in COLUMNS]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def part_paths(shards: Sequence[Shard]) -> dict[str, str]:
    """Which file each shard's samples go to; ConfigError where two splits would be called the same."""
    parts: dict[str, list[list[Shard]]] = {}
    for shard in shards:
        of_split = parts.setdefault(shard.split, [[]])
        if sum(other.bytes for other in of_split[-1]) >= PART_BYTES:
            of_split.append([])
        of_split[-1].append(shard)
    names = {split: hub_split(split) for split in parts}
    twice = [split for split, name in names.items() if list(names.values()).count(name) > 1]
    if twice:
        raise ConfigError(f"the splits {' and '.join(twice)} would have one name on the Hub: give `--split` for one.")
    return {
        shard.name: f"data/{names[split]}-{number:05d}-of-{len(of_split):05d}.parquet"
        for split, of_split in parts.items()
        for number, part in enumerate(of_split)
        for shard in part
    }


def row_of(stored: StoredSample) -> dict[str, Any]:
    """The columns of a sample; those that a document has not are null."""
    sample = stored.sample
    said = {name: getattr(sample, name) for name in ("id", "key", "text", "tokens", "language", "license")}
    said["custom"] = custom_text(sample.custom)
    return said if sample.tokens is not None else said | _spoken(stored)


def _spoken(stored: StoredSample) -> dict[str, Any]:
    sample = stored.sample
    frames = sample.word_frames
    return {
        "units": sample.units,
        "hop": sample.hop,
        "duration": sample.samples / SAMPLE_RATE,
        "words": sample.words,
        "word_start": None if frames is None else frames[:, 0],
        "word_end": None if frames is None else frames[:, 1],
        "word_score": sample.word_scores,
        "interpolated": None if frames is None else sample.interpolated,
        "character_start": sample.character_frames,
        "activity": run_lengths(sample.activity),
        **{f"patches_{name.replace('-', '_')}": _patches(stored, name) for name in STORED_STRATEGIES},
        "aligner": sample.aligner,
        "align_score": sample.align_score,
        "recording": sample.recording,
        "speaker": sample.speaker,
    }


def _patches(stored: StoredSample, strategy: str) -> Any:
    found = stored.patches.get(strategy)
    return None if found is None else found.astype(np.uint16)


def schema() -> pa.Schema:
    """With the features that `datasets` would else guess; `Sequence` is what all its versions read."""
    said = {"info": {"features": {column.name: _feature(column.type) for column in COLUMNS}}}
    metadata = {"huggingface": json.dumps(said, separators=(",", ":"))}
    return pa.schema([(column.name, column.type) for column in COLUMNS], metadata=metadata)


def _feature(type: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(type):
        return {"feature": _feature(type.value_type), "_type": "Sequence"}
    return {"dtype": _spelt(type), "_type": "Value"}


def _spelt(type: pa.DataType) -> str:
    """As `datasets` calls it; a list as `list<…>`."""
    if pa.types.is_list(type):
        return f"list<{_spelt(type.value_type)}>"
    return {"double": "float64", "float": "float32"}.get(str(type), str(type))
