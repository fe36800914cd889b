"""How many frames a speech model makes of how many samples."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from itertools import accumulate
from math import prod


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
