"""What was synthesised, to be heard: the same few sentences as each arm speaks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lstdata.audio.resampling import resample
from lstdata.errors import ConfigError
from lstdata.inspection.hearing import encode
from lstdata.records import SAMPLE_RATE
from lstdata.reproduce.spoken import Sentence, Spoken

MOST: Final = 5
"""Sentences that are heard."""

LONGEST: Final = 20.0
"""Seconds of one; the rest is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One arm's, with what a recogniser made of it; `mp3` is None where no vocoder gave it a sound."""

    arm: str
    recognised: str | None
    seconds: float | None
    mp3: bytes | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence, and how each arm speaks it."""

    text: str
    sounds: tuple[Sound, ...]


def sounds(spoken: Sequence[Spoken]) -> list[Heard]:
    """The first sentences of each arm's first seed and split, at its last step; equal files give equal bytes."""
    last: dict[str, Spoken] = {}
    for one in spoken:
        first = last.get(one.arm, one)
        if one.sentences and (one.seed, one.asked) == (first.seed, first.asked):
            last[one.arm] = one
    texts = {sentence.id: sentence.text for one in last.values() for sentence in one.sentences}
    by_arm = {arm: {sentence.id: sentence for sentence in one.sentences} for arm, one in last.items()}
    return [
        Heard(text, tuple(_sound(arm, found[id]) for arm, found in by_arm.items() if id in found))
        for id, text in list(texts.items())[:MOST]
    ]


def _sound(arm: str, sentence: Sentence) -> Sound:
    mp3 = None if sentence.wav is None else _encoded(sentence.wav)
    return Sound(arm=arm, recognised=sentence.recognised, seconds=sentence.seconds, mp3=mp3)


def _encoded(wav: Path) -> bytes:
    import soundfile

    try:
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ConfigError(f"`{wav}` must be a sound, but cannot be read: {' '.join(str(error).split())}") from error
    mono = samples[: int(LONGEST * rate)].mean(axis=1)
    return encode(mono if rate == SAMPLE_RATE else resample(mono, rate), "mp3")
