"""The model's dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["lst", "plain"]

Kind = Literal["auto", "flex", "blocked", "dense"]
"""Of attention: FlexAttention on a GPU and blocks of queries elsewhere; or one of them, or a dense mask."""


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
    attention: Kind = "auto"
    """How attention is computed; the result is the same up to rounding."""
    recompute: bool = False
    """Forget what is inside a block and compute it again for the gradient: less memory, a third more work."""

    def mistakes(self) -> Iterator[str]:
        sizes = ("vocabulary", "global_width", "global_layers", "global_heads", "local_width", "local_heads")
        for name in (*sizes, "decoder_layers", "queries", "window", "visible", "feedforward_multiple"):
            if getattr(self, name) < 1:
                yield f"`{name}` must be ≥ 1, but is {getattr(self, name)}."
        for part in ("global", "local"):
            width, heads = getattr(self, f"{part}_width"), getattr(self, f"{part}_heads")
            if heads > 0 and width % (2 * heads):
                yield f"`{part}_width` must be a multiple of 2·`{part}_heads` ({2 * heads}), but is {width}."
        if self.encoder_layers < 0:
            yield f"`encoder_layers` must be ≥ 0, but is {self.encoder_layers}."
        for name in ("local_theta", "global_theta"):
            if getattr(self, name) <= 0:
                yield f"`{name}` must be > 0, but is {getattr(self, name)}."
        if not 0 <= self.dropout < 1:
            yield f"`dropout` must be in [0, 1), but is {self.dropout}."


def feedforward_width(width: int, multiple: int) -> int:
    """⅔ of 4·width, rounded up to a multiple."""
    return -(-(8 * width // 3) // multiple) * multiple
