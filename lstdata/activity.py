"""Which frames hold speech: high-passed energy over a running noise floor, with hysteresis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lstdata.config import ActivityConfig
from lstdata.records import HOP, SAMPLE_RATE, Mask, Waveform, frame_count

QUIETEST_SPEECH_DB = -75.0
"""Mean power of a frame, re full scale, below which nothing is speech: dither, digital silence."""

FLOOR_PERCENTILE = 5
"""The noise floor is this percentile of the frames' levels in its window."""

LOUD_PERCENTILE = 95
"""The loud frames' level is this percentile of all."""


def activity_mask(samples: Waveform, config: ActivityConfig, hop: int = HOP) -> Mask:
    """(frames,) True where there is speech; a function of the whole recording, in 64-bit arithmetic on the CPU."""
    levels = frame_levels(samples, config.highpass_hz, hop)
    if not len(levels):
        return np.zeros(0, dtype=np.bool_)
    floor = noise_floor(levels, config.floor_seconds, hop)
    audible = max(QUIETEST_SPEECH_DB, float(np.percentile(levels, LOUD_PERCENTILE)) - config.range_db)
    above_on = levels > np.maximum(floor + config.on_db, audible)
    above_off = levels > np.maximum(floor + config.off_db, audible)
    return _stretches_touching(above_off, above_on)


def frame_levels(samples: Waveform, highpass_hz: float, hop: int = HOP) -> NDArray[np.float64]:
    """(frames,) mean power in dB re full scale (-200 at least), after a 4th-order Butterworth high-pass."""
    from scipy.signal import butter, sosfilt

    frames = frame_count(len(samples), hop)
    signal = samples[: frames * hop].astype(np.float64)
    if highpass_hz > 0 and frames:
        signal = sosfilt(butter(4, highpass_hz, "highpass", fs=SAMPLE_RATE, output="sos"), signal - signal[0])
    power = np.square(signal.reshape(frames, hop)).mean(axis=1)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-20))
    return levels


def noise_floor(levels: NDArray[np.float64], seconds: float, hop: int = HOP) -> NDArray[np.float64]:
    """(frames,) a low percentile of the levels around each frame; near the ends of the frames that there are."""
    from scipy.ndimage import percentile_filter

    window = max(1, round(seconds * SAMPLE_RATE / hop)) | 1
    floor: NDArray[np.float64] = percentile_filter(levels, FLOOR_PERCENTILE, size=window, mode="reflect")
    return floor


def _stretches_touching(wide: Mask, narrow: Mask) -> Mask:
    """The runs of True in `wide` that hold at least one True of `narrow`; `narrow` implies `wide`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wide, [False])).astype(np.int8))).reshape(-1, 2)
    mask = np.zeros(len(wide), dtype=np.bool_)
    for start, end in edges.tolist():
        mask[start:end] = narrow[start:end].any()
    return mask
