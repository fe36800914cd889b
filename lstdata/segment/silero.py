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

_FRAMES = 250
"""Frames (8 s) whose convolutions are computed together."""


class SileroDetector:
    """The model's own layers, on blocks of frames: ten times as fast as its call on each frame.

    The recurrent layer begins anew with every block, runs on to the end of the next one, and the greater of a frame's
    two probabilities counts. Its state must not be carried on for long: after a minute of clean speech the model was
    deaf to half a minute of noisy speech that it hears well by itself (by reference words, 11.5 % of speech was missed
    so, and 3.8 % with two blocks). Needs `pin_threads` for the same bytes on any number of cores.
    """

    @property
    def version(self) -> str:
        return f"silero-vad {metadata.version('silero-vad')} / {VERSION}"

    def probabilities(self, blocks: Iterable[Waveform]) -> Probabilities:
        import torch

        found: list[Probabilities] = []
        with torch.inference_mode():
            features = (self._features(frames) for frames in _framed(blocks))
            before: Any = next(features, None)
            late: Probabilities | None = None
            while before is not None:
                after = next(features, None)
                heard = self._heard(before if after is None else torch.cat([before, after]))
                own = heard[: len(before)]
                found.append(own if late is None else np.maximum(own, late))
                before, late = after, heard[len(before) :]
        return np.concatenate(found) if found else np.empty(0, dtype=np.float32)

    def _features(self, frames: Waveform) -> Any:
        """(frames, channels) of framed signal."""
        import torch

        return self._network.encoder(self._network.run_extractors(torch.from_numpy(frames))).squeeze(-1)

    def _heard(self, features: Any) -> Probabilities:
        """A probability for each frame, from a fresh state."""
        hidden, _ = self._recurrent(features)
        probabilities: Probabilities = self._network.decoder.decoder(hidden.unsqueeze(-1)).reshape(-1).numpy()
        return probabilities

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
