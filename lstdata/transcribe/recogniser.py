"""What every speech recogniser promises, and making the one that a checkpoint asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.loading import quieten_transformers
from lstdata.errors import ConfigError
from lstdata.records import Waveform
from lstdata.source_row import TimedWord
from lstdata.transcribe.checkpoint import recogniser_kind
from lstdata.transcribe.config import TranscribeConfig


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one record."""

    words: tuple[TimedWord, ...]
    """In order, in seconds from the record's start, inside of it; none where no speech was heard."""
    score: float | None = None
    """How sure the model is, on a scale of its own, higher is better; None where it does not say."""
    language: str | None = None
    """What the model took the language for; None where it knows but one."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Recogniser(Protocol):
    """Speech to words with times: a pure function of the batch, whatever was recognised before."""

    longest: float | None
    """Seconds that the model can take in; None: as many as there is memory for."""

    def transcribe(self, batch: Sequence[Waveform]) -> list[Transcript]:
        """A transcript for each waveform (mono, 16 kHz), in order. Raises Unavailable where memory runs out."""
        ...


def make_recogniser(checkpoint: Checkpoint, config: TranscribeConfig) -> Recogniser:
    """Load a checkpoint; it takes seconds, so it is done once per worker. Raises ConfigError for what is none."""
    check_dtype(config)
    quieten_transformers("transcribing")
    if recogniser_kind(checkpoint.architecture) == "whisper":
        from lstdata.transcribe.whisper import WhisperRecogniser

        return WhisperRecogniser(checkpoint, config)
    from lstdata.transcribe.ctc import CtcRecogniser

    return CtcRecogniser(checkpoint, config)


def check_dtype(config: TranscribeConfig) -> None:
    """ConfigError where the device cannot compute in the number format."""
    if config.dtype != "float32" and config.device != "cuda":
        raise ConfigError(f"`dtype` must be float32 on a CPU, but is {config.dtype}.")


def try_out(checkpoint: Checkpoint, config: TranscribeConfig) -> None:
    """Load a checkpoint once, on the CPU, and drop it. Raises ConfigError, as in a worker, where it is not whole."""
    make_recogniser(checkpoint, replace(config, device="cpu", dtype="float32"))
