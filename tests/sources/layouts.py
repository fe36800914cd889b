"""The same utterances in the layout of every kind of source."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile


@dataclass(frozen=True)
class Spoken:
    """One utterance: 16-bit samples at one rate for all, and who says what."""

    id: str
    samples: np.ndarray
    """(samples,) int16."""
    rate: int
    text: str
    speaker: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, self.samples, self.rate, subtype="PCM_16")


Layout = Callable[[Path, Sequence[Spoken]], tuple[Path, list[str]]]
"""Writes a corpus below a folder; returns the source's path and what `--set` it needs."""


def _supervision(spoken: Spoken) -> dict[str, Any]:
    return {
        "id": spoken.id,
        "recording_id": spoken.id,
        "start": 0.0,
        "duration": spoken.seconds,
        "channel": 0,
        "text": spoken.text,
        "speaker": spoken.speaker,
        "language": "en",
    }


def _recording(spoken: Spoken) -> dict[str, Any]:
    return {
        "id": spoken.id,
        "sources": [{"type": "file", "channels": [0], "source": f"audio/{spoken.id}.flac"}],
        "sampling_rate": spoken.rate,
        "num_samples": len(spoken.samples),
        "duration": spoken.seconds,
        "channel_ids": [0],
    }


def _cut(spoken: Spoken) -> dict[str, Any]:
    times = {"id": spoken.id, "start": 0.0, "duration": spoken.seconds, "channel": 0, "type": "MonoCut"}
    return times | {"supervisions": [_supervision(spoken)], "recording": _recording(spoken)}


def _lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def cuts(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / "audio" / f"{spoken.id}.flac")
    _lines(folder / "cuts.jsonl.gz", [_cut(spoken) for spoken in corpus])
    return folder, []


def recordings_and_supervisions(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / "audio" / f"{spoken.id}.flac")
    _lines(folder / "recordings.jsonl.gz", [_recording(spoken) for spoken in corpus])
    _lines(folder / "supervisions.jsonl.gz", [_supervision(spoken) for spoken in corpus])
    return folder, []


def shar(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """Written by lhotse itself."""
    from lhotse import CutSet

    path, _ = cuts(folder / "cuts", corpus)
    (folder / "shar").mkdir()
    manifest = CutSet.from_jsonl(path / "cuts.jsonl.gz").with_recording_path_prefix(path)
    manifest.to_shar(folder / "shar", fields={"recording": "flac"}, shard_size=8)
    return folder / "shar", []


def kaldi(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """All in one recording, with `segments`."""
    one = np.concatenate([spoken.samples for spoken in corpus])
    rate, ends = corpus[0].rate, np.cumsum([len(spoken.samples) for spoken in corpus])
    folder.mkdir(parents=True)
    soundfile.write(folder / "all.wav", one, rate)
    (folder / "wav.scp").write_text("all all.wav\n")
    files: dict[str, list[str]] = {"segments": [], "text": [], "utt2spk": [], "utt2lang": []}
    for spoken, end in zip(corpus, ends.tolist(), strict=True):
        begin = end - len(spoken.samples)
        files["segments"].append(f"{spoken.id} all {begin / rate:.6f} {end / rate:.6f}")
        files["text"].append(f"{spoken.id} {spoken.text}")
        files["utt2spk"].append(f"{spoken.id} {spoken.speaker}")
        files["utt2lang"].append(f"{spoken.id} en")
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder, []


def transcripts_beside(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / f"{spoken.id}.wav")
        (folder / f"{spoken.id}.txt").write_text(spoken.text)
    return folder, []


def librispeech(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / "1" / "2" / f"{spoken.id}.flac")
    (folder / "1" / "2" / "1-2.trans.txt").write_text("".join(f"{spoken.id} {spoken.text}\n" for spoken in corpus))
    return folder, []


def tsv_table(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """Columns with other names, audio in a folder of its own."""
    for spoken in corpus:
        spoken.write(folder / "clips" / f"{spoken.id}.wav")
    rows = [["utt", "path", "sentence", "client_id", "locale"]]
    rows += [[s.id, f"{s.id}.wav", s.text, s.speaker, "en"] for s in corpus]
    (folder / "train.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    names = {"id": "utt", "audio": "path", "audio_folder": "clips", "text": "sentence"}
    names |= {"speaker": "client_id", "language": "locale"}
    return folder / "train.tsv", [f"source.{key}={value}" for key, value in names.items()]


def jsonl_table(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """Stretches of one recording, in milliseconds' columns given in seconds."""
    path, _ = kaldi(folder, corpus)
    times = [line.split() for line in (path / "segments").read_text().splitlines()]
    rows = [
        {"id": s.id, "audio": "all.wav", "text": s.text, "start": float(t[2]), "end": float(t[3])}
        | {"speaker": s.speaker, "language": "en"}
        for s, t in zip(corpus, times, strict=True)
    ]
    _lines(folder / "table.jsonl", rows)
    return folder / "table.jsonl", []


def parquet_table(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / "audio" / f"{spoken.id}.flac")
    rows = [
        {"id": s.id, "audio": f"audio/{s.id}.flac", "text": s.text, "speaker": s.speaker, "language": "en"}
        for s in corpus
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "table.parquet", row_group_size=7)
    return folder / "table.parquet", []


def hub_parquet(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """As on the Hugging Face hub: audio bytes in Parquet files, several row groups each."""
    (folder / "data").mkdir(parents=True)
    rows = []
    for spoken in corpus:
        spoken.write(folder / "one.flac")
        audio = {"bytes": (folder / "one.flac").read_bytes(), "path": f"{spoken.id}.flac"}
        rows.append({"id": spoken.id, "audio": audio, "text": spoken.text, "speaker": spoken.speaker, "language": "en"})
    (folder / "one.flac").unlink()
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        path = folder / "data" / f"train-{number:05d}-of-00002.parquet"
        pq.write_table(pa.Table.from_pylist(part), path, row_group_size=4)
    return folder, []


def hub_arrow(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    """As `save_to_disk` leaves a dataset."""
    path, _ = hub_parquet(folder / "parquet", corpus)
    (folder / "saved").mkdir()
    table = pa.concat_tables([pq.read_table(file) for file in sorted((path / "data").iterdir())])
    name = "data-00000-of-00001.arrow"
    with pa.OSFile(str(folder / "saved" / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    (folder / "saved" / "dataset_info.json").write_text("{}")
    (folder / "saved" / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    return folder / "saved", []


def audiofolder(folder: Path, corpus: Sequence[Spoken]) -> tuple[Path, list[str]]:
    for spoken in corpus:
        spoken.write(folder / "wavs" / f"{spoken.id}.wav")
    rows = [{"file_name": f"wavs/{s.id}.wav", "id": s.id, "text": s.text, "speaker": s.speaker} for s in corpus]
    _lines(folder / "metadata.jsonl", rows)
    return folder, []


AUDIO: dict[str, Layout] = {
    "lhotse cuts": cuts,
    "lhotse recordings and supervisions": recordings_and_supervisions,
    "lhotse Shar": shar,
    "Kaldi with segments": kaldi,
    "transcripts beside the audio": transcripts_beside,
    "LibriSpeech": librispeech,
    "TSV with a column map": tsv_table,
    "JSONL with stretches": jsonl_table,
    "Parquet with paths": parquet_table,
    "Hugging Face Parquet": hub_parquet,
    "Hugging Face Arrow": hub_arrow,
    "Hugging Face audiofolder": audiofolder,
}
"""Every layout that has audio."""
