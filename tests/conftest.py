"""Fixtures that several rooms share."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings

from lstdata.build import Asked, build_shards
from lstdata.build.finish import Totals
from lstdata.build.plan_table import PlannedShard
from lstdata.config import BuildConfig, load
from tests.browser import Browser, find_chromium

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

for name in ("COLUMNS", "LINES"):  # the size of a terminal, which pytest-xdist and some shells state
    os.environ.pop(name, None)

signal.signal(signal.SIGINT, signal.default_int_handler)  # the background of a shell ignores it for tests and commands


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings beside the project; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "speech"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; tests that need it are skipped where there is none."""
    browser = Browser(find_chromium(), tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


WORDS = "the old miller saw seven grey geese above the river and so he went home early to tell his sister".split()
RATE = 22_050


def write_cuts(folder: Path, utterances: int, first: int = 0) -> Path:
    """A lhotse corpus of noise bursts, one per word, with exact word times; no synthesizer needed."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    with open(folder / "cuts.jsonl", "a", encoding="utf-8") as manifest:
        for number in range(first, first + utterances):
            rng = np.random.default_rng(number)
            count = int(rng.integers(6, len(WORDS)))
            gaps, lengths = rng.integers(1000, 9000, count + 1), rng.integers(3000, 9000, count)
            starts = np.cumsum(gaps[:-1]) + np.concatenate([[0], np.cumsum(lengths)[:-1]])
            signal = rng.standard_normal(int(starts[-1] + lengths[-1] + gaps[-1])) * 1e-4
            for start, length in zip(starts, lengths, strict=True):
                signal[start : start + length] += rng.standard_normal(length) * 0.2
            name = f"utt-{number:03d}"
            soundfile.write(folder / "audio" / f"{name}.flac", signal.clip(-1, 1), RATE)
            manifest.write(json.dumps(_cut(name, signal.size, WORDS[:count], starts / RATE, lengths / RATE)) + "\n")
    return folder


def _cut(name: str, samples: int, words: list[str], starts: np.ndarray, lengths: np.ndarray) -> dict[str, object]:
    times = [[w, round(float(s), 6), round(float(d), 6)] for w, s, d in zip(words, starts, lengths, strict=True)]
    duration = samples / RATE
    return {
        "id": name,
        "start": 0,
        "duration": duration,
        "channel": 0,
        "type": "MonoCut",
        "supervisions": [
            {
                "id": name,
                "recording_id": name,
                "start": 0,
                "duration": duration,
                "channel": 0,
                "text": " ".join(words),
                "language": "en",
                "speaker": f"s{int(name[-3:]) % 3}",
                "alignment": {"word": times},
            }
        ],
        "recording": {
            "id": name,
            "sources": [{"type": "file", "channels": [0], "source": f"audio/{name}.flac"}],
            "sampling_rate": RATE,
            "num_samples": samples,
            "duration": duration,
            "channel_ids": [0],
        },
    }


@pytest.fixture(scope="session")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve utterances of `write_cuts`; read only."""
    return write_cuts(tmp_path_factory.mktemp("cuts"), 12)


@pytest.fixture
def make_cuts(tmp_path: Path) -> Callable[[int], Path]:
    """A corpus of its own, to break."""
    return lambda utterances: write_cuts(tmp_path / "corpus", utterances)


OPTIONS = ["plan.shard_seconds=15", "tokenizer.vocab_size=300", "run.workers=1", "run.patience=0"]


class Quiet:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.done_before = 0

    def note(self, line: str) -> None: ...

    def building(self, shards: int, done: int, size: float, *, is_text: bool = False) -> None:
        self.done_before = done

    def built(self, shard: PlannedShard, samples: int, reasons: Mapping[str, int]) -> None:
        self.names.append(shard.name)

    def fault(self, line: str) -> None: ...


def build(source: Path, out: Path, *sets: str, listener: Quiet | None = None, rebuild: bool = False) -> Totals:
    config = load(BuildConfig, None, [*OPTIONS, *sets])
    return build_shards(Asked(str(source), out, config, rebuild), listener or Quiet())


@pytest.fixture(scope="session")
def built(cuts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `cuts`; leave it as it was."""
    out = tmp_path_factory.mktemp("built") / "out"
    totals = build(cuts, out)
    assert (totals.planned, totals.written, totals.rejected) == (12, 12, 0)
    return out


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of thirty documents of text; read only."""
    from tests.build.test_text import write_documents

    return write_documents(tmp_path_factory.mktemp("documents") / "docs")


@pytest.fixture(scope="session")
def text_run(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `documents`; leave it as it was."""
    from tests.build.test_text import build_text

    out = tmp_path_factory.mktemp("text_run") / "out"
    assert build_text(documents, out).written == 90
    return out
