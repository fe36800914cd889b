"""A CTC model that sits elsewhere, as the aligner sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.ctc_alphabet import Alphabet
from lstdata.records import Waveform


@dataclass(frozen=True, slots=True)
class RemoteCtcModel:
    """What `CtcModel` gives the aligner, the log-probabilities by a call to where it is."""

    alphabet: Alphabet
    convolutions: ConvStack
    ask: Callable[[Waveform, tuple[int, ...]], Waveform]

    def emissions(self, samples: Waveform, ids: tuple[int, ...]) -> Waveform:
        return self.ask(samples, ids)
