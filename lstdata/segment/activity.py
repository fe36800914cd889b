"""What a model of speech activity does for segmenting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lstdata.records import Waveform
from lstdata.segment.cutting import Probabilities


class SpeechDetector(Protocol):
    """Hears speech in a 16 kHz signal that comes block by block."""

    @property
    def version(self) -> str:
        """Changes with anything that could change a probability."""

    def probabilities(self, blocks: Iterable[Waveform]) -> Probabilities:
        """One for each `FRAME` samples begun, in [0, 1]; they depend on the signal alone, not on how it is cut.

        Holds a block at a time, and the probabilities. What `blocks` raises passes through.
        """
