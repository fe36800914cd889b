"""lhotse Shar: `SPLIT/cuts.NNNNNN.jsonl.gz` and, in step with it, `units.NNNNNN.tar`, for each shard of the run.

A cut's `units` are a temporal array, its supervision has the transcript with the words' times. As lhotse has it, a
supervision counts from the start of its cut, words and arrays from the start of the recording.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from lstdata.export.recordings import Recorded, Recordings
from lstdata.export.samples import Run, Shard
from lstdata.export.writing import InOrder, LeftOut
from lstdata.members import npy, run_lengths
from lstdata.records import SAMPLE_RATE, Sample
from lstdata.shards import StoredSample

_OWN = frozenset(("units", "activity", "split", "license"))
"""Names in `custom` that are ours."""


class SharWriter(InOrder):
    """A shard with its samples is a shard of Shar, numbered anew in each split."""

    def __init__(self, folder: Path, run: Run) -> None:
        self._folder = folder
        self._recordings = Recordings(run)
        self._shards: Counter[str] = Counter()
        self._without_recording = 0

    def write(self, shard: Shard, samples: Iterable[StoredSample]) -> list[LeftOut]:
        left_out: list[LeftOut] = []
        folder = self._folder / shard.split
        recorded = self._recordings.of_shard(shard)
        number = f"{self._shards[shard.split]:06d}"
        lines: list[str] = []
        units = io.BytesIO()
        with tarfile.open(fileobj=units, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
            for stored in samples:
                sample = stored.sample
                if sample.tokens is not None:
                    left_out.append((sample.id, "text_only"))
                    continue
                cut = cut_of(sample, recorded.get(sample.id))
                self._without_recording += "recording" not in cut
                lines.append(json.dumps(cut, ensure_ascii=False, separators=(",", ":")) + "\n")
                _add(tar, f"{cut['id']}.npy", npy(sample.units))
                _add(tar, f"{cut['id']}.json", json.dumps(_array(sample, cut["start"])).encode())
        if lines:
            folder.mkdir(exist_ok=True)
            (folder / f"cuts.{number}.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), 6, mtime=0))
            (folder / f"units.{number}.tar").write_bytes(units.getvalue())
            self._shards[shard.split] += 1
        return left_out

    def close(self) -> dict[str, Any]:
        return {"without_recording": self._without_recording, "shards": dict(self._shards)}


def cut_of(sample: Sample, recorded: Recorded | None) -> dict[str, Any]:
    """A cut as lhotse's manifests have it; without a recording where nobody knows which file has its audio."""
    id = sample.id if _names_member(sample.id) else sample.key
    duration = sample.samples / SAMPLE_RATE
    start: float = 0.0
    channel: int | list[int] = 0
    if recorded is not None:
        start, channel = recorded.start, recorded.channel
        duration = min(duration, recorded.seconds - start)
    custom = _custom(sample) | ({} if id == sample.id else {"id": sample.id})
    cut = {
        "id": id,
        "start": start,
        "duration": duration,
        "channel": channel,
        "supervisions": [_supervision(sample, id, start, duration, channel)],
        "custom": custom,
        "type": "MonoCut" if isinstance(channel, int) else "MultiCut",
    }
    if recorded is not None:
        cut["recording"] = recorded.manifest(sample.recording or sample.id)
    return cut


def _supervision(sample: Sample, id: str, start: float, duration: float, channel: int | list[int]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": id,
        "recording_id": sample.recording or sample.id,
        "start": 0.0,
        "duration": duration,
        "channel": channel,
    }
    said |= {"text": sample.text, "language": sample.language, "speaker": sample.speaker}
    if sample.words and sample.word_frames is not None:
        said["alignment"] = {"word": _alignment(sample, start)}
    return {name: value for name, value in said.items() if value is not None}


def _alignment(sample: Sample, start: float) -> list[list[Any]]:
    """`[word, start, duration]` of each word, with its score where there is one."""
    assert sample.word_frames is not None and sample.words is not None
    edges = sample.word_frames * sample.hop / SAMPLE_RATE
    starts, lengths = (start + edges[:, 0]).round(6), np.diff(edges)[:, 0].round(6)
    items: list[list[Any]] = [list(item) for item in zip(sample.words, starts.tolist(), lengths.tolist(), strict=True)]
    for item, score in zip(items, sample.word_scores or (), strict=False):
        if score is not None:
            item.append(score)
    return items


def _custom(sample: Sample) -> dict[str, Any]:
    """Objects as JSON text, as lhotse takes some for manifests."""
    given = {name: value for name, value in sample.custom.items() if name not in _OWN}
    own = {"split": sample.split, "license": sample.license, "activity": run_lengths(sample.activity)}
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value
        for name, value in (given | own).items()
        if value is not None
    }


def _array(sample: Sample, start: float) -> dict[str, Any]:
    stored = {"storage_type": "shar", "storage_path": "", "storage_key": "", "shape": [sample.frames]}
    return {"array": stored, "temporal_dim": 0, "frame_shift": sample.hop / SAMPLE_RATE, "start": start}


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _names_member(id: str) -> bool:
    """Whether lhotse finds the id again in the name of a tar's member, which stays below the tar's root."""
    path = PurePosixPath(f"{id}.npy")
    below = not path.is_absolute() and ".." not in path.parts and "\0" not in id
    return below and str(path.parent / path.stem) == id
