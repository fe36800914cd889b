"""The model's work, by formula: floating-point operations of its matrix products, attention by pairs really seen.

A product of (m, k) and (k, n) counts 2·m·n·k. What is left out – norms, rotary positions, activations, softmax,
pooling – is under 1 % of it at the paper's sizes. The backward pass counts twice the forward pass; recomputation counts
nothing: these are the model's FLOPs, not the hardware's (as PaLM counts them, arXiv 2204.02311, appendix B).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from torch import Tensor

from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig, feedforward_width
from lstdata.model.sights import Sight, decoder_sight, encoder_sight, global_sight, local_sight, token_sight

TRAINING: Final = 3
"""Forward and backward, in forward passes."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What FLOPs are linear in, of one batch or summed over many; padding is in none of it."""

    tokens: float
    positions: float
    """Of the global transformer: for the plain model, tokens."""
    local_pairs: float = 0
    """Queries and keys that see each other, of one layer of local self-attention."""
    encoder_pairs: float = 0
    """Of a position's queries and its own tokens."""
    global_pairs: float
    decoder_pairs: float = 0
    """Of tokens and the keys of finished positions, of one layer."""


WORK: Final = tuple(field.name for field in fields(Work))


def work(config: ModelConfig, batch: Batch) -> dict[str, Tensor | int]:
    """The fields of `Work` of a batch, those that depend on its tensors as scalars on its device."""
    n, m = batch.num_tokens, batch.num_positions
    if config.architecture == "plain":
        return {"tokens": n, "positions": n, "global_pairs": _pairs(token_sight(batch), n)}
    return {
        "tokens": n,
        "positions": m,
        "local_pairs": _pairs(local_sight(batch, config.window), n),
        "encoder_pairs": _pairs(encoder_sight(batch, config.queries), m * config.queries),
        "global_pairs": _pairs(global_sight(batch), m),
        "decoder_pairs": _pairs(decoder_sight(batch, config.visible, config.queries), n),
    }


def flops_by_part(config: ModelConfig, work: Work) -> dict[str, float]:
    """FLOPs of a forward pass through `encoder`, `trunk`, `decoder`, `output`; the plain model has no patch parts."""
    d, g, k = config.local_width, config.global_width, config.queries
    n, m = work.tokens, work.positions

    def product(rows: float, width_in: int, width_out: int) -> float:
        return 2 * rows * width_in * width_out

    def attended(pairs: float, width: int) -> float:
        """Scores and their sum over values."""
        return 4 * pairs * width

    def block(rows: float, pairs: float, width: int) -> float:
        inner = feedforward_width(width, config.feedforward_multiple)
        return product(rows, width, 4 * width + 3 * inner) + attended(pairs, width)

    def cross(queries: float, keys: float, pairs: float) -> float:
        return product(queries, d, 2 * d) + product(keys, d, 2 * d) + attended(pairs, d)

    trunk = config.global_layers * block(m, work.global_pairs, g)
    if config.architecture == "plain":
        return {"trunk": trunk, "output": product(n, g, config.vocabulary)}
    encoder = config.encoder_layers * block(n, work.local_pairs, d) + product(m, d, k * d)
    encoder += cross(k * m, n, work.encoder_pairs) + (product(m, k * d, g) if k * d != g else 0)
    layer = cross(n, k * m, work.decoder_pairs) + block(n, work.local_pairs, d)
    return {
        "encoder": encoder,
        "trunk": trunk,
        "decoder": product(m, g, k * d) + config.decoder_layers * layer,
        "output": product(n, d, config.vocabulary),
    }


def training_flops(config: ModelConfig, work: Work) -> float:
    """FLOPs of a forward and a backward pass."""
    return TRAINING * sum(flops_by_part(config, work).values())


def _pairs(sight: Sight, queries: int) -> Tensor:
    """Pairs of the first so many queries, which are all that is not padding."""
    return (sight.end - sight.first)[:queries].sum()
