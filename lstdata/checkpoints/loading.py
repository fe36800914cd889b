"""Loading the parts of a checkpoint, and running what was loaded so that it gives equal bits."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from lstdata.checkpoints.finding import Checkpoint
from lstdata.errors import ConfigError, LstDataError, MissingExtra, Unavailable

LOCAL: Final = {"local_files_only": True, "trust_remote_code": False}
"""How every part of a checkpoint is loaded: from its folder, and no code from there."""

EXTRACTOR: Final = "feature extractor (preprocessor_config.json)"
TOKENIZER: Final = "tokenizer (tokenizer.json, or vocab.json and, for Whisper, merges.txt)"


def load_model(
    kind: Any,
    checkpoint: Checkpoint,
    device: str = "cpu",
    dtype: str = "float32",
    *,
    option: str = "model",
    **options: Any,
) -> Any:
    """The model, by the class `kind` of `transformers`, on its device. Raises ConfigError where it is not whole."""
    import torch

    with loading(checkpoint, "weights", option):
        model, info = kind.from_pretrained(
            checkpoint.folder, use_safetensors=checkpoint.is_safe, output_loading_info=True, **LOCAL, **options
        )
    missing = sorted(name for name in info["missing_keys"] if not name.endswith(_NOT_NEEDED))
    if missing:
        raise ConfigError(
            f"`{option}` `{checkpoint.folder}` has no weights for `{missing[0]}`: it was not trained for this."
        )
    with exact_arithmetic():
        return model.to(device, getattr(torch, dtype)).eval()


def load_part(kind: Any, checkpoint: Checkpoint, part: str) -> Any:
    """What belongs to a model, by the class `kind` of `transformers`. Raises ConfigError where it is not whole."""
    with loading(checkpoint, part):
        return kind.from_pretrained(checkpoint.folder, **LOCAL)


@contextmanager
def loading(checkpoint: Checkpoint, part: str, option: str = "model") -> Iterator[None]:
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
        raise ConfigError(f"`{option}` `{checkpoint.folder}`: its {part} cannot be loaded: {said}") from error


_NOT_NEEDED: Final = "masked_spec_embed"
"""A weight for training alone, which some checkpoints lack."""


def quieten_transformers(feature: str) -> None:
    """Switch the library's advice and progress bars off; MissingExtra names the feature where it is not there."""
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtra(feature, "transformers", "asr") from error
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
                "the model ran out of memory; give it less at once (`batch`, `max_seconds`) or fewer workers: "
                f"{said[:200]}"
            ) from error
        if "CUDA" in said or "cuDNN" in said:
            raise Unavailable(f"the GPU failed: {said[:300]}") from error
        raise
