"""Which model transcribes: a folder of files, wherever it came from, and the sum that names it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from lstdata.errors import ConfigError, MissingExtra, Unavailable
from lstdata.storage import read_json

_DESCRIPTIONS: Final = ("*.json", "*.txt", "*.model")
_WEIGHTS: Final = ("model*.safetensors", "pytorch_model*.bin")
"""Safetensors, and else what `torch.load(weights_only=True)` reads; the first that is there is loaded."""

_PARTS: Final = {
    "feature extractor": ("preprocessor_config.json", "processor_config.json"),
    "tokenizer": ("tokenizer.json", "vocab.json", "vocab.txt", "*.model"),
}
"""What a recogniser needs beside its weights, and the files of which one must be there."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that was found."""

    name: str
    """As it was asked for; of a folder its last part, since the same files are the same model anywhere."""
    folder: str
    """Where its files are on this machine."""
    kind: Literal["ctc", "whisper"]
    architecture: str
    sha256: str
    """Of its description, tokenizer and weights: names and contents."""
    revision: str | None = None
    """The commit on the hub."""

    @property
    def is_safe(self) -> bool:
        """Whether the weights are safetensors."""
        return any(Path(self.folder).glob(_WEIGHTS[0]))

    def identity(self) -> dict[str, str | None]:
        """What says which model it was, on any machine."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "revision": self.revision,
            "sha256": self.sha256,
        }


def find_checkpoint(model: str, revision: str | None = None) -> Checkpoint:
    """The checkpoint in a folder, or of a name on the hub, downloaded where it is not yet on this machine.

    Raises ConfigError for what is neither, or is no speech recogniser, and Unavailable where the hub cannot be reached.
    """
    if os.path.isdir(model):
        if revision is not None:
            raise ConfigError(f"`revision` is for models on the hub, but `{model}` is a folder.")
        return _described(os.path.basename(os.path.abspath(model)), os.path.abspath(model), None)
    if os.path.isabs(model) or model.startswith(".") or model.count("/") > 1:
        raise ConfigError(f"`model` must be a folder or a name on the hub, but there is no folder `{model}`.")
    folder = _download(model, revision)
    return _described(model, folder, os.path.basename(folder))


def _described(name: str, folder: str, revision: str | None) -> Checkpoint:
    architecture = _architecture(folder)
    if architecture == "WhisperForConditionalGeneration":
        kind: Literal["ctc", "whisper"] = "whisper"
    elif architecture.endswith("ForCTC"):
        kind = "ctc"
    else:
        fitting = "a CTC model (as Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC) nor WhisperForConditionalGeneration"
        raise ConfigError(f"`model` `{name}` is a {architecture}, which is neither {fitting}.")
    _check_parts(Path(folder))
    return Checkpoint(name, folder, kind, architecture, _sum(Path(folder)), revision)


def _architecture(folder: str) -> str:
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise ConfigError(f"`model` `{folder}` holds no config.json: it is no checkpoint of `transformers`.")
    try:
        described: Any = read_json(path)
        return str(described["architectures"][0])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ConfigError(f"`{path}` does not name its model under `architectures`.") from error


def _check_parts(folder: Path) -> None:
    for part, files in _PARTS.items():
        if not any(any(folder.glob(file)) for file in files):
            raise ConfigError(f"`model` `{folder}` holds no {part}: there must be {' or '.join(files)}.")


def _sum(folder: Path) -> str:
    """One sum over all files that loading could read."""
    weights = next((found for pattern in _WEIGHTS if (found := sorted(folder.glob(pattern)))), None)
    if weights is None:
        raise ConfigError(f"`model` `{folder}` holds no weights: there must be {' or '.join(_WEIGHTS)}.")
    described = {p for pattern in _DESCRIPTIONS for p in folder.glob(pattern)}
    total = hashlib.sha256()
    for path in sorted({*described, *weights}):
        with open(path, "rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _download(model: str, revision: str | None) -> str:
    """The folder of a model of the hub: its name is the commit. What lies in the cache is not fetched again."""
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError as error:
        raise MissingExtra("a model from the hub", "huggingface_hub", "asr") from error
    try:
        for weights in _WEIGHTS:
            patterns = [*_DESCRIPTIONS, weights]
            folder: str = snapshot_download(model, revision=revision, allow_patterns=patterns)
            if any(Path(folder).glob(weights)):
                break
        return folder
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise ConfigError(
            f"`model` `{model}` is neither a folder nor a model on the hub: {_first_line(error)}"
        ) from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise Unavailable(f"the model `{model}` cannot be fetched from the hub: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
