"""The same samples in other formats, and what it takes to have them back: units, words and their times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset
from lhotse import CutSet, MonoCut, SupervisionSegment
from lhotse.shar import SharWriter
from lhotse.supervision import AlignmentItem

from lstdata.members import run_lengths
from lstdata.shards import StoredSample

BOTH = "all that a shard holds"
LEAST = "units, words with times, text, speaker"


@dataclass(frozen=True)
class Format:
    """One format of a corpus."""

    name: str
    content: str
    path: Path
    read: Callable[[Path], Iterator[int]]
    """Units of each sample, once its units are an array and its words are there with their times."""

    @property
    def bytes(self) -> int:
        files = [self.path] if self.path.is_file() else [p for p in self.path.rglob("*") if p.is_file()]
        return sum(file.stat().st_size for file in files)


def described(stored: StoredSample) -> dict[str, Any]:
    """What a shard says beside units, words and times."""
    sample = stored.sample
    return {
        "split": sample.split,
        "samples": sample.samples,
        "header_seconds": sample.header_seconds,
        "activity": run_lengths(sample.activity),
        "patches": {name: lengths.tolist() for name, lengths in stored.patches.items()},
        "drawn": stored.drawn,
        "aligner": sample.aligner,
        "align_score": sample.align_score,
        "custom": dict(sample.custom),
    }


def write_shar(path: Path, samples: Iterable[StoredSample], *, whole: bool) -> None:
    """lhotse Shar: cuts with the alignment in their supervisions, units as an array of numpy's format."""
    path.mkdir()
    with SharWriter(str(path), fields={"units": "numpy"}, shard_size=1000) as writer:
        for stored in samples:
            sample = stored.sample
            assert sample.words is not None and sample.word_frames is not None
            period = sample.hop / 16_000
            seconds = round(sample.frames * period, 2)
            words = [
                AlignmentItem(word, round(start * period, 2), round((end - start) * period, 2))
                for word, (start, end) in zip(sample.words, sample.word_frames.tolist(), strict=True)
            ]
            supervision = SupervisionSegment(
                id=sample.id,
                recording_id=sample.recording,
                start=0,
                duration=seconds,
                text=sample.text,
                language=sample.language,
                speaker=sample.speaker,
                alignment={"word": words},
            )
            cut = MonoCut(id=sample.id, start=0, duration=seconds, channel=0, supervisions=[supervision])
            if whole:
                cut.custom = described(stored)
            writer.write(cut.attach_tensor("units", sample.units, frame_shift=period, temporal_dim=0))


def read_shar(path: Path) -> Iterator[int]:
    for cut in CutSet.from_shar(in_dir=str(path)):
        assert cut.supervisions[0].alignment is not None
        yield len(cut.load_units())


def write_parquet(path: Path, samples: Iterable[StoredSample]) -> None:
    """One table of one row group, zstd: units as lists of uint16."""
    rows = [
        described(stored)
        | {
            "id": stored.sample.id,
            "recording": stored.sample.recording,
            "speaker": stored.sample.speaker,
            "language": stored.sample.language,
            "text": stored.sample.text,
            "units": stored.sample.units,
            "words": stored.sample.words,
            "word_frames": None if stored.sample.word_frames is None else stored.sample.word_frames.ravel(),
            "drawn": json.dumps(stored.drawn),
            "custom": json.dumps(dict(stored.sample.custom)),
        }
        for stored in samples
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")


def read_parquet(path: Path) -> Iterator[int]:
    for batch in pq.ParquetFile(path).iter_batches(batch_size=256):
        units, words, frames = batch["units"], batch["words"].to_pylist(), batch["word_frames"].to_pylist()
        for number, word_frames in enumerate(frames):
            np.array(word_frames).reshape(-1, 2)
            assert words[number] is not None
            yield len(units[number].values.to_numpy())


def read_lines(path: Path) -> Iterator[int]:
    """The authors' lines: each split at its separators, ids turned into numbers, words counted along the units."""
    for file in sorted(path.rglob("*.on_the_fly")):
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                words: list[tuple[str, int, int]] = []
                units: list[int] = []
                for part in json.loads(line)["interleaved"].split("<LST MODE SEP>")[1:]:
                    kind, _, payload = part.partition(" ")
                    if kind == "TEXT":
                        word = payload.strip()
                    else:
                        start = len(units)
                        units += map(int, payload.split())
                        words.append((word, start, len(units)))
                yield len(np.array(units, dtype=np.uint16))


def read_webdataset(path: Path) -> Iterator[int]:
    tars: Sequence[str] = sorted(map(str, path.glob("*.tar")))
    for sample in webdataset.WebDataset(tars, shardshuffle=False).decode():
        yield len(sample["units.npy"])
