"""Discrete speech units: one id per frame of 40 ms, whatever the extractor."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstdata.records import Waveform, frame_count
from lstdata.units.codebook import Codebook


class UnitExtractor(Protocol):
    """Anything that turns a 16 kHz signal into ids; the result depends on this recording alone."""

    def extract(self, samples: Waveform) -> NDArray[np.uint16]:
        """(samples,) → (frame_count(samples),) cluster ids."""
        ...


class MfccUnits:
    """Nearest centroids of MFCC features."""

    def __init__(self, codebook: Codebook) -> None:
        self.codebook = codebook

    def extract(self, samples: Waveform) -> NDArray[np.uint16]:
        from lstdata.units.mfcc import features

        units = self.codebook.assign(features(samples))
        assert len(units) == frame_count(len(samples))
        return units
