"""Long recordings whose speech is noise bursts, and a detector that takes them for speech."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstdata.config import RunConfig
from lstdata.records import Waveform
from lstdata.segment.cutting import FRAME
from lstdata.workers.queue import Line
from lstdata.workers.worker import Worker

RATE = 22_050


def in_this_process(
    make: Callable[[], Callable[[Any], Any]], tasks: Iterable[Any], run: RunConfig, **_: object
) -> Generator[tuple[Any, Any], None, None]:
    """`run_tasks` without its processes, which take seconds to start."""
    worker = Worker(make)
    yield from ((task, worker.do(task)) for task in tasks)


def worked_off_here(
    make: Callable[[], Callable[[Any], Any]], line: Line[Any], run: RunConfig, **_: object
) -> Generator[tuple[Any, Any], None, None]:
    """`work_off` without its processes."""
    worker = Worker(make)
    while (task := line.next()) is not None:
        yield task, worker.do(task)


class LoudIsSpeech:
    """A detector without a model; remembers the blocks that it was given."""

    version = "loud"

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def probabilities(self, blocks: Iterable[Waveform]) -> np.ndarray:
        found, rest = [], np.empty(0, dtype=np.float32)
        for block in blocks:
            self.blocks.append(len(block))
            rest = np.concatenate([rest, block])
            whole = len(rest) // FRAME * FRAME
            found.append(np.abs(rest[:whole]).reshape(-1, FRAME).max(axis=1))
            rest = rest[whole:]
        found.append(np.array([np.abs(rest).max()] if len(rest) else []))
        return (np.concatenate(found) > 0.05).astype(np.float32)


def write_bursts(path: Path, bursts: Sequence[tuple[float, float]], seconds: float, rate: int = RATE) -> None:
    """A recording with noise in these stretches (seconds) and near silence elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    signal = rng.standard_normal(round(seconds * rate)) * 1e-4
    for start, end in bursts:
        signal[round(start * rate) : round(end * rate)] = rng.uniform(
            -0.5, 0.5, round(end * rate) - round(start * rate)
        )
    soundfile.write(path, signal, rate)


def spoken(count: int, seed: int) -> list[dict[str, Any]]:
    """Words with pauses of which some allow a cut."""
    rng, cursor, words = np.random.default_rng(seed), 0.3, []
    for number in range(count):
        length = float(rng.uniform(0.2, 0.6))
        words.append({"word": f"w{number}", "start": round(cursor, 2), "end": round(cursor + length, 2)})
        cursor += length + float(rng.choice([0.02, 0.1, 0.5, 1.2], p=[0.5, 0.2, 0.2, 0.1]))
    return words


def write_corpus(folder: Path) -> Path:
    """Six records: three long ones with word times, a short one, one with a transcript alone, one that is no audio."""
    lines = []
    for number in range(3):
        words = spoken(120, number)
        seconds = words[-1]["end"] + 1
        write_bursts(folder / f"talk-{number}.wav", [(w["start"], w["end"]) for w in words], seconds)
        lines.append({"id": f"talk-{number}", "words": words, "duration": seconds, "language": "en", "topic": "noise"})
    short = spoken(10, 9)
    write_bursts(folder / "short.wav", [(w["start"], w["end"]) for w in short], 9)
    lines.append({"id": "short", "words": short, "text": " ".join(w["word"] for w in short), "duration": 9})
    lines.append({"id": "plain", "text": "nobody knows when", "duration": 50})
    write_bursts(folder / "plain.wav", [(1, 49)], 50)
    lines.insert(1, {"id": "broken", "duration": 60, "words": short})
    (folder / "broken.wav").write_bytes(b"no audio at all")
    rows = [{"audio": f"{line['id']}.wav", "text": "", "speaker": "s"} | line for line in lines]
    (folder / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "table.jsonl"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of `write_corpus`; read only."""
    return write_corpus(tmp_path_factory.mktemp("talks"))
