"""What an utterance sounds like, as a picture: a log-mel spectrogram."""

from __future__ import annotations

import base64
import io
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lstdata.records import SAMPLE_RATE, Waveform

STEP: Final = 160
"""Samples from one column to the next: 10 ms."""

MELS: Final = 64
_WINDOW: Final = 400
_FFT: Final = 512
_RANGE: Final = 50.0
"""Decibels below its loudest point at which an utterance is drawn as silent."""


_NOISE: Final = -50.0
"""Decibels of the loudest point below which a whole utterance is silence."""


def log_mel(audio: Waveform) -> NDArray[np.float32]:
    """(mels, steps) from 0, silent, to 1, the loudest; low pitch first. 25 ms Hann windows centred on their steps."""
    steps = -(-len(audio) // STEP)
    margin = (_WINDOW - STEP) // 2
    padded = np.zeros(steps * STEP + _WINDOW, dtype=np.float32)
    padded[margin : margin + len(audio)] = audio
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: steps * STEP : STEP]
    energy = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32), _FFT)) ** 2
    decibels = 10 * np.log10(energy @ _filters().T + 1e-10)
    scaled = 1 + (decibels - decibels.max(initial=_NOISE)) / _RANGE
    mels: NDArray[np.float32] = scaled.clip(0, 1).T.astype(np.float32)
    return mels


def spectrogram_url(audio: Waveform) -> str:
    """A data URL of a PNG, one pixel a step and a mel: black, the more opaque the louder, so that any paper will do."""
    from PIL import Image

    levels = (log_mel(audio)[::-1] * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.stack([np.zeros_like(levels), levels], axis=-1), "LA").save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _filters() -> NDArray[np.float64]:
    """(mels, bins) triangles, evenly spaced in mel = 2595 · log10(1 + f / 700) from 0 to half the rate."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles: NDArray[np.float64] = np.minimum(rising, falling).clip(0)
    return triangles
