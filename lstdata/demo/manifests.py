"""Recorded lines as lhotse manifests whose bytes do not depend on where or when they are written.

Paths are relative to the manifest's folder: in lhotse, `CutSet.with_recording_path_prefix(folder)` completes them.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstdata.demo.narration import Recorded
from lstdata.demo.speech import RATE
from lstdata.storage import commit_bytes

Custom = Mapping[str, Any]


def write_recordings(folder: Path, recorded: Sequence[Recorded], base: str) -> None:
    """`folder/recordings.jsonl.gz`; `base` is the part of the lines' paths that leads to `folder`."""
    _commit(folder / "recordings.jsonl.gz", (_recording(r, base).to_dict() for r in recorded))


def write_supervisions(folder: Path, recorded: Sequence[Recorded], customs: Sequence[Custom]) -> None:
    """`folder/supervisions.jsonl.gz`, with the synthesizer's word times as `alignment["word"]`."""
    rows = zip(recorded, customs, strict=True)
    _commit(folder / "supervisions.jsonl.gz", (_supervision(r, custom).to_dict() for r, custom in rows))


def write_cuts(folder: Path, recorded: Sequence[Recorded], customs: Sequence[Custom], base: str) -> None:
    """`folder/cuts.jsonl.gz`: one cut per recording, under the same id, with its supervision."""
    from lhotse import MonoCut

    def cut(r: Recorded, custom: Custom) -> Any:
        recording, supervision = _recording(r, base), _supervision(r, custom)
        return MonoCut(
            id=r.line.id,
            start=0.0,
            duration=recording.duration,
            channel=0,
            supervisions=[supervision],
            recording=recording,
            custom=dict(custom),
        )

    _commit(folder / "cuts.jsonl.gz", (cut(r, custom).to_dict() for r, custom in zip(recorded, customs, strict=True)))


def word_seconds(start: int, end: int) -> tuple[float, float]:
    """(start, duration) at lhotse's resolution of 0.1 ms, so that its `start + duration` is exactly the rounded end."""
    first, last = round(start / RATE, 4), round(end / RATE, 4)
    return first, round(last - first, 4)


def _recording(recorded: Recorded, base: str) -> Any:
    from lhotse import AudioSource, Recording

    return Recording(
        id=recorded.line.id,
        sources=[AudioSource(type="file", channels=[0], source=recorded.line.path.removeprefix(base))],
        sampling_rate=RATE,
        num_samples=recorded.samples,
        duration=recorded.samples / RATE,
        channel_ids=[0],
    )


def _supervision(recorded: Recorded, custom: Custom) -> Any:
    from lhotse import SupervisionSegment
    from lhotse.supervision import AlignmentItem

    words = [AlignmentItem(word.text, *word_seconds(word.start, word.end)) for word in recorded.words]
    return SupervisionSegment(
        id=recorded.line.id,
        recording_id=recorded.line.id,
        start=0.0,
        duration=recorded.samples / RATE,
        channel=0,
        text=recorded.line.text,
        language="en",
        speaker=recorded.line.style.voice,
        alignment={"word": words},
        custom=dict(custom),
    )


def _commit(final: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        for row in rows:
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
    commit_bytes(final, packed.getvalue())
