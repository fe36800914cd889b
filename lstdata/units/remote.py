"""Units by an encoder that sits elsewhere: recordings go there in chunks, their ids come back."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from lstdata.records import SAMPLE_RATE, Waveform, frame_count
from lstdata.units import UnitExtractor, Units
from lstdata.units.encoder.shapes import ROWS, row_frames, windows

CHUNK_SECONDS: Final = 120
"""Of audio that make a chunk: 8 MB."""

IN_FLIGHT: Final = 2
"""Chunks that are there or on their way: one is worked on while the next one is decoded here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To a chunk."""

    units: list[Units | None]
    """Of each recording, as `UnitExtractor` gives them."""
    wanted: int
    computed: int
    """Frames, as `UnitExtractor` counts them."""


class Host(Protocol):
    """Where the encoder is."""

    def send(self, chunk: Sequence[Waveform]) -> Any:
        """Returns at once, with what `fetch` takes."""

    def fetch(self, sent: Any) -> Answer:
        """Wait for the answer; raises what was raised there, and WorkerDied."""
        ...


def answer(extractor: UnitExtractor, chunk: Sequence[Waveform]) -> Answer:
    """What the host makes of a chunk."""
    extractor.forget()
    before = extractor.wanted, extractor.computed
    done = [found for number, samples in enumerate(chunk) for found in extractor.add(number, samples)]
    units = dict([*done, *extractor.finish()])
    return Answer(
        [units[number] for number in range(len(chunk))],
        extractor.wanted - before[0],
        extractor.computed - before[1],
    )


@dataclass
class RemoteUnits:
    """A UnitExtractor. Recordings whose rows have one length go together, so that batches there lack no rows."""

    host: Host
    hop: int
    wanted: int = 0
    computed: int = 0
    _waiting: dict[int, list[tuple[int, Waveform]]] = field(default_factory=lambda: defaultdict(list))
    """By the length of their row, until there are enough for a batch."""
    _chunk: list[tuple[int, Waveform]] = field(default_factory=list)
    _flying: deque[tuple[list[int], Any]] = field(default_factory=deque)

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Units | None]]:
        cuts = windows(frame_count(len(samples), self.hop), self.hop)
        if len(cuts) > 1:
            self._chunk.append((number, samples))
        else:
            alike = self._waiting[row_frames(cuts[0].end, self.hop)]
            alike.append((number, samples))
            if len(alike) == ROWS:
                self._chunk += alike
                alike.clear()
        if sum(len(wave) for _, wave in self._chunk) < CHUNK_SECONDS * SAMPLE_RATE:
            return []
        self._send()
        return self._land(IN_FLIGHT)

    def finish(self) -> list[tuple[int, Units | None]]:
        for length in sorted(self._waiting):
            self._chunk += self._waiting[length]
        self._waiting.clear()
        if self._chunk:
            self._send()
        return self._land(0)

    def forget(self) -> None:
        self._waiting.clear()
        self._chunk = []
        self._flying.clear()

    def _send(self) -> None:
        numbers = [number for number, _ in self._chunk]
        self._flying.append((numbers, self.host.send([wave for _, wave in self._chunk])))
        self._chunk = []

    def _land(self, left: int) -> list[tuple[int, Units | None]]:
        """Wait until no more than so many chunks are away."""
        done: list[tuple[int, Units | None]] = []
        while len(self._flying) > left:
            numbers, sent = self._flying.popleft()
            found = self.host.fetch(sent)
            self.wanted, self.computed = self.wanted + found.wanted, self.computed + found.computed
            done += zip(numbers, found.units, strict=True)
        return done
