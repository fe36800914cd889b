"""Noise behind speech, mostly low as that of rooms and streets: a function of the recording's name alone."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from lstdata.demo.speech import Spoken
from lstdata.randomness import rng

_POLE: Final = 0.9
"""Of the filter that white noise goes through: −3 dB at 370 Hz."""


def with_noise(spoken: Spoken, snr: float | None, id: str) -> Spoken:
    """The samples with noise `snr` dB below the mean power of the words; None: as they are. Clipped to 16 bits."""
    if snr is None:
        return spoken
    from scipy.signal import lfilter

    white = rng(0, 0, id, "demo noise").standard_normal(len(spoken.samples))
    noise = lfilter([np.sqrt(1 - _POLE**2)], [1.0, -_POLE], white)
    samples = spoken.samples.astype(np.float64)
    inside = np.concatenate([samples[word.start : word.end] for word in spoken.words])
    loudness = np.sqrt(np.mean(inside**2)) * 10 ** (-snr / 20)
    mixed = np.clip(np.rint(samples + loudness * noise), -(2**15), 2**15 - 1)
    return dataclasses.replace(spoken, samples=mixed.astype(np.int16))
