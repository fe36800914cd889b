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
    """Raises ConfigError for a model that hears another rate than 16 kHz, or whose frames lie on no grid of ours.

    So too for a description that lacks something.
    """
    if checkpoint.bundle is not None:
        from torchaudio import pipelines

        bundle = getattr(pipelines, checkpoint.bundle)
        layers = bundle._params["extractor_conv_layer_config"]
        check_rate(checkpoint, bundle.sample_rate, "units.model")
        stack = _stack(checkpoint, [layer[1] for layer in layers], [layer[2] for layer in layers])
        width, blocks = bundle._params["encoder_embed_dim"], bundle._params["encoder_num_layers"]
        return Description(stack.hop, int(width), int(blocks), bool(bundle._normalize_waveform))
    config = _read(Path(checkpoint.folder) / "config.json")
    try:
        stack = _stack(checkpoint, config["conv_kernel"], config["conv_stride"])
        dimensions, blocks = int(config["hidden_size"]), int(config["num_hidden_layers"])
    except (KeyError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"`units.model` `{checkpoint.name}`: its config.json does not describe it: {said}."
        ) from error
    path = Path(checkpoint.folder) / "preprocessor_config.json"
    heard = _read(path) if path.exists() else {}
    check_rate(checkpoint, heard.get("sampling_rate", SAMPLE_RATE), "units.model")
    return Description(stack.hop, dimensions, blocks, heard.get("do_normalize"))


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


def _stack(checkpoint: Checkpoint, kernels: Any, strides: Any) -> ConvStack:
    if not (_are_positive(kernels) and _are_positive(strides) and len(kernels) == len(strides)):
        said = f"{kernels!r:.60} and {strides!r:.60}"
        raise ConfigError(
            f"`units.model` `{checkpoint.name}`: its `conv_kernel` and `conv_stride` must be lists of equally many "
            f"positive whole numbers, but are {said}."
        )
    stack = ConvStack(tuple(kernels), tuple(strides))
    if not stack.fits_the_grid():
        raise ConfigError(
            f"`units.model` `{checkpoint.name}`: a frame of its convolutions looks at {stack.field} samples every "
            f"{stack.hop}: that cannot be centred on a grid of whole frames."
        )
    return stack


def _are_positive(numbers: Any) -> bool:
    return isinstance(numbers, list) and len(numbers) > 0 and all(type(n) is int and n > 0 for n in numbers)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"`{path}` cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"`{path}` must hold an object, but holds a {type(value).__name__}.")
    return value
