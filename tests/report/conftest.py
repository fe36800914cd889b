"""A run folder small enough to know every figure of by heart, and a source that still has its audio."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.build.arrange import Rules
from lstdata.build.plan_table import PLAN_SCHEMA, PlanWriter
from lstdata.config import PatchingConfig
from lstdata.errors import Rejected
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, index_row, write_rejects, write_table
from lstdata.patching import utterance_patches
from lstdata.records import HOP, SAMPLE_RATE, Audio, DeadLetter, Sample
from lstdata.shards import StoredSample, write_shard
from lstdata.source_row import Locator, SourceRow
from lstdata.source_table import flat_row
from lstdata.storage import commit_json
from lstdata.vocab import VocabCard


def stored_sample(
    id: str,
    units: Sequence[int],
    words: Sequence[tuple[str, int, int]] | None,
    *,
    split: str = "train",
    **more: Any,
) -> StoredSample:
    frames = len(units)
    activity = np.zeros(frames, dtype=np.bool_)
    activity[1 : frames - 1] = True
    sample = Sample(
        key=re.sub("[^a-z0-9_-]", "-", id.lower()),
        id=id,
        split=split,
        samples=frames * HOP,
        units=np.array(units, dtype=np.uint16),
        activity=activity,
        text=None if words is None else " ".join(w for w, _, _ in words),
        words=None if words is None else tuple(w for w, _, _ in words),
        word_frames=None if words is None else np.array([w[1:] for w in words], dtype=np.int64),
        aligner=None if words is None else "sphinx",
        align_score=None if words is None else -15.0,
        **more,
    )
    strategies = ["static", "silence"] if words is None else ["static", "silence", "aligned"]
    patches = {name: utterance_patches(name, sample, PatchingConfig()) for name in strategies}
    return StoredSample(sample, patches, [["s", 0, frames - 4], ["t", [5, 6]]] if words else [["s", 0, frames]])


def stored_document(id: str, text: str, tokens: Sequence[int], **more: Any) -> StoredSample:
    sample = Sample(
        key=id,
        id=id,
        split="train",
        samples=0,
        units=np.zeros(0, dtype=np.uint16),
        activity=np.zeros(0, dtype=np.bool_),
        text=text,
        words=None,
        word_frames=None,
        tokens=np.array(tokens, dtype=np.uint16),
        **more,
    )
    return StoredSample(sample, {}, ())


def write_run(
    out: Path, shards: dict[str, list[StoredSample]], letters: Sequence[DeadLetter] = (), units: int = 4
) -> Path:
    """A finished run folder with these samples."""
    rows: list[dict[str, Any]] = []
    plan: list[pa.Table] = []
    for name, samples in shards.items():
        buffer = io.BytesIO()
        offsets = write_shard(buffer, samples)
        (out / "shards").mkdir(parents=True, exist_ok=True)
        (out / "shards" / f"{name}.tar").write_bytes(buffer.getvalue())
        data = buffer.getvalue()
        write_table(
            out / "shards" / f"{name}.parquet",
            [index_row(s, name, a, data[a:b]) for s, (a, b) in zip(samples, pairwise(offsets), strict=True)],
            INDEX_SCHEMA,
        )
        rows.append(
            {
                "shard": name,
                "split": samples[0].sample.split,
                "path": f"shards/{name}.tar",
                "samples": len(samples),
                "rejected": 0,
                "seconds": sum(s.sample.samples for s in samples) / SAMPLE_RATE,
                "units": sum(s.sample.frames for s in samples),
                "words": sum(len(s.sample.words or ()) for s in samples),
                "text_bytes": sum(len((s.sample.text or "").encode()) for s in samples if s.sample.tokens is not None),
                "text_tokens": sum(len(s.sample.tokens) for s in samples if s.sample.tokens is not None),
                "bytes": len(data),
            }
        )
        planned = []
        for position, stored in enumerate(samples):
            locator = Locator(path=f"{stored.sample.id}.wav")
            flat = flat_row(SourceRow(id=stored.sample.id, locator=locator, recording="r"), "f")
            flat |= {"key": stored.sample.key, "shard": name, "position": position, "split": stored.sample.split}
            planned.append({column: flat[column] for column in PLAN_SCHEMA.names})
        plan.append(pa.Table.from_pylist(planned, schema=PLAN_SCHEMA))
    write_table(out / "shards.parquet", rows, SHARDS_SCHEMA)
    with pq.ParquetWriter(out / "index.parquet", INDEX_SCHEMA) as writer:
        for name in shards:
            writer.write_table(pq.read_table(out / "shards" / f"{name}.parquet"))
    with PlanWriter(out / "plan.parquet", "x", Rules(300.0, by_speaker=False)) as writer:
        for table in plan:
            writer.shard(table)
    write_rejects(out / "rejects.parquet", letters)
    card = VocabCard(
        text_size=300,
        tokenizer_sha256="t",
        tokenizer_bos=None,
        tokenizer_eos=None,
        units=units,
        codebook_sha256="c",
    )
    commit_json(out / "vocab.json", card.to_json())
    commit_json(
        out / "run.json",
        {
            "format": 1,
            "source": {"path": "corpora/small", "kind": "folder"},
            "config": {
                "about": "",
                "patching": {"patch_size": 4},
                "interleave": {"strategy": "lst"},
                "run": {"workers": 7},
            },
            "versions": {"lstdata": "0.1.0", "numpy": "2", "soundfile": "0.13.1", "libsndfile": "1.2.2"},
            "compute_class": "linux-x86_64",
            "fingerprints": {"source": "0123456789abcdef"},
        },
    )
    return out


@pytest.fixture
def make_stored() -> Callable[..., StoredSample]:
    return stored_sample


@pytest.fixture
def make_document() -> Callable[..., StoredSample]:
    return stored_document


@pytest.fixture
def make_run() -> Callable[..., Path]:
    return write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """3 samples of 10, 20 and 25 frames, one without word times; 4 clusters of which 3 are used."""
    one = [("one", 1, 4), ("two", 4, 9)]
    first = stored_sample("A1", [0] * 4 + [1] * 4 + [2] * 2, one, speaker="ann", language="en", header_seconds=0.45)
    two = [("three", 2, 12), ("four", 14, 20)]
    second = stored_sample("B2", [0, 1] * 10, two, speaker="ben", language="<de>", license="CC0", header_seconds=1.0)
    third = stored_sample("C3", [2] * 25, None, split="validation", language="en")
    letters = [
        DeadLetter("bad-1", "decode", "undecodable", "`a.wav` is not audio.", "a.wav"),
        DeadLetter("bad-2", "words", "alignment_failed", "no path", "b.wav"),
        DeadLetter("bad-3", "words", "alignment_failed", "no path either", "c.wav"),
    ]
    return write_run(tmp_path / "run", {"train-000000": [first, second], "validation-000000": [third]}, letters)


class Tones:
    """A source whose every record is a tone as long as its sample."""

    kind = "tones"
    root = ""

    def __init__(self, lengths: dict[str, int]) -> None:
        self.lengths = lengths

    def scan(self) -> Iterator[SourceRow]:
        raise NotImplementedError

    def open(self, locator: Locator) -> Audio:
        if locator.path not in self.lengths:
            raise Rejected("missing_audio", f"`{locator.path}` is not there any more.")
        n = self.lengths[locator.path]
        samples = (0.5 * np.sin(np.arange(n) / 5)).astype(np.float32)
        return Audio(samples=samples, rate=SAMPLE_RATE, channels=1, decoded=n, promised=n)


@pytest.fixture
def tones() -> Tones:
    return Tones({"A1.wav": 10 * HOP, "B2.wav": 20 * HOP, "C3.wav": 25 * HOP})
