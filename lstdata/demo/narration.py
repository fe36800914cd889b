"""Lines spoken into FLAC files by worker processes: what a line sounds like depends on the line alone."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from lstdata.demo.language import ALL, QUIETER, VOICES, Language
from lstdata.demo.noise import with_noise
from lstdata.demo.speech import RATE, SpokenWord, Style, speak
from lstdata.errors import Unavailable
from lstdata.randomness import rng

Progress = Callable[[int, int], None]
"""Called with (lines spoken, lines in all)."""

_LEAST_SHARE = 8
"""Lines worth starting a process for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A text to be spoken into one file."""

    id: str
    path: str
    """Of the FLAC file, relative to the corpus."""
    text: str
    style: Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A spoken line: its length in samples at 22.05 kHz, and its words."""

    line: Line
    samples: int
    words: tuple[SpokenWord, ...]


def draw_style(seed: int, id: str, language: Language = ALL) -> Style:
    """Voice, speed, pitch, pauses and noise of one utterance or of one pair of completion items."""
    random = rng(seed, 0, id, "demo style")
    voice, pitch = VOICES[random.integers(language.voices)]
    return Style(
        voice=voice,
        words_per_minute=int(random.integers(150, 206)),
        pitch=pitch + int(random.integers(-5, 6)),
        word_gap=int(random.choice((0, 0, 0, 5))),
        pause=int(random.choice((0, RATE // 10, RATE // 4, RATE // 2))),
        lead=int(random.integers(RATE // 20, RATE // 2)),
        tail=int(random.integers(RATE // 10, RATE // 2)),
        snr=None if language.snr is None else language.snr + QUIETER * random.random(),
    )


def record_all(
    lines: Sequence[Line], corpus: Path, *, workers: int | None = None, progress: Progress | None = None
) -> list[Recorded]:
    """Speak every line into its file under `corpus`, in fresh processes; the results are in the order of `lines`.

    Worker w speaks lines w, w + workers, … and sends each result through its own pipe: it ends when this process does.
    """
    for folder in sorted({(corpus / line.path).parent for line in lines}):
        folder.mkdir(parents=True, exist_ok=True)
    count = max(1, min(workers or os.cpu_count() or 1, len(lines) // _LEAST_SHARE))
    context = multiprocessing.get_context("spawn")
    results: dict[Connection, list[Recorded]] = {}
    processes = []
    try:
        for worker in range(count):
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=_record_share, args=(writer, corpus, lines[worker::count]), daemon=True)
            process.start()
            writer.close()
            processes.append(process)
            results[reader] = []
        _collect(results, len(lines), progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    shares = list(results.values())
    return [shares[i % count][i // count] for i in range(len(lines))]


def _collect(results: dict[Connection, list[Recorded]], total: int, progress: Progress | None) -> None:
    done, workers = 0, len(results)
    pending = {reader: len(range(worker, total, workers)) for worker, reader in enumerate(results)}
    while done < total:
        for reader in (r for r in wait([r for r, left in pending.items() if left]) if isinstance(r, Connection)):
            try:
                answer = reader.recv()
            except EOFError as error:
                raise Unavailable("A process that spoke the demo corpus ended early; run it again.") from error
            if isinstance(answer, Exception):
                raise answer
            results[reader].append(answer)
            pending[reader] -= 1
            done += 1
            if progress is not None:
                progress(done, total)


def _record_share(writer: Connection, corpus: Path, lines: Sequence[Line]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in lines:
        try:
            answer: Recorded | Exception = record(corpus, line)
        except Exception as error:
            answer = error
        try:
            writer.send(answer)
        except BrokenPipeError:
            return


def record(corpus: Path, line: Line) -> Recorded:
    """Speak one line into its file (mono, 16-bit FLAC); only a manifest written later makes the file count."""
    import soundfile

    spoken = with_noise(speak(line.text, line.style), line.style.snr, line.id)
    encoded = io.BytesIO()
    soundfile.write(encoded, spoken.samples, RATE, format="FLAC", subtype="PCM_16")
    (corpus / line.path).write_bytes(encoded.getvalue())
    return Recorded(line=line, samples=len(spoken.samples), words=spoken.words)
