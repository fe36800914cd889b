"""How hard a demo corpus is: which plots are told, by how many voices, in what noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

VOICES: tuple[tuple[str, int], ...] = (
    ("en-us+m1", 45),
    ("en-us+m3", 38),
    ("en-us+f1", 62),
    ("en-us+linda", 55),
    ("en-gb-x-rp+m4", 42),
    ("en-gb-x-rp+steph", 60),
    ("en-gb-scotland+m8", 50),
    ("en-029+anika", 58),
)
"""The speakers: voices of the synthesizer, each with its usual pitch. None has an echo, so pauses are silent."""

QUIETER: Final = 20.0
"""dB between the noisiest recordings and the least noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Which part of the demo's stories and voices a corpus is of."""

    plots: tuple[str, ...] = ()
    """Names of `stories.PLOTS`; none: all of them."""
    voices: int = len(VOICES)
    """The first so many of VOICES."""
    snr: float | None = None
    """Signal-to-noise ratio in dB of the noisiest recordings; None: there is no noise."""

    def mistakes(self) -> Iterator[str]:
        if not 1 <= self.voices <= len(VOICES):
            yield f"`voices` must be from 1 to {len(VOICES)}, but is {self.voices}."
        if self.snr is not None and not -10 <= self.snr <= 60:
            yield f"`snr` must be from -10 to 60 dB, but is {self.snr:g}."


ALL: Final = Language()
"""Every plot, every voice, no noise."""
