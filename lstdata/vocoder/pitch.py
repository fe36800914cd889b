"""Pitch and voicing, step by step, by autocorrelation."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from lstdata.records import SAMPLE_RATE
from lstdata.vocoder.spectra import Floats

_WINDOW: Final = 800
"""Samples: at least three periods of the lowest pitch."""

_LAGS: Final = np.arange(SAMPLE_RATE // 400, SAMPLE_RATE // 70 + 1)
"""Periods of 400 to 70 Hz."""

_LONGER: Final = 0.0005
"""By how much a peak must be higher for each sample that it is later: else twice the period is taken."""

_UNVOICED, _VOICED = 0.3, 0.7
"""Correlations at the period up to which a step has no voice, and from which it has nothing else."""

_QUIET: Final = 1e-6
"""Mean square below which a step is silent."""

_TRANSFORM: Final = 2048
_BLOCK: Final = 1_000
"""Steps at a time, for bounded memory."""


def track(samples: NDArray[np.floating], steps: int, step: int) -> tuple[Floats, Floats]:
    """(hertz, voicing from 0 to 1), each (steps,), of windows centred on the middles of the steps."""
    before = (_WINDOW - step) // 2
    padded = np.zeros((steps - 1) * step + _WINDOW)
    known = samples[: len(padded) - before]
    padded[before : before + len(known)] = known
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::step]
    parts = [_track(windows[first : first + _BLOCK]) for first in range(0, steps, _BLOCK)]
    return np.concatenate([hertz for hertz, _ in parts]), np.concatenate([voicing for _, voicing in parts])


def _track(windows: Floats) -> tuple[Floats, Floats]:
    centred = windows - windows.mean(1, keepdims=True)
    correlation = _autocorrelation(centred * _WEIGHTS)
    normed = correlation[:, _LAGS] / np.maximum(correlation[:, :1], 1e-12) / _OF_WEIGHTS
    best = (normed - _LONGER * (_LAGS - _LAGS[0])).argmax(1)
    peak = normed[np.arange(len(best)), best]
    voicing = np.clip((peak - _UNVOICED) / (_VOICED - _UNVOICED), 0, 1)
    return SAMPLE_RATE / _LAGS[best], np.where((centred**2).mean(1) > _QUIET, voicing, 0)


def _autocorrelation(windows: Floats) -> Floats:
    correlation: Floats = np.fft.irfft(np.abs(np.fft.rfft(windows, _TRANSFORM)) ** 2)
    return correlation


_WEIGHTS: Final = np.hanning(_WINDOW)
_OF_WEIGHTS: Final = _autocorrelation(_WEIGHTS)[_LAGS] / _autocorrelation(_WEIGHTS)[0]
"""By how much the weights alone lower a correlation at each lag (Boersma, 1993)."""
