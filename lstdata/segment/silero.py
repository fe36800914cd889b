"""Speech activity by Silero VAD, whose weights come with its package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib import metadata
from typing import Any

import numpy as np

from lstdata.records import Waveform
from lstdata.segment.cutting import FRAME, Probabilities

VERSION = 1
"""Raised when the same signal would get other probabilities."""

_CONTEXT = 64
"""Samples before a frame that the model sees too."""

_FRAMES = 512
"""Frames that go through the model together: their convolutions side by side, the recurrent layer along them."""


class SileroDetector:
    """The model's own layers, run on blocks of frames: ten times as fast as its call on each frame.

    The same probabilities but for the last bits. Needs `pin_threads` for the same bytes on any number of cores.
    """

    @property
    def version(self) -> str:
        return f"silero-vad {metadata.version('silero-vad')} / {VERSION}"

    def probabilities(self, blocks: Iterable[Waveform]) -> Probabilities:
        import torch

        found: list[Probabilities] = []
        state = None
        with torch.inference_mode():
            for frames in _framed(blocks):
                features = self._network.encoder(self._network.run_extractors(torch.from_numpy(frames)))
                hidden, state = self._recurrent(features.squeeze(-1), state)
                found.append(self._network.decoder.decoder(hidden.unsqueeze(-1)).reshape(-1).numpy())
        return np.concatenate(found) if found else np.empty(0, dtype=np.float32)

    @cached_property
    def _network(self) -> Any:
        """The 16 kHz half of the model."""
        from silero_vad import load_silero_vad

        return load_silero_vad()._model

    @cached_property
    def _recurrent(self) -> Any:
        """The model's LSTM cell as a layer that runs along a sequence."""
        import torch

        cell = dict(self._network.decoder.rnn.named_parameters())
        hidden, inputs = cell["weight_hh"].shape[1], cell["weight_ih"].shape[1]
        layer = torch.nn.LSTM(inputs, hidden)
        layer.load_state_dict({f"{name}_l0": weights for name, weights in cell.items()})
        return layer.eval()


def _framed(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
    """(≤ _FRAMES, _CONTEXT + FRAME) frames with the samples before each; zeros before the first and after the last."""
    context = np.zeros(_CONTEXT, dtype=np.float32)
    for signal in _evenly(blocks, _FRAMES * FRAME):
        frames = np.pad(signal, (0, -len(signal) % FRAME)).reshape(-1, FRAME)
        before = np.concatenate([context[None], frames[:-1, -_CONTEXT:]])
        context = frames[-1, -_CONTEXT:]
        yield np.concatenate([before, frames], axis=1)


def _evenly(blocks: Iterable[Waveform], length: int) -> Iterator[Waveform]:
    """The same signal in blocks of `length` samples, the last one shorter, never empty."""
    held: list[Waveform] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= length:
            signal = np.concatenate(held)
            whole = count - count % length
            yield from np.split(signal[:whole], whole // length)
            held, count = [signal[whole:]], count - whole
    if count:
        yield np.concatenate(held)
