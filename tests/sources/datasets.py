"""Hugging Face datasets as `datasets` writes them, and what a source makes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from lstdata.config import SourceConfig
from lstdata.records import Audio
from lstdata.source_row import SourceRow
from lstdata.sources import Source, open_source

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {
    "audio": {"sampling_rate": 16_000, "_type": "Audio"},
    "text": {"dtype": "string", "_type": "Value"},
    "gender": {"names": ["female", "male"], "_type": "ClassLabel"},
}
METADATA = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}


def flac(number: int, samples: int = 1_600) -> bytes:
    data = io.BytesIO()
    signal = np.random.default_rng(number).standard_normal(samples + number) * 0.1
    soundfile.write(data, signal, 16_000, format="FLAC")
    return data.getvalue()


def records(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"audio": {"bytes": flac(n), "path": f"clip-{n}.flac"}, "text": f"text {n}", "gender": n % 2, **more}
        for n in range(first, first + count)
    ]


def tabled(rows: Sequence[dict[str, Any]], audio: pa.DataType = AUDIO) -> pa.Table:
    table = pa.Table.from_pylist(list(rows))
    if "audio" in table.schema.names:
        column = pa.array([row.get("audio") for row in rows], audio)
        table = table.set_column(table.schema.get_field_index("audio"), "audio", column)
    return table.replace_schema_metadata(METADATA)


def parquet(path: Path, rows: Sequence[dict[str, Any]], audio: pa.DataType = AUDIO, group: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(tabled(rows, audio), path, row_group_size=group)
    return path


def saved(folder: Path, *files: Sequence[dict[str, Any]], batch: int = 2) -> Path:
    """One split as `Dataset.save_to_disk` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{number:05d}-of-{len(files):05d}.arrow" for number in range(len(files))]
    for name, rows in zip(names, files, strict=True):
        table = tabled(rows)
        with pa.ipc.new_stream(str(folder / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=batch)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": n} for n in names], "_split": None}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    return folder


def opened(path: Path | str, **config: Any) -> Source:
    return open_source(str(path), SourceConfig(**config))


def scan(path: Path | str, **config: Any) -> list[SourceRow]:
    return list(opened(path, **config).scan())


def decoded(source: Source, row: SourceRow) -> int:
    audio = source.open(row.locator)
    assert isinstance(audio, Audio)
    return audio.decoded


def reason(row: SourceRow) -> str | None:
    return row.reject and row.reject[0]
