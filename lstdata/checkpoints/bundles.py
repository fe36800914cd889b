"""Bundles of torchaudio: their weights in the cache of `torch.hub`, downloaded where they are not there yet."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

from lstdata.checkpoints.finding import BUNDLE, Checkpoint, find_checkpoint
from lstdata.errors import ConfigError, Unavailable


def find_model(
    model: str,
    revision: str | None = None,
    *,
    option: str = "model",
    parts: Mapping[str, Sequence[str]] | None = None,
    accept: Callable[[str, str], None] | None = None,
) -> Checkpoint:
    """A bundle where the name begins with `torchaudio:`, else a checkpoint as `find_checkpoint` has it."""
    if not model.startswith(BUNDLE):
        return find_checkpoint(model, revision, option=option, parts=parts, accept=accept)
    if revision is not None:
        raise ConfigError(f"`revision` is for models on the hub, but `{model}` is a bundle of torchaudio.")
    bundle = _bundle(model.removeprefix(BUNDLE), option)
    _state(bundle, model)
    path = _weights(bundle)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    checkpoint = Checkpoint(model, str(path), type(bundle).__name__, sha256)
    if accept is not None:
        accept(model, checkpoint.architecture)
    return checkpoint


def load_bundle(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """(bundle, model): a `Wav2Vec2Model` without the wrapper that normalises waveforms; on the CPU, float32, eval."""
    from torchaudio.pipelines._wav2vec2 import utils

    assert checkpoint.bundle is not None
    bundle = _bundle(checkpoint.bundle, "model")
    model = utils._get_model(bundle._model_type, bundle._params)
    model.load_state_dict(_state(bundle, checkpoint.name))
    return bundle, model.eval()


def _bundle(name: str, option: str) -> Any:
    """Of the speech encoders in `torchaudio.pipelines`."""
    from torchaudio import pipelines

    known = [n for n in dir(pipelines) if n.isupper() and isinstance(getattr(pipelines, n), pipelines.Wav2Vec2Bundle)]
    if name not in known:
        raise ConfigError(
            f"`{option}` `{BUNDLE}{name}` is no speech encoder of torchaudio; there are {', '.join(known)}."
        )
    return getattr(pipelines, name)


def _state(bundle: Any, name: str) -> Any:
    """The state dict, read as tensors and nothing else."""
    options = {"map_location": "cpu", "weights_only": True, "progress": False}
    try:
        return bundle._get_state_dict(options)
    except (pickle.UnpicklingError, EOFError) as error:
        path = _weights(bundle)
        raise ConfigError(f"`{path}` does not hold the weights of `{name}`: {_line(error)}; delete it.") from error
    except (URLError, OSError) as error:
        raise Unavailable(f"the weights of `{name}` cannot be fetched: {_line(error)}") from error


def _weights(bundle: Any) -> Path:
    """Where `torch.hub` keeps them."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(bundle._path).name


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
