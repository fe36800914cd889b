"""Short-time spectra in bands of the mel scale, and the way back from them to a signal."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lstdata.records import SAMPLE_RATE

Floats = NDArray[np.float64]
Spectrum = NDArray[np.complex128]
"""(steps, BINS)."""

WINDOW: Final = 512
"""Samples that a step looks at: 32 ms, centred on it."""

BINS: Final = WINDOW // 2 + 1
BANDS: Final = 80
FLOOR: Final = 1e-4
"""Amplitude that is added to a band's before its logarithm: that of white noise at -107 dB."""

_STEP: Final = SAMPLE_RATE // 100
_TOP: Final = 15.0 + 27 * np.log(8.0) / np.log(6.4)
"""8 kHz on the scale of `_hertz`."""


def steps_per_unit(hop: int) -> int:
    """Steps of about 10 ms that a unit of `hop` samples is cut into, all of one length."""
    steps = max(1, round(hop / _STEP))
    while hop % steps:
        steps += 1
    return steps


def step_spectra(samples: NDArray[np.floating], steps: int, step: int) -> Spectrum:
    """Of windows centred on the middles of `steps` steps; zeros lie beyond the signal's edges."""
    padded = np.zeros((steps - 1) * step + WINDOW)
    before = _margin(step)
    known = samples[: len(padded) - before]
    padded[before : before + len(known)] = known
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::step]
    spectra: Spectrum = np.fft.rfft(windows * _window(), axis=1)
    return spectra


def log_bands(samples: NDArray[np.floating], steps: int, step: int) -> Floats:
    """(steps, BANDS) natural logarithms of the mean amplitude in each band."""
    logs: Floats = np.log(np.abs(step_spectra(samples, steps, step)) @ _bank() + FLOOR)
    return logs


def amplitudes(logs: Floats) -> Floats:
    """(steps, BINS) a smooth envelope through the bands' centres; below the first one and above the last it is flat."""
    lower, share = _places()
    envelope: Floats = np.exp(logs[:, lower] * (1 - share) + logs[:, lower + 1] * share)
    return envelope


def overlap_add(spectra: Spectrum, step: int) -> Floats:
    """The signal whose spectra are nearest to these: (steps · step,) samples (Griffin and Lim, 1984, eq. 6)."""
    frames = np.fft.irfft(spectra, axis=1) * _window()
    signal, weight = np.zeros((2, (len(spectra) - 1) * step + WINDOW))
    for number, frame in enumerate(frames):
        signal[number * step : number * step + WINDOW] += frame
        weight[number * step : number * step + WINDOW] += _window() ** 2
    before = _margin(step)
    whole = slice(before, before + len(spectra) * step)
    result: Floats = signal[whole] / weight[whole]
    return result


def white_amplitude() -> float:
    """Of a bin of white noise of variance 1, as root mean square."""
    return float(np.sqrt((_window() ** 2).sum()))


def bin_hertz() -> Floats:
    """(BINS,) frequencies."""
    hertz: Floats = np.arange(BINS, dtype=np.float64) * (SAMPLE_RATE / WINDOW)
    return hertz


def _margin(step: int) -> int:
    return (WINDOW - step) // 2


@cache
def _window() -> Floats:
    return np.hanning(WINDOW + 1)[:-1]


def _hertz(mel: Floats) -> Floats:
    """Slaney's scale: linear up to 1 kHz (15), then 27 steps for each factor of 6.4."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27))


@cache
def _edges() -> Floats:
    """(BANDS + 2,) of the bands: each is a triangle from its lower neighbour's centre to its upper one's."""
    return _hertz(np.linspace(0, _TOP, BANDS + 2))


@cache
def _bank() -> Floats:
    """(BINS, BANDS) weights, of sum 1 in each band."""
    low, centre, high = _edges()[:-2], _edges()[1:-1], _edges()[2:]
    hertz = bin_hertz()[:, None]
    weights = np.maximum(0, np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)))
    bank: Floats = weights / weights.sum(0)
    return bank


@cache
def _places() -> tuple[NDArray[np.int64], Floats]:
    """For each bin the centre below it, and how far it is on the way to the next."""
    place = np.interp(bin_hertz(), _edges()[1:-1], np.arange(BANDS))
    lower = np.minimum(place.astype(np.int64), BANDS - 2)
    return lower, place - lower
