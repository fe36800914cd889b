"""Which model transcribes."""

from __future__ import annotations

from typing import Literal

from lstdata.checkpoints.finding import FEATURE_EXTRACTOR, TOKENIZER, Checkpoint, find_checkpoint
from lstdata.errors import ConfigError


def find_recogniser(model: str, revision: str | None = None) -> Checkpoint:
    """The checkpoint of a speech recogniser, by folder or name on the hub. Raises ConfigError and Unavailable."""
    return find_checkpoint(model, revision, parts=FEATURE_EXTRACTOR | TOKENIZER, accept=_refuse_others)


def recogniser_kind(architecture: str) -> Literal["ctc", "whisper"] | None:
    """How a model of this architecture transcribes; None where it does not."""
    if architecture == "WhisperForConditionalGeneration":
        return "whisper"
    return "ctc" if architecture.endswith("ForCTC") else None


def _refuse_others(name: str, architecture: str) -> None:
    if recogniser_kind(architecture) is None:
        fitting = "a CTC model (as Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC) nor WhisperForConditionalGeneration"
        raise ConfigError(f"`model` `{name}` is a {architecture}, which is neither {fitting}.")
