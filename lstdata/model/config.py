"""The model's dimensions, its presets, and its size by formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from lstdata.errors import ConfigError

Architecture = Literal["lst", "plain"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One of the paper's models; `plain` is its baseline, the global transformer alone over tokens."""

    architecture: Architecture = "lst"
    vocabulary: int = 0
    """Rows of the embedding and of the output matrix: text, markers and units together."""
    global_width: int
    global_layers: int
    global_heads: int
    local_width: int
    local_heads: int
    encoder_layers: int
    decoder_layers: int
    queries: int = 2
    """k: queries per position in the patch encoder, keys per position in the patch decoder."""
    window: int = 512
    """Tokens that local self-attention sees, itself included."""
    visible: int = 512
    """Latest finished positions that a token of the decoder sees."""
    local_theta: float = 1e4
    global_theta: float = 5e5
    feedforward_multiple: int = 256
    """Inner widths of feed-forward layers are rounded up to a multiple of this."""
    dropout: float = 0.0

    def mistakes(self) -> Iterator[str]:
        sizes = ("vocabulary", "global_width", "global_layers", "global_heads", "local_width", "local_heads")
        for name in (*sizes, "queries", "window", "visible", "feedforward_multiple"):
            if getattr(self, name) < 1:
                yield f"`{name}` must be ≥ 1, but is {getattr(self, name)}."
        for part in ("global", "local"):
            width, heads = getattr(self, f"{part}_width"), getattr(self, f"{part}_heads")
            if heads > 0 and width % (2 * heads):
                yield f"`{part}_width` must be a multiple of 2·`{part}_heads` ({2 * heads}), but is {width}."
        if not 0 <= self.dropout < 1:
            yield f"`dropout` must be in [0, 1), but is {self.dropout}."


PRESETS: Final[dict[str, ModelConfig]] = {
    # Chosen here, for two CPU cores and minutes.
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
    # A hint in the authors' configuration files, not in the paper.
    "420m": ModelConfig(
        global_width=1280,
        global_layers=18,
        global_heads=10,
        local_width=768,
        local_heads=12,
        encoder_layers=7,
        decoder_layers=7,
    ),
    # arXiv 2510.06195.
    "1b": ModelConfig(
        global_width=2048,
        global_layers=25,
        global_heads=16,
        local_width=1024,
        local_heads=16,
        encoder_layers=1,
        decoder_layers=9,
    ),
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


def feedforward_width(width: int, multiple: int) -> int:
    """⅔ of 4·width, rounded up to a multiple."""
    return -(-(8 * width // 3) // multiple) * multiple


def count_parameters(config: ModelConfig) -> int:
    """The number of parameters, by formula."""
    c, d, g, k = config, config.local_width, config.global_width, config.queries

    def block(width: int) -> int:
        return 4 * width**2 + 3 * width * feedforward_width(width, c.feedforward_multiple) + 2 * width

    def tables(width: int) -> int:
        return 2 * c.vocabulary * width + width

    trunk = c.global_layers * block(g)
    if c.architecture == "plain":
        return trunk + tables(g)
    cross = 4 * d**2 + 2 * d
    encoder = c.encoder_layers * block(d) + k * d**2 + cross
    bridges = (k * d * g if k * d != g else 0) + k * d * g
    decoder = c.decoder_layers * (block(d) + cross)
    return tables(d) + encoder + bridges + trunk + decoder
