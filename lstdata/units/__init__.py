"""Discrete speech units: one id per frame, whatever the extractor."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstdata.records import HOP, Waveform
from lstdata.units.codebook import Codebook

Units = NDArray[np.uint16]


class UnitExtractor(Protocol):
    """Turns 16 kHz signals into ids, one recording after the other; each one's are a function of itself alone."""

    @property
    def hop(self) -> int:
        """Samples per frame."""

    @property
    def wanted(self) -> int:
        """Frames that recordings, or the windows that they are cut into, had so far."""

    @property
    def computed(self) -> int:
        """Frames that were computed for them, padding included."""

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Units | None]]:
        """Take a recording; (number, (samples // hop,) ids) of those that are finished now, in any order.

        None in place of ids where the features of a recording are not finite.
        """
        ...

    def finish(self) -> list[tuple[int, Units | None]]:
        """Those that are left."""
        ...

    def forget(self) -> None:
        """Drop what was added and is not finished: also after `add` or `finish` have raised."""


class MfccUnits:
    """Nearest centroids of MFCC features, at once."""

    hop = HOP

    def __init__(self, codebook: Codebook) -> None:
        self.codebook = codebook
        self.wanted = self.computed = 0

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Units | None]]:
        from lstdata.units.mfcc import features

        units = self.codebook.assign(features(samples))
        self.wanted += len(units)
        self.computed += len(units)
        return [(number, units)]

    def finish(self) -> list[tuple[int, Units | None]]:
        return []

    def forget(self) -> None:
        """Nothing is ever left unfinished."""


def extract(extractor: UnitExtractor, samples: Waveform) -> Units:
    """The ids of one recording."""
    [(_, units)] = [*extractor.add(0, samples), *extractor.finish()]
    assert units is not None, "its features are not finite"
    return units
