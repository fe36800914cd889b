"""An extractor elsewhere gives what one here gives, chunk by chunk, whatever the order and wherever it fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.units import Units
from lstdata.units.encoder.shapes import ROWS, row_frames
from lstdata.units.remote import CHUNK_SECONDS, IN_FLIGHT, Answer, RemoteUnits, answer

HOP = 320


class Summing:
    """Units that are the recording's first sample; finishes in pairs, as batches do."""

    hop = HOP

    def __init__(self) -> None:
        self.wanted = self.computed = 0
        self._open: dict[int, Waveform] = {}

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Units | None]]:
        self._open[number] = samples
        return self.finish() if len(self._open) == 2 else []

    def finish(self) -> list[tuple[int, Units | None]]:
        done: list[tuple[int, Units | None]] = []
        for number, samples in reversed(self._open.items()):
            frames = len(samples) // HOP
            self.wanted, self.computed = self.wanted + frames, self.computed + 2 * frames
            done.append((number, None if samples[0] < 0 else np.full(frames, samples[0], dtype=np.uint16)))
        self._open.clear()
        return done

    def forget(self) -> None:
        self._open.clear()


class Here:
    """A host in this process, that does its work when it is asked for the answer."""

    def __init__(self) -> None:
        self.chunks: list[list[Waveform]] = []
        self.most = self.away = 0
        self._extractor = Summing()

    def send(self, chunk: Sequence[Waveform]) -> list[Waveform]:
        self.chunks.append(list(chunk))
        self.away += 1
        self.most = max(self.most, self.away)
        return self.chunks[-1]

    def fetch(self, sent: list[Waveform]) -> Answer:
        self.away -= 1
        return answer(self._extractor, sent)


def wave(seconds: float, value: float) -> Waveform:
    return np.full(round(seconds * SAMPLE_RATE), value, dtype=np.float32)


def test_every_recording_gets_its_own_units() -> None:
    host, rng = Here(), np.random.default_rng(0)
    waves = {number: wave(seconds, number % 7 - 1) for number, seconds in enumerate(rng.uniform(0.5, 45, 200))}
    remote = RemoteUnits(host, HOP)
    done = [found for number, samples in waves.items() for found in remote.add(number, samples)]
    early = len(done)
    done += remote.finish()
    assert 0 < early < len(done) and sorted(number for number, _ in done) == list(waves)
    for number, units in done:
        samples = waves[number]
        if samples[0] < 0:
            assert units is None
        else:
            assert units is not None and units.tolist() == [int(samples[0])] * (len(samples) // HOP)
    assert remote.wanted == sum(len(samples) // HOP for samples in waves.values())
    assert remote.computed == 2 * remote.wanted
    assert host.most == IN_FLIGHT + 1, "the next one leaves before the oldest is waited for"


def test_chunks_are_bounded_and_hold_whole_batches() -> None:
    host, rng = Here(), np.random.default_rng(1)
    remote = RemoteUnits(host, HOP)
    for number, seconds in enumerate(rng.uniform(1, 25, 300)):
        remote.add(number, wave(seconds, 0))
    whole = list(host.chunks)
    assert len(whole) > 10
    for chunk in whole:
        assert CHUNK_SECONDS <= sum(len(samples) for samples in chunk) / SAMPLE_RATE < CHUNK_SECONDS + ROWS * 25
        rows = [row_frames(len(samples) // HOP, HOP) for samples in chunk]
        assert all(rows.count(length) % ROWS == 0 for length in rows)


def test_what_is_forgotten_does_not_come_back() -> None:
    host = Here()
    remote = RemoteUnits(host, HOP)
    remote.add(0, wave(2, 1))
    remote.add(1, wave(200, 1))
    remote.forget()
    assert remote.finish() == []


def test_what_fails_there_is_raised_here() -> None:
    class Failing(Here):
        def fetch(self, sent: list[Waveform]) -> Answer:
            raise RuntimeError("no kernel image")

    remote = RemoteUnits(Failing(), HOP)
    remote.add(0, wave(2, 1))
    with pytest.raises(RuntimeError, match="no kernel image"):
        remote.finish()
