"""The paper's sizes. The dimensions of two are known; those of the others are chosen here."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lstdata.errors import ConfigError
from lstdata.model.config import Architecture, ModelConfig

PUBLISHED: Final = {
    "420m": "a hint in the authors' configuration files, not in the paper",
    "1b": "arXiv 2510.06195",
}
"""Where dimensions come from; those of a preset that is not named here are chosen here."""


def _in_proportion(global_width: int, global_layers: int, decoder_layers: int) -> ModelConfig:
    """In the paper's 1B's proportions: heads of 128 and, locally, half the width, heads of 64, one encoder layer.

    Depths are chosen so that the baseline's parameters at the 32,506 ids of Llama 2 and 500 units meet the name.
    """
    return ModelConfig(
        global_width=global_width,
        global_layers=global_layers,
        global_heads=global_width // 128,
        local_width=global_width // 2,
        local_heads=global_width // 128,
        encoder_layers=1,
        decoder_layers=decoder_layers,
    )


PRESETS: Final[dict[str, ModelConfig]] = {
    # For two CPU cores and minutes.
    "tiny": ModelConfig(
        global_width=128,
        global_layers=2,
        global_heads=4,
        local_width=64,
        local_heads=2,
        encoder_layers=1,
        decoder_layers=2,
        feedforward_multiple=64,
    ),
    "60m": _in_proportion(512, 8, 3),
    "420m": ModelConfig(
        global_width=1280,
        global_layers=18,
        global_heads=10,
        local_width=768,
        local_heads=12,
        encoder_layers=7,
        decoder_layers=7,
    ),
    "630m": _in_proportion(1536, 19, 7),
    "810m": _in_proportion(1536, 25, 9),
    "1b": _in_proportion(2048, 25, 9),
    "1.1b": _in_proportion(1792, 25, 9),
    # The 1b once more, by the size of its baseline.
    "1.4b": _in_proportion(2048, 25, 9),
    "1.8b": _in_proportion(2304, 26, 9),
    # The trunk has the dimensions of Llama 2 7B.
    "7b": _in_proportion(4096, 32, 12),
}


def model_config(preset: str, vocabulary: int, architecture: Architecture = "lst", **changes: float) -> ModelConfig:
    """A preset's dimensions for a vocabulary; ConfigError with all mistakes at once."""
    if preset not in PRESETS:
        raise ConfigError(f"`preset` must be one of {', '.join(PRESETS)}, but is {preset!r}.")
    config = replace(PRESETS[preset], vocabulary=vocabulary, architecture=architecture, **changes)  # type: ignore[arg-type]
    mistakes = list(config.mistakes())
    if mistakes:
        raise ConfigError(*mistakes)
    return config
