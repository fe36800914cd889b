"""Bundles of torchaudio: their weights in the cache of `torch.hub`, downloaded where they are not there yet."""

from __future__ import annotations

import errno
import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

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
    """A bundle where the name begins with `torchaudio:`, else a checkpoint as `find_checkpoint` has it.

    Weights that are there as a whole archive are not loaded.
    """
    if not model.startswith(BUNDLE):
        return find_checkpoint(model, revision, option=option, parts=parts, accept=accept)
    if revision is not None:
        raise ConfigError(f"`revision` is for models on the hub, but `{model}` is a bundle of torchaudio.")
    bundle = _bundle(model.removeprefix(BUNDLE), option)
    path = _weights(bundle)
    if not zipfile.is_zipfile(path):  # it is not there, ends too early, or is of an old format
        _state(bundle, model)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    checkpoint = Checkpoint(model, str(path), type(bundle).__name__, sha256)
    if accept is not None:
        accept(model, checkpoint.architecture)
    return checkpoint


def find_again(wanted: Checkpoint, model: str, *, option: str = "model") -> Checkpoint:
    """In a worker: the checkpoint that was found where the work was begun; Unavailable where its files are others."""
    here = find_model(model, wanted.revision, option=option)
    if here.sha256 != wanted.sha256:
        raise Unavailable(f"the model `{wanted.name}` has other files on this worker than where the run was begun")
    return here


def load_bundle(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """(bundle, model): a `Wav2Vec2Model` without the wrapper that normalises waveforms; on the CPU, float32, eval."""
    from torchaudio.pipelines._wav2vec2 import utils

    assert checkpoint.bundle is not None
    bundle = _bundle(checkpoint.bundle, "model")
    model = utils._get_model(bundle._model_type, bundle._params)
    state = _state(bundle, checkpoint.name)
    with _reading(bundle, checkpoint.name):
        model.load_state_dict(state)
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
    with _reading(bundle, name):
        return bundle._get_state_dict({"map_location": "cpu", "weights_only": True, "progress": False})


@contextmanager
def _reading(bundle: Any, name: str) -> Iterator[None]:
    """ConfigError that names the file for whatever torch raises over it; Unavailable for the network and memory."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes can make the readers raise anything
        is_too_short = isinstance(error, OSError) and error.errno == errno.EINVAL  # torch looks before its first byte
        if isinstance(error, OSError | HTTPException) and not is_too_short:
            raise Unavailable(f"the weights of `{name}` cannot be fetched: {_line(error)}") from error
        if "allocate memory" in str(error):
            raise Unavailable(f"there is not enough memory for the weights of `{name}`: {_line(error)}") from error
        raise ConfigError(
            f"`{_weights(bundle)}` does not hold the weights of `{name}`: {_line(error)}; delete it."
        ) from error


def _weights(bundle: Any) -> Path:
    """Where `torch.hub` keeps them."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(bundle._path).name


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
