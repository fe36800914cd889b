"""Integers of an encoder: frames of a stack of convolutions, windows over long recordings, shapes of batches."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Final, NamedTuple

from lstdata.records import SAMPLE_RATE

SECONDS_KEPT: Final = 20
"""Of a long recording, that each window contributes."""

SECONDS_OF_CONTEXT: Final = 5
"""That a window hears more on either side."""

ROWS: Final = 2
"""Of every batch. The last batches of a shard lack rows: of four hours of speech, with the padding that rows have, 3 to
5 % of the frames are nobody's; with four rows it would be up to 8 %."""

_GROWTH: Final = 1.05
"""From one length of rows to the next: a row is padded by half of that on average."""

_SHORTEST_SECONDS: Final = 1.0
"""The least length of a row."""


@dataclass(frozen=True, slots=True)
class ConvStack:
    """Convolutions without padding over a waveform, one after the other."""

    kernels: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        hop: int = prod(self.strides)
        return hop

    @property
    def field(self) -> int:
        """Samples that one frame looks at."""
        steps: list[int] = [1, *accumulate(self.strides, operator.mul)]
        return 1 + sum((kernel - 1) * step for kernel, step in zip(self.kernels, steps[:-1], strict=True))

    @property
    def margin(self) -> int:
        """Zeros on either side of a recording with which n samples give just n // hop frames."""
        return (self.field - self.hop) // 2

    def fits_the_grid(self) -> bool:
        """Whether there is such a number of zeros."""
        return self.field >= self.hop and (self.field - self.hop) % 2 == 0

    def frames(self, samples: int, depth: int | None = None) -> int:
        """Of a signal of `samples` samples, after all or after `depth` convolutions."""
        length = samples
        for kernel, stride in list(zip(self.kernels, self.strides, strict=True))[:depth]:
            length = (length - kernel) // stride + 1 if length >= kernel else 0
        return length

    def samples(self, frames: int) -> int:
        """Of a row that holds any recording of up to `frames` frames, its margins included."""
        return (frames + 1) * self.hop - 1 + 2 * self.margin


class Window(NamedTuple):
    """Frames [start, end) that go through the encoder together, and [first, last) of them that are kept."""

    start: int
    end: int
    first: int
    last: int


def windows(frames: int, hop: int) -> list[Window]:
    """The whole of a recording, or windows at fixed places of a long one: what is kept of them is a partition."""
    kept, context = SECONDS_KEPT * SAMPLE_RATE // hop, SECONDS_OF_CONTEXT * SAMPLE_RATE // hop
    if frames <= kept + 2 * context:
        return [Window(0, frames, 0, frames)]
    firsts = range(0, frames, kept)
    lasts = [*firsts[1:], frames]
    return [
        Window(max(0, first - context), min(frames, last + context), first, last)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def row_frames(frames: int, hop: int) -> int:
    """Frames of the row that a window of `frames` frames goes into: by its own length alone."""
    length = int(_SHORTEST_SECONDS * SAMPLE_RATE) // hop
    while length < frames:
        length = max(length + 1, int(length * _GROWTH))
    return length
