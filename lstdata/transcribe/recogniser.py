"""What every speech recogniser promises, and making the one that a checkpoint asks for."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from lstdata.errors import ConfigError, LstDataError, MissingExtra, Unavailable
from lstdata.records import TimedWord, Waveform
from lstdata.transcribe.checkpoint import Checkpoint
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
    _quieten_transformers()
    if checkpoint.kind == "whisper":
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


LOCAL: Final = {"local_files_only": True, "trust_remote_code": False}
"""How every part of a checkpoint is loaded: from its folder, and no code from there."""

EXTRACTOR: Final = "feature extractor (preprocessor_config.json)"
TOKENIZER: Final = "tokenizer (tokenizer.json, or vocab.json and, for Whisper, merges.txt)"


def load_model(kind: Any, checkpoint: Checkpoint, config: TranscribeConfig, **options: Any) -> Any:
    """The model, by the class `kind` of `transformers`, on its device. Raises ConfigError where it is not whole."""
    import torch

    with loading(checkpoint, "weights"):
        model, info = kind.from_pretrained(
            checkpoint.folder, use_safetensors=checkpoint.is_safe, output_loading_info=True, **LOCAL, **options
        )
    missing = sorted(name for name in info["missing_keys"] if not name.endswith(_NOT_NEEDED))
    if missing:
        raise ConfigError(
            f"`model` `{checkpoint.folder}` has no weights for `{missing[0]}`: it was not trained for this."
        )
    with exact_arithmetic():
        return model.to(config.device, getattr(torch, config.dtype)).eval()


def load_part(kind: Any, checkpoint: Checkpoint, part: str) -> Any:
    """What belongs to a model, by the class `kind` of `transformers`. Raises ConfigError where it is not whole."""
    with loading(checkpoint, part):
        return kind.from_pretrained(checkpoint.folder, **LOCAL)


@contextmanager
def loading(checkpoint: Checkpoint, part: str) -> Iterator[None]:
    """ConfigError that names the folder and the part for whatever a library raises over a part's files.

    A fault of the disk or of memory goes through as it is.
    """
    try:
        yield
    except (LstDataError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise ConfigError(f"`model` `{checkpoint.folder}`: its {part} cannot be loaded: {said}") from error


_NOT_NEEDED: Final = "masked_spec_embed"
"""A weight for training alone, which some checkpoints lack."""


def _quieten_transformers() -> None:
    """Switch the library's advice and progress bars off. Raises MissingExtra where it is not installed."""
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtra("transcribing", "transformers", "asr") from error
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Inference by deterministic kernels, float32 as such and not as TF32; memory that runs out is Unavailable."""
    import torch

    try:
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False):
            yield
    except RuntimeError as error:
        said = " ".join(str(error).split())
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in said:
            raise Unavailable(
                f"the model ran out of memory; take a smaller `batch` or `max_seconds`: {said[:200]}"
            ) from error
        if "CUDA" in said or "cuDNN" in said:
            raise Unavailable(f"the GPU failed: {said[:300]}") from error
        raise
