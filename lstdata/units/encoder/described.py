"""What a checkpoint says of itself, its weights not loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.ctc_alphabet import check_rate
from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE
from lstdata.storage import read_json

FAMILIES: Final = ("Hubert", "Wav2Vec2", "WavLM")
"""What an architecture's name may begin with, a task's name following (`HubertModel`, `Wav2Vec2ForCTC`)."""


@dataclass(frozen=True, slots=True)
class Description:
    """Of an encoder."""

    hop: int
    """Samples per frame."""
    dimensions: int
    """Of a hidden state."""
    blocks: int
    """Of its transformer."""
    normalizes: bool | None
    """Whether waveforms are to be scaled to mean 0 and variance 1 first; None where the checkpoint does not say."""


def describe(checkpoint: Checkpoint) -> Description:
    """Raises ConfigError for a model that hears another rate than 16 kHz, or whose description lacks something."""
    if checkpoint.bundle is not None:
        from torchaudio import pipelines

        bundle = getattr(pipelines, checkpoint.bundle)
        layers = bundle._params["extractor_conv_layer_config"]
        check_rate(checkpoint, bundle.sample_rate, "units.model")
        stack = ConvStack(tuple(layer[1] for layer in layers), tuple(layer[2] for layer in layers))
        width, blocks = bundle._params["encoder_embed_dim"], bundle._params["encoder_num_layers"]
        return Description(stack.hop, int(width), int(blocks), bool(bundle._normalize_waveform))
    config = _read(Path(checkpoint.folder) / "config.json")
    try:
        hop = ConvStack(tuple(config["conv_kernel"]), tuple(config["conv_stride"])).hop
        dimensions, blocks = int(config["hidden_size"]), int(config["num_hidden_layers"])
    except (KeyError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"`units.model` `{checkpoint.name}`: its config.json does not describe it: {said}."
        ) from error
    path = Path(checkpoint.folder) / "preprocessor_config.json"
    heard = _read(path) if path.exists() else {}
    check_rate(checkpoint, heard.get("sampling_rate", SAMPLE_RATE), "units.model")
    return Description(hop, dimensions, blocks, heard.get("do_normalize"))


def refuse_others(name: str, architecture: str) -> None:
    """ConfigError for an architecture that is none of `FAMILIES`, nor a bundle of torchaudio."""
    if architecture.endswith("Bundle"):
        return
    stem = architecture.partition("For")[0].removesuffix("Model")
    if stem not in FAMILIES:
        raise ConfigError(f"`units.model` `{name}` is a {architecture}, but must be one of {', '.join(FAMILIES)}.")


def check_layer(layer: int, blocks: int) -> None:
    """ConfigError for a layer that a model of so many blocks has not."""
    if layer > blocks:
        raise ConfigError(f"`units.layer` must be ≤ {blocks}, the blocks of the model, but is {layer}.")


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"`{path}` cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"`{path}` must hold an object, but holds a {type(value).__name__}.")
    return value
