"""An encoder on its device, in its number format: waveforms in, hidden states out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lstdata.checkpoints.loading import exact_arithmetic
from lstdata.records import Waveform, frame_count
from lstdata.units.encoder.network import Network, Statistics
from lstdata.units.encoder.shapes import Window


class Encoder:
    """A network that hears one row, or a batch of rows of equal length."""

    def __init__(self, network: Network, device: str = "cpu", dtype: str = "float32") -> None:
        self.stack = network.stack
        self.dimensions = network.dimensions
        self.device = device
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._normalization = network.normalization
        with exact_arithmetic():
            self._network = network.to(device, self._dtype).eval()

    @property
    def hop(self) -> int:
        return self.stack.hop

    def frames(self, samples: int) -> int:
        """Of a recording: `samples // hop`."""
        return frame_count(samples, self.hop)

    def prepared(self, samples: Waveform) -> Waveform:
        """A recording as it is cut into windows: scaled where the model wants it, with a margin of zeros."""
        wave = samples
        if self._normalization is not None:
            exact = samples.astype(np.float64)
            deviation = np.sqrt(exact.var() + self._normalization)
            wave = ((exact - exact.mean()) / deviation).astype(np.float32)
        return np.pad(wave, self.stack.margin)

    def cut(self, prepared: Waveform, window: Window) -> Waveform:
        """A window's samples, with real ones for margins where there are any; the last window has all that is left."""
        start = window.start * self.hop
        whole = window.end == self.frames(len(prepared) - 2 * self.stack.margin)
        return prepared[start:] if whole else prepared[start : window.end * self.hop + 2 * self.stack.margin]

    def moments(self, prepared: Waveform) -> Tensor | None:
        """(2, channels) of a whole recording, by which its windows are normalised; None for models that do not."""
        with exact_arithmetic():
            return self._network.moments(self._on_device(torch.from_numpy(prepared)))

    def alone(self, row: Waveform, moments: Tensor | None = None) -> Tensor:
        """One row, at its own length: (frames, dimensions) float32."""
        with exact_arithmetic():
            waves = self._on_device(torch.from_numpy(row)[None])
            hidden: Tensor = self._network(waves, None, None if moments is None else self._given([moments], 1))
            return hidden[0].float()

    def together(
        self, rows: Sequence[Waveform], shape: tuple[int, int], moments: Sequence[Tensor | None] = ()
    ) -> Tensor:
        """Rows of up to shape[1] frames in a batch of shape[0] rows, missing ones silent: (rows, frames, dimensions).

        What a row gives depends on the shape, the row and its recording's `moments` alone.
        """
        count, frames = shape
        samples = self.stack.samples(frames)
        waves = torch.zeros(count, samples, pin_memory=self.device != "cpu")
        lengths = torch.full((count,), samples)
        for number, row in enumerate(rows):
            waves[number, : len(row)] = torch.from_numpy(row)
            lengths[number] = len(row)
        with exact_arithmetic():
            own = lengths.to(self.device, non_blocking=True)
            hidden: Tensor = self._network(self._on_device(waves), own, self._given(moments, count))
            return hidden.float()

    def _given(self, moments: Sequence[Tensor | None], rows: int) -> Statistics | None:
        """Always the same computation for a model, whether any of its rows is a part of a recording or not."""
        channels = self._network.normalized_channels
        if not channels:
            return None
        known = torch.zeros(rows, dtype=torch.bool)
        values = torch.zeros(2, rows, channels, device=self.device)
        for row, given in enumerate(moments):
            if given is not None:
                known[row] = True
                values[:, row] = given
        return Statistics(known.to(self.device), values[0], values[1])

    def _on_device(self, waves: Tensor) -> Tensor:
        return waves.to(self.device, non_blocking=True).to(self._dtype)
