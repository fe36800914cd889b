"""How much memory the parts need that must not grow with a recording or a corpus: each case in a process of its own.

Run from the project's root: `.venv/bin/python benchmarks/memory.py`, or with the names of cases. What is printed is
memory of the process's own (RssAnon) over what it was when everything was imported.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch

from lstdata import audio
from lstdata.config import SegmentConfig
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.segment.recording import segment_row
from lstdata.segment.silero import SileroDetector
from lstdata.sources.folder import FolderSource

HOUR = 3_600
FLAT = 32.0
"""Megabytes that memory may still grow once a case is under way: what allocators keep, not what a corpus adds."""


def main(names: list[str]) -> int:
    grown: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names or CASES:
            command = [sys.executable, __file__, "--in-process", name, folder]
            lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            points: dict[str, float] = json.loads(lines[-1])
            first, *later = points.values()
            grown[name] = max(later) - first
            print(f"{name:24}" + "   ".join(f"{at}: {used:.0f} MB" for at, used in points.items()), flush=True)
    worst = max(grown, key=lambda name: grown[name])
    verdict = "all flat" if grown[worst] <= FLAT else f"more than {FLAT:.0f} MB"
    print(f"summary: {len(grown)} cases; after the first point at most {grown[worst]:.0f} MB more ({worst}): {verdict}")
    return 0


def streaming(write: Callable[[Path], float], folder: Path) -> dict[str, float]:
    """Memory while a recording is streamed: when a minute has passed, an hour, and the most of any minute after."""
    path = folder / "recording"
    hours = write(path) / HOUR
    before = resident()
    stream = audio.stream(str(path))
    by_minute: list[float] = []
    heard = 0
    for block in stream:
        heard += len(block)
        if heard // (60 * SAMPLE_RATE) > len(by_minute):
            by_minute.append(resident() - before)
    path.unlink()
    assert abs(heard / SAMPLE_RATE / HOUR - hours) < 0.01 * hours, (heard, hours)
    return {
        "1 min": by_minute[0],
        "10 min": by_minute[9],
        f"end, {hours:.0f} h": by_minute[-1],
        "most": max(by_minute[1:]),
    }


def segmenting(folder: Path) -> dict[str, float]:
    """The most memory that cutting a recording by the speech-activity model has needed, from short to long."""
    detector, config = SileroDetector(), SegmentConfig()
    detector.probabilities([minute()])
    before = resident()
    points: dict[str, float] = {}
    for hours in (1, 10):
        name = f"{hours}h.wav"
        seconds = sparse_wav(folder / name, rate=SAMPLE_RATE, channels=1, hours=hours)
        source = FolderSource(root=str(folder))
        (row,) = [row for row in source.scan() if row.locator.path == name]
        with sampled() as samples:
            assert segment_row(source, row, config, detector).rows[0].reject
        assert row.duration == seconds
        points[f"{hours} h"] = max(samples) - before
    return points


def sparse_wav(path: Path, *, rate: int, channels: int, hours: int) -> float:
    """Digital silence that takes no room on the disk."""
    soundfile.write(path, np.zeros((0, channels)), rate, format="WAV", subtype="PCM_16")
    size = hours * HOUR * rate * channels * 2
    with open(path, "r+b") as file:
        header = bytearray(file.read())
        header[4:8] = (36 + size).to_bytes(4, "little")
        header[40:44] = size.to_bytes(4, "little")
        file.seek(0)
        file.write(header)
        file.truncate(44 + size)
    return hours * HOUR


def encoded(path: Path, *, container: str, subtype: str, hours: int) -> float:
    """A minute of noise, again and again."""
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, format=container, subtype=subtype) as file:
        for _ in range(hours * 60):
            file.write(minute())
    return hours * HOUR


def repeated_mp3(path: Path, *, hours: int) -> float:
    """A minute's frames, again and again, without the first, which says how many there are."""
    soundfile.write(path, minute(), SAMPLE_RATE, format="MP3")
    data = path.read_bytes()
    frames = data[data.index(b"\xff\xf3", 4) :]
    with open(path, "wb") as file:
        for _ in range(hours * 60):
            file.write(frames)
    return hours * HOUR


def minute() -> Waveform:
    return np.random.default_rng(0).standard_normal(60 * SAMPLE_RATE, dtype=np.float32) * np.float32(0.002)


def resident() -> float:
    """Megabytes of the process's own in memory now, without those of mapped files, which the system may take back."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) / 1024


@contextmanager
def sampled() -> Iterator[list[float]]:
    """What is resident, every 20 ms, until the block ends."""
    samples = [resident()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            samples.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        ended.set()
        watcher.join()


def warm_up() -> None:
    """What is imported and allocated once per process, whatever it reads."""
    buffer = io.BytesIO()
    soundfile.write(buffer, minute()[: 3 * SAMPLE_RATE], 2 * SAMPLE_RATE, format="FLAC")
    audio.read("warm-up", content=buffer.getvalue())


CASES: dict[str, Callable[[Path], dict[str, float]]] = {
    "stream-wav": partial(streaming, partial(sparse_wav, rate=16_000, channels=1, hours=10)),
    "stream-wav-44k-stereo": partial(streaming, partial(sparse_wav, rate=44_100, channels=2, hours=3)),
    "stream-flac": partial(streaming, partial(encoded, container="FLAC", subtype="PCM_16", hours=10)),
    "stream-mp3": partial(streaming, partial(repeated_mp3, hours=10)),
    "stream-vorbis": partial(streaming, partial(encoded, container="OGG", subtype="VORBIS", hours=1)),
    "segment-wav": segmenting,
}
"""Each returns megabytes by when they were resident, in order; the first is what the others are measured against."""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-process"]:
        torch.set_num_threads(1)
        warm_up()
        print(json.dumps(CASES[sys.argv[2]](Path(sys.argv[3]))))
    else:
        sys.exit(main(sys.argv[1:]))
