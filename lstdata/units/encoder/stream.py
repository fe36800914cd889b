"""Recordings through an encoder one after the other: alone on a CPU, in batches of fixed shapes on a GPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstdata.checkpoints.loading import exact_arithmetic
from lstdata.records import Waveform
from lstdata.units.encoder.encoder import Encoder
from lstdata.units.encoder.shapes import ROWS, Window, row_frames, windows

Values = NDArray[Any]

Head = Callable[[Tensor], Tensor]
"""What is made of hidden states, frame by frame, where they are: (…, dimensions) → (…) or (…, values)."""


@dataclass
class EncoderStream:
    """Gives the head's values of each recording's frames, in whatever order recordings are finished.

    In batches, a row's shape depends on its own length alone, and its values on the shape and its own samples: other
    recordings, and how many there are, change nothing. While a batch is on the GPU the next one is gathered.
    """

    encoder: Encoder
    head: Head
    batched: bool
    windowed: bool = True
    """False: long recordings go through whole too."""
    computed: int = 0
    """Frames that went through the encoder, padding and missing rows included."""
    wanted: int = 0
    """Frames of them that windows asked for, their context included."""
    _waiting: dict[int, list[_Row]] = field(default_factory=lambda: defaultdict(list))
    """By the length of the row."""
    _open: dict[int, _Recording] = field(default_factory=dict)
    _flying: _Flight | None = None

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Values]]:
        """Take a recording; what is finished now: (number, (frames, …) values) of this and earlier ones."""
        frames, hop = self.encoder.frames(len(samples)), self.encoder.hop
        cuts = windows(frames, hop) if self.windowed else [Window(0, frames, 0, frames)]
        prepared = self.encoder.prepared(samples)
        moments = self.encoder.moments(prepared) if len(cuts) > 1 else None
        self._open[number] = _Recording(len(cuts))
        done: list[tuple[int, Values]] = []
        for place, window in enumerate(cuts):
            row = _Row(number, place, window, self.encoder.cut(prepared, window), moments)
            self.wanted += row.frames
            if not self.batched:
                done += self._alone(row)
                continue
            length = row_frames(row.frames, hop)
            self._waiting[length].append(row)
            if len(self._waiting[length]) == ROWS:
                done += self._launch(length)
        return done

    def finish(self) -> list[tuple[int, Values]]:
        """What is left, in batches that are not full."""
        done: list[tuple[int, Values]] = []
        for length in sorted(self._waiting):
            if self._waiting[length]:
                done += self._launch(length)
        done += self._land()
        assert not self._open, "every recording has all of its rows by now"
        return done

    def forget(self) -> None:
        """Drop what was added and is not finished."""
        self._waiting.clear()
        self._open.clear()
        self._flying = None

    def _alone(self, row: _Row) -> list[tuple[int, Values]]:
        with exact_arithmetic():
            values = self.head(self.encoder.alone(row.wave, row.moments)).cpu().numpy()
        self.computed += row.frames
        return self._finish(row, values)

    def _launch(self, length: int) -> list[tuple[int, Values]]:
        rows = self._waiting.pop(length)
        shape = (ROWS, length)
        with exact_arithmetic():
            values = self.head(self.encoder.together([r.wave for r in rows], shape, [r.moments for r in rows]))
        self.computed += shape[0] * shape[1]
        landed = self._land()
        self._flying = _Flight(rows, *_towards_host(values))
        return landed

    def _land(self) -> list[tuple[int, Values]]:
        """The batch before, once it is through."""
        flight, self._flying = self._flying, None
        if flight is None:
            return []
        if flight.arrived is not None:
            with exact_arithmetic():
                flight.arrived.synchronize()
        values = flight.values.numpy()
        return [done for row, of_row in zip(flight.rows, values, strict=False) for done in self._finish(row, of_row)]

    def _finish(self, row: _Row, values: Values) -> list[tuple[int, Values]]:
        """Keep a row's own part; the recording, if it was the last row of it."""
        start, _, first, last = row.window
        recording = self._open[row.number]
        recording.parts[row.place] = np.array(values[first - start : last - start])
        if len(recording.parts) < recording.rows:
            return []
        del self._open[row.number]
        return [(row.number, np.concatenate([recording.parts[place] for place in range(recording.rows)]))]


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    place: int
    window: Window
    wave: Waveform
    moments: Tensor | None
    """Of the recording, where it has several rows."""

    @property
    def frames(self) -> int:
        return self.window.end - self.window.start


@dataclass(slots=True)
class _Recording:
    """How many rows it has, and what those gave that are through."""

    rows: int
    parts: dict[int, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch under way; its values are there once the event has come."""

    rows: list[_Row]
    values: Tensor
    arrived: Any
    """A CUDA event; None where nothing is to be waited for."""


def _towards_host(values: Tensor) -> tuple[Tensor, Any]:
    if values.device.type != "cuda":
        return values, None
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    arrived: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()
    return host, arrived
