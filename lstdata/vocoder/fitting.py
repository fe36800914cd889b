"""Fitting the built-in resynthesiser to the recordings of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE
from lstdata.storage import commit_bytes, sha256_bytes
from lstdata.vocoder.contexts import ContextSums
from lstdata.vocoder.recordings import Choice, Recordings
from lstdata.vocoder.resynthesis import WIDTH, Resynthesiser, describe
from lstdata.vocoder.spectra import steps_per_unit

_PITCH = 120.0
"""Hertz, where no recording has a voice."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What `lstdata fit-vocoder` says."""

    out: str
    name: str
    utterances: int
    left_out: int
    """Utterances whose audio is gone, or another by now."""
    seconds: float
    units: int
    units_met: int
    """Those of the codebook that were heard at all."""
    pitch: float
    sha256: str

    def line(self) -> str:
        gone = f" · {self.left_out} utterances left out, as their audio is gone" if self.left_out else ""
        return (
            f"{self.out}: {self.utterances} utterances, {self.seconds:.0f} s, {self.units_met} of {self.units} units "
            f"heard, pitch {self.pitch:.0f} Hz{gone}\n{self.name}"
        )


def fit_vocoder(root: UPath, out: UPath, choice: Choice, progress: Callable[[int, int], None]) -> Fitted:
    """Fit to the chosen utterances of a finished run and commit the file; equal runs and choices give equal bytes.

    `progress` hears of utterances done, of all. ConfigError where the run has no audio, or none of it is there.
    """
    recordings = Recordings(root, choice)
    vocab = recordings.vocab
    sums = ContextSums(recordings.units(), vocab.units, WIDTH * steps_per_unit(vocab.hop))
    pitches: list[float] = []
    left_out = samples = 0
    for done, (units, audio) in enumerate(recordings, 1):
        if audio is None:
            left_out += 1
        else:
            features, pitch = describe(audio, len(units), vocab.hop)
            sums.add(units, features)
            pitches += [] if pitch is None else [pitch]
            samples += len(audio)
        progress(done, len(recordings))
    if not sums.frames:
        raise ConfigError(f"`{root}`: the audio of none of the {len(recordings)} chosen utterances is there.")
    said: dict[str, Any] = {"utterances": len(recordings) - left_out, "seconds": round(samples / SAMPLE_RATE, 3)}
    made = Resynthesiser(
        str(out),
        sums.means(),
        codebook_sha256=vocab.codebook_sha256,
        hop=vocab.hop,
        pitch=float(np.exp(np.mean(pitches))) if pitches else _PITCH,
        fitted=said | {"speakers": recordings.speakers, "split": choice.split, "speaker": choice.speaker},
    )
    data = made.to_bytes()
    commit_bytes(out, data)
    return Fitted(
        out=str(out),
        name=made.name,
        left_out=left_out,
        units=vocab.units,
        units_met=sums.units_met,
        pitch=made.pitch,
        sha256=sha256_bytes(data),
        **said,
    )
