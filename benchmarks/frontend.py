"""What our front end (audio, features, units) costs beside the bare calls of the libraries that it is made of.

Run from the project's root: `.venv/bin/python benchmarks/frontend.py`. Synthesised recordings of every format, and the
real ones in `../shared/speech` where they are; both sides take turns in one process, on one thread.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.compliance.kaldi as kaldi
from torchaudio.functional import compute_deltas, resample

from lstdata import audio
from lstdata.records import HOP, SAMPLE_RATE
from lstdata.units import mfcc
from lstdata.units.codebook import Codebook

SPEECH = Path(__file__).resolve().parents[2] / "shared" / "speech"
FILES = 25
SECONDS = 12
CLUSTERS = 500
STEPS = ("decode, mix down, resample", "features", "units")
TARGET = 1.3
"""Our time over that of the bare calls."""


@dataclass(frozen=True)
class Format:
    name: str
    rate: int
    channels: int
    container: str
    subtype: str


FORMATS = (
    Format("wav 16 kHz", 16_000, 1, "WAV", "PCM_16"),
    Format("wav 44.1 kHz stereo", 44_100, 2, "WAV", "PCM_16"),
    Format("flac 16 kHz", 16_000, 1, "FLAC", "PCM_16"),
    Format("flac 44.1 kHz", 44_100, 1, "FLAC", "PCM_16"),
    Format("mp3 44.1 kHz", 44_100, 1, "MP3", "MPEG_LAYER_III"),
    Format("ogg vorbis 44.1 kHz", 44_100, 1, "OGG", "VORBIS"),
    Format("opus 48 kHz", 48_000, 1, "OGG", "OPUS"),
)


@dataclass
class Clock:
    """Seconds of processor time by step."""

    spent: Counter[str] = field(default_factory=Counter)
    last: float = 0.0

    def start(self) -> None:
        self.last = time.process_time()

    def lap(self, step: str) -> None:
        now = time.process_time()
        self.spent[step] += now - self.last
        self.last = now


@dataclass
class Cost:
    ours: Counter[str]
    bare: Counter[str]
    seconds: float
    """Of audio."""

    @property
    def ratio(self) -> float:
        return self.ours.total() / self.bare.total()


def main() -> int:
    torch.set_num_threads(1)
    costs: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as folder:
        for form in FORMATS:
            costs[form.name] = measured(written(form, Path(folder)))
    if SPEECH.is_dir():
        real = [p for p in sorted((SPEECH / "english").iterdir()) if p.suffix in (".wav", ".flac", ".mp3")]
        costs[f"{len(real)} real recordings"] = measured(real)
    else:
        print(f"No recordings at {SPEECH}: only synthesised ones are measured.")
    report(costs)
    return 0


def written(form: Format, folder: Path) -> list[Path]:
    """Recordings of noise and tones, no two alike."""
    paths = [folder / f"{form.name.replace(' ', '-')}-{number:02d}" for number in range(FILES)]
    times = np.arange(SECONDS * form.rate) / form.rate
    for number, path in enumerate(paths):
        rng = np.random.default_rng(number)
        signal = rng.standard_normal((len(times), form.channels), dtype=np.float32) * 0.02
        for frequency in rng.uniform(100, 3_000, 3):
            signal += 0.1 * np.sin(2 * np.pi * frequency * times)[:, None]
        soundfile.write(path, signal, form.rate, format=form.container, subtype=form.subtype)
    return paths


def measured(paths: list[Path]) -> Cost:
    """Both sides over the same files, taking turns, after one round that is not counted."""
    features = mfcc.features(audio.read(str(paths[0])).samples)
    centroids = np.random.default_rng(0).standard_normal((CLUSTERS, mfcc.DIMENSIONS)).astype(np.float32)
    book = Codebook(centroids, features.mean(0), features.std(0) + 1e-3, "mfcc")
    our_clock, bare_clock = Clock(), Clock()
    seconds = 0.0
    sides = [(ours, our_clock), (bare, bare_clock)]
    for path in (paths[0], *paths):
        if path is paths[0]:
            our_clock.spent.clear()
            bare_clock.spent.clear()
            seconds = 0.0
        for side, clock in sides:
            clock.start()
            samples = side(str(path), book, clock)
        seconds += samples / SAMPLE_RATE
        sides.reverse()
    return Cost(our_clock.spent, bare_clock.spent, seconds)


def ours(path: str, book: Codebook, clock: Clock) -> int:
    samples = audio.read(path).samples
    clock.lap(STEPS[0])
    features = mfcc.features(samples)
    clock.lap(STEPS[1])
    book.assign(features)
    clock.lap(STEPS[2])
    return len(samples)


def bare(path: str, book: Codebook, clock: Clock) -> int:
    """The same work by plain calls, with no check of anything, no rule of length, no blocks."""
    signal, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = torch.from_numpy(signal).mean(1, keepdim=True).T
    if rate != SAMPLE_RATE:
        mono = resample(mono, rate, SAMPLE_RATE)
    clock.lap(STEPS[0])
    cepstra = kaldi.mfcc(mono, sample_frequency=float(SAMPLE_RATE), use_energy=False).T
    deltas = compute_deltas(cepstra)
    steps = torch.cat([cepstra, deltas, compute_deltas(deltas)]).T
    frames = len(steps) * 160 // HOP
    features = steps[: frames * HOP // 160].reshape(frames, -1, mfcc.DIMENSIONS).mean(1)
    clock.lap(STEPS[1])
    scaled = (features - torch.from_numpy(book.mean)) / torch.from_numpy(book.scale)
    torch.cdist(scaled, torch.from_numpy(book.centroids)).argmin(1).numpy()
    clock.lap(STEPS[2])
    return mono.shape[1]


def report(costs: dict[str, Cost]) -> None:
    """Per kind of recording: times real time, our time over the bare calls', and where it goes."""
    print(f"{'':22}{'x real time':>12}{'ratio':>7}   {'ms per minute of audio, ours / bare calls'}")
    for name, cost in costs.items():
        minutes = cost.seconds / 60
        steps = "   ".join(
            f"{step}: {1000 * cost.ours[step] / minutes:.0f} / {1000 * cost.bare[step] / minutes:.0f}" for step in STEPS
        )
        print(f"{name:22}{cost.seconds / cost.ours.total():12.0f}{cost.ratio:7.2f}   {steps}")
    worst = max(costs, key=lambda name: costs[name].ratio)
    verdict = "met" if costs[worst].ratio <= TARGET else "missed"
    slowest = min(cost.seconds / cost.ours.total() for cost in costs.values())
    print(
        f"summary: {costs[worst].ratio:.2f} of the bare calls' time at most ({worst}), target {TARGET} {verdict}; "
        f"{slowest:.0f}x real time or more on one core"
    )


if __name__ == "__main__":
    sys.exit(main())
