"""What training takes of a GPU's memory, estimated: bfloat16 autocast, float32 weights, AdamW, blocks not compiled.

Kept for the gradient, in bytes per row of a layer of width w, with inner width f. A block: two normed inputs (4w each)
and norms (2w each), queries, keys, values and turned queries and keys (10w), what is attended (2w), gates, ups, their
activation and their product (8f). A cross-attention: 10d per query, 14d per key. Compiled blocks keep less.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lstdata.model.config import ModelConfig, feedforward_width
from lstdata.model.flops import Work
from lstdata.model.loss import LOGITS
from lstdata.model.parameters import count_parameters, parameters_by_part


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of one process at the fullest."""

    states: float
    """Weights, gradients and AdamW's two moments."""
    copies: float
    """Weights in bfloat16: all of them or, under FSDP2, the tables and the two blocks that are gathered at a time."""
    activations: float
    recomputed: float
    """Activations under `recompute`: the inputs of all blocks, and one block's inside."""
    loss: float
    """A chunk's logits, their softmax and gradient."""
    logits: float
    """What logits of all tokens would take in their place."""

    @property
    def total(self) -> float:
        return self.states + self.copies + self.activations + self.loss

    @property
    def total_recomputed(self) -> float:
        return self.states + self.copies + self.recomputed + self.loss

    def to_json(self) -> dict[str, float]:
        return {**asdict(self), "total": self.total, "total_recomputed": self.total_recomputed}


def memory(model: ModelConfig, batch: Work, shards: int) -> Memory:
    """Of a process that keeps one of so many shares of the model, at a batch of its own of this size."""
    parts = parameters_by_part(model)
    width = model.global_width if model.architecture == "plain" else model.local_width
    trunk_block = parts["trunk"] // model.global_layers
    gathered = parts["embedding"] + parts["output"] + 2 * trunk_block
    layers = list(_layers(model, batch))
    ends = 12.0 * batch.tokens * width
    """Of the embedding, the last norm and the gradient of the states."""
    inputs = sum(outer for outer, _ in layers)
    return Memory(
        states=16 * count_parameters(model) / shards,
        copies=2 * (gathered if shards > 1 else count_parameters(model)),
        activations=ends + sum(inner for _, inner in layers),
        recomputed=ends + inputs + max(inner for _, inner in layers),
        loss=10.0 * LOGITS,
        logits=10.0 * batch.tokens * model.vocabulary,
    )


def _layers(model: ModelConfig, batch: Work) -> list[tuple[float, float]]:
    """Bytes of the inputs and of all that is kept of each layer that recomputation treats as one."""
    n, m, d, k = batch.tokens, batch.positions, model.local_width, model.queries

    def block(rows: float, width: int) -> tuple[float, float]:
        return 4.0 * rows * width, rows * (24.0 * width + 8.0 * feedforward_width(width, model.feedforward_multiple))

    def cross(queries: float, keys: float) -> tuple[float, float]:
        return 4.0 * queries * d, 10.0 * queries * d + 14.0 * keys * d

    trunk = [block(m, model.global_width)] * model.global_layers
    if model.architecture == "plain":
        return trunk
    encoder = [*[block(n, d)] * model.encoder_layers, cross(k * m, n)]
    return encoder + trunk + [cross(n, k * m), block(n, d)] * model.decoder_layers
