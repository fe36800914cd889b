"""Which model it is: a folder of files, wherever it came from, or a bundle of torchaudio, and the sum that names it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.errors import ConfigError, MissingExtra, Unavailable
from lstdata.storage import read_json

_DESCRIPTIONS: Final = ("*.json", "*.txt", "*.model")
_WEIGHTS: Final = ("model*.safetensors", "pytorch_model*.bin")
"""Safetensors, and else what `torch.load(weights_only=True)` reads; the first that is there is loaded."""
_LARGEST_HEADER: Final = 100_000_000
"""Bytes of JSON that the safetensors library reads at most."""

FEATURE_EXTRACTOR: Final[dict[str, tuple[str, ...]]] = {
    "feature extractor": ("preprocessor_config.json", "processor_config.json")
}
TOKENIZER: Final[dict[str, tuple[str, ...]]] = {"tokenizer": ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")}
"""What a model may need beside its weights, and the files of which one must be there."""

BUNDLE: Final = "torchaudio:"
"""What names a bundle of torchaudio begin with: `torchaudio:HUBERT_BASE`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that was found."""

    name: str
    """As it was asked for; of a folder its last part, since the same files are the same model anywhere."""
    folder: str
    """Where its files are on this machine; of a bundle the file of its weights."""
    architecture: str
    sha256: str
    """Of its description, tokenizer and weights: names and contents."""
    revision: str | None = None
    """The commit on the hub."""

    @property
    def is_safe(self) -> bool:
        """Whether the weights are safetensors."""
        return bool(_files(self.folder, _WEIGHTS[0]))

    @property
    def bundle(self) -> str | None:
        """The name of the bundle in `torchaudio.pipelines`; None for a checkpoint of `transformers`."""
        return self.name.removeprefix(BUNDLE) if self.name.startswith(BUNDLE) else None

    @property
    def is_public(self) -> bool:
        """Whether its name is one that others know it by: of a model on the hub, or a bundle."""
        return self.revision is not None or self.bundle is not None

    def identity(self) -> dict[str, str | None]:
        """What says which model it was, on any machine."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "revision": self.revision,
            "sha256": self.sha256,
        }


def find_checkpoint(
    model: str,
    revision: str | None = None,
    *,
    option: str = "model",
    parts: Mapping[str, Sequence[str]] | None = None,
    accept: Callable[[str, str], None] | None = None,
) -> Checkpoint:
    """The checkpoint in a folder, or of a name on the hub, downloaded where it is not yet on this machine.

    `option` is what the user calls it by, `parts` what must be there beside the weights, and `accept` is given name
    and architecture, to raise ConfigError for one of the wrong kind. Raises ConfigError for what is no checkpoint, and
    Unavailable where the hub cannot be reached.
    """
    look = _Look(option, parts or {}, accept)
    if os.path.isdir(model):
        if revision is not None:
            raise ConfigError(f"`revision` is for models on the hub, but `{model}` is a folder.")
        return look.described(os.path.basename(os.path.abspath(model)), os.path.abspath(model), None)
    if os.path.isabs(model) or model.startswith(".") or model.count("/") > 1:
        raise ConfigError(f"`{option}` must be a folder or a name on the hub, but there is no folder `{model}`.")
    folder = _download(model, revision, option)
    return look.described(model, folder, os.path.basename(folder))


@dataclass(frozen=True)
class _Look:
    """How a folder is looked at."""

    option: str
    parts: Mapping[str, Sequence[str]]
    accept: Callable[[str, str], None] | None

    def described(self, name: str, folder: str, revision: str | None) -> Checkpoint:
        architecture = self._architecture(folder)
        if self.accept is not None:
            self.accept(name, architecture)
        for part, files in self.parts.items():
            if not any(_files(folder, file) for file in files):
                raise ConfigError(f"`{self.option}` `{folder}` holds no {part}: there must be {' or '.join(files)}.")
        weights = self._weights(folder)
        return Checkpoint(name, folder, architecture, _sum(folder, weights), revision)

    def _architecture(self, folder: str) -> str:
        path = Path(folder) / "config.json"
        if not path.is_file():
            raise ConfigError(
                f"`{self.option}` `{folder}` holds no config.json: it is no checkpoint of `transformers`."
            )
        try:
            described: Any = read_json(path)
            return str(described["architectures"][0])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ConfigError(f"`{path}` does not name its model under `architectures`.") from error

    def _weights(self, folder: str) -> list[Path]:
        """Those that loading would read; safetensors are whole as far as their lengths say."""
        weights = next((found for pattern in _WEIGHTS if (found := _files(folder, pattern))), None)
        if weights is None:
            raise ConfigError(f"`{self.option}` `{folder}` holds no weights: there must be {' or '.join(_WEIGHTS)}.")
        for path in weights:
            damage = _damage(path) if path.suffix == ".safetensors" else None
            if damage is not None:
                raise ConfigError(
                    f"`{self.option}` `{folder}`: its weights cannot be loaded: `{path.name}` is damaged: {damage}."
                )
        return weights


def _files(folder: str, pattern: str) -> list[Path]:
    return sorted(path for path in Path(folder).glob(pattern) if path.is_file())


def _sum(folder: str, weights: list[Path]) -> str:
    """One sum over all files that loading could read."""
    described = {path for pattern in _DESCRIPTIONS for path in _files(folder, pattern)}
    total = hashlib.sha256()
    for path in sorted({*described, *weights}):
        with open(path, "rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _damage(path: Path) -> str | None:
    """What is wrong with the lengths in a file of safetensors: that of its header, and where its tensors end."""
    there = path.stat().st_size
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if there < 8 or size > min(there - 8, _LARGEST_HEADER):
            return f"it has {there} bytes, too few for its header"
        try:
            header = json.loads(file.read(size))
            ends = [int(tensor["data_offsets"][1]) for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return "its header is no table of tensors"
    expected = 8 + size + max(ends, default=0)
    return None if there == expected else f"it has {there} bytes, but its header promises {expected}"


def _download(model: str, revision: str | None, option: str) -> str:
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
            f"`{option}` `{model}` is neither a folder nor a model on the hub: {_first_line(error)}"
        ) from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise Unavailable(
            f"the model `{model}` is no folder here, and cannot be fetched from the hub: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
