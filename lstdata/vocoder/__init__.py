"""Units to sound: what a vocoder is, and opening one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.records import Waveform
from lstdata.vocab import VocabCard

FITTED = ".npz"
"""What the file of a built-in resynthesiser ends in; anything else is a checkpoint of a unit HiFi-GAN."""


class Vocoder(Protocol):
    """Gives units a sound; equal units sound equal."""

    @property
    def name(self) -> str:
        """What it is, to be said wherever its sound is."""

    @property
    def rate(self) -> int:
        """Hertz of the sound."""

    def check(self, vocab: VocabCard) -> None:
        """ConfigError where the units of these data or of this model are not those that it speaks."""
        ...

    def speak(self, units: NDArray[np.integer]) -> Waveform:
        """(frames,) ids, not de-duplicated → (samples,) in [-1, 1]; ConfigError for an id that it has no sound for."""
        ...


def open_vocoder(
    path: str, *, speaker: str | None = None, style: str | None = None, predict_durations: bool = False
) -> Vocoder:
    """The vocoder in a file of `lstdata fit-vocoder`, or a unit HiFi-GAN: a checkpoint, or the folder in which it lies.

    `speaker` and `style` choose among those that a HiFi-GAN was trained with, by number or name, the first by default;
    with `predict_durations` it merges equal units that follow one another. ConfigError for what is no vocoder.
    """
    if not path.endswith(FITTED):
        from lstdata.vocoder.hifigan.speaking import open_hifigan

        return open_hifigan(path, speaker=speaker, style=style, predict_durations=predict_durations)
    from lstdata.vocoder.resynthesis import Resynthesiser

    given = {"speaker": speaker, "style": style, "predict-durations": predict_durations or None}
    asked = [f"`--{name}`" for name, value in given.items() if value is not None]
    if asked:
        raise ConfigError(f"{' and '.join(asked)} cannot be chosen: `{path}` has one average voice.")
    return Resynthesiser.read(path)
