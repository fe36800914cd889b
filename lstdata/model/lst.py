"""The Latent Speech-Text Transformer (arXiv 2510.06195) and the plain transformer that it is measured against.

Shapes: N tokens, M positions, of all documents of a batch; d local width, g global width, k queries.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lstdata.model.attention import Attend, attention
from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig
from lstdata.model.layers import Block, CrossAttention, Rotation, initialize, linear, norm, rotation
from lstdata.model.loss import token_losses
from lstdata.model.sights import Sight, decoder_sight, encoder_sight, global_sight, local_sight, token_sight


class Model(nn.Module):
    """Either model: an embedding, something that turns (N, width) into states that predict, and an output matrix."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.embedding_dropout = nn.Dropout(config.dropout)
        self.norm = norm(width)
        self.logits = linear(width, config.vocabulary)

    def states(self, batch: Batch) -> Tensor:
        """(N, width): the normalised state at token t, from which token t+1 is predicted."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The summed cross-entropy of the next tokens in nats, and (N,) each token's; only the sum has a gradient."""
        return token_losses(self.states(batch), self.logits.weight, batch.targets)

    def plan(self, sight: Sight) -> Attend:
        return attention(sight, self.config.attention)

    def embed(self, batch: Batch) -> Tensor:
        embedded: Tensor = self.embedding_dropout(self.embedding(batch.tokens))
        return embedded


class LatentSpeechTextTransformer(Model):
    """Patch encoder, global transformer over positions, patch decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, config.local_width)
        self.encoder = PatchEncoder(config)
        self.trunk = Trunk(config)
        self.decoder = PatchDecoder(config)
        initialize(self, config.encoder_layers + config.global_layers + config.decoder_layers)

    def states(self, batch: Batch) -> Tensor:
        config = self.config
        local = self.plan(local_sight(batch, config.window))
        own = self.plan(encoder_sight(batch, config.queries))
        across = self.plan(global_sight(batch))
        finished = self.plan(decoder_sight(batch, config.visible, config.queries))
        turn = rotation(batch.index, config.local_width // config.local_heads, config.local_theta)
        x = self.encoder(self.embed(batch), local, turn)
        latent = self.trunk(self.encoder.latents(x, pool(x, batch), own), across, batch.position_index)
        states: Tensor = self.norm(self.decoder(x, latent, local, finished, turn))
        return states


class PlainTransformer(Model):
    """The baseline: the global transformer over tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, config.global_width)
        self.trunk = Trunk(config)
        initialize(self, config.global_layers)

    def states(self, batch: Batch) -> Tensor:
        seen = self.plan(token_sight(batch))
        states: Tensor = self.norm(self.trunk(self.embed(batch), seen, batch.index))
        return states


class Trunk(nn.Module):
    """The global transformer: causal blocks within a document, rotary over the place among its positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_width = config.global_width // config.global_heads
        self.theta = config.global_theta
        self.recompute = config.recompute
        self.blocks = _blocks(config, config.global_layers, config.global_width, config.global_heads)

    def forward(self, x: Tensor, attend: Attend, places: Tensor) -> Tensor:
        turn = rotation(places, self.head_width, self.theta)
        for block in self.blocks:
            x = _run(block, x, attend, turn, recompute=self.recompute)
        return x


class PatchEncoder(nn.Module):
    """Local blocks over tokens, then k queries per position, pooled from its token states, read those states."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.queries = config.local_width, config.queries
        self.recompute = config.recompute
        self.blocks = _blocks(config, config.encoder_layers, width, config.local_heads)
        self.to_queries = linear(width, self.queries * width)
        self.cross = CrossAttention(width, config.local_heads, config.dropout)
        joined = self.queries * width
        self.to_global = linear(joined, config.global_width) if joined != config.global_width else nn.Identity()

    def forward(self, x: Tensor, local: Attend, turn: Rotation) -> Tensor:
        """Token states from embeddings, both (N, d)."""
        for block in self.blocks:
            x = _run(block, x, local, turn, recompute=self.recompute)
        return x

    def latents(self, x: Tensor, pooled: Tensor, own: Attend) -> Tensor:
        """What the global transformer reads, (M, g), from token states (N, d) and the greatest of each position's.

        In the states' type: under autocast the residual stream is float32, as in the baseline, from here on too.
        """
        queries = self.to_queries(pooled).view(-1, x.shape[1])
        latent = _run(self.cross, queries, x, own, recompute=self.recompute)
        read: Tensor = self.to_global(latent.view(len(pooled), -1)).type_as(x)
        return read


class PatchDecoder(nn.Module):
    """From the token states: in each layer, read the positions finished so far, then a local block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.queries = config.local_width, config.queries
        self.recompute = config.recompute
        self.from_global = linear(config.global_width, self.queries * width)
        self.cross = nn.ModuleList(
            CrossAttention(width, config.local_heads, config.dropout) for _ in range(config.decoder_layers)
        )
        self.blocks = _blocks(config, config.decoder_layers, width, config.local_heads)

    def forward(self, x: Tensor, latent: Tensor, local: Attend, finished: Attend, turn: Rotation) -> Tensor:
        """(N, d) from token states (N, d) and global outputs (M, g)."""
        keys = self.from_global(latent).view(-1, x.shape[1])
        for cross, block in zip(self.cross, self.blocks, strict=True):
            x = _run(cross, x, keys, finished, recompute=self.recompute)
            x = _run(block, x, local, turn, recompute=self.recompute)
        return x


def pool(x: Tensor, batch: Batch) -> Tensor:
    """(M, d): the greatest of the token states (N, d) of each position, element by element."""
    empty = x.new_zeros(len(batch.position_end), x.shape[1])
    return empty.scatter_reduce(0, batch.position[:, None].expand_as(x), x, "amax", include_self=False)


def build_model(config: ModelConfig) -> Model:
    """A freshly initialised model in training mode."""
    return LatentSpeechTextTransformer(config) if config.architecture == "lst" else PlainTransformer(config)


def _blocks(config: ModelConfig, layers: int, width: int, heads: int) -> nn.ModuleList:
    return nn.ModuleList(Block(width, heads, config.feedforward_multiple, config.dropout) for _ in range(layers))


def _run(layer: nn.Module, *inputs: Any, recompute: bool) -> Tensor:
    """The layer's output; with `recompute` nothing inside is kept for the gradient."""
    if recompute and layer.training:
        output: Tensor = checkpoint(layer, *inputs, use_reentrant=False)
    else:
        output = layer(*inputs)
    return output
