"""The Latent Speech-Text Transformer (arXiv 2510.06195) and the plain transformer that it is measured against.

Shapes: B rows, N tokens, M positions, L tokens in the longest position, d local width, g global width, k queries.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig
from lstdata.model.layers import Block, CrossAttention, initialize, linear, norm, rotation
from lstdata.model.masks import decoder_mask, encoder_mask, global_mask, local_mask, token_mask


class Model(nn.Module):
    """Either model: an embedding, something that turns (B, N, width) into states that predict, and an output matrix."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.embedding_dropout = nn.Dropout(config.dropout)
        self.norm = norm(width)
        self.logits = linear(width, config.vocabulary)

    def states(self, batch: Batch) -> Tensor:
        """(B, N, width): the normalised state at token t, from which token t+1 is predicted."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Tensor:
        """(B, N, vocabulary) logits of the next token."""
        logits: Tensor = self.logits(self.states(batch))
        return logits


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
        mask = local_mask(batch, config.window)
        turn = rotation(batch.index, config.local_width // config.local_heads, config.local_theta)
        x = self.embedding_dropout(self.embedding(batch.tokens))
        for block in self.encoder.blocks:
            x = block(x, mask, turn)
        latent = self.trunk(self.encoder(x, batch), global_mask(batch), batch.position_index)
        x = self.decoder(x, latent, batch, mask, turn)
        states: Tensor = self.norm(x)
        return states


class PlainTransformer(Model):
    """The baseline: the global transformer over tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, config.global_width)
        self.trunk = Trunk(config)
        initialize(self, config.global_layers)

    def states(self, batch: Batch) -> Tensor:
        x = self.embedding_dropout(self.embedding(batch.tokens))
        states: Tensor = self.norm(self.trunk(x, token_mask(batch), batch.index))
        return states


class Trunk(nn.Module):
    """The global transformer: causal blocks within a document, rotary over the place among its positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_width = config.global_width // config.global_heads
        self.theta = config.global_theta
        self.blocks = nn.ModuleList(
            Block(config.global_width, config.global_heads, config.feedforward_multiple, config.dropout)
            for _ in range(config.global_layers)
        )

    def forward(self, x: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        turn = rotation(places, self.head_width, self.theta)
        for block in self.blocks:
            x = block(x, mask, turn)
        return x


class PatchEncoder(nn.Module):
    """Local blocks over tokens, then k queries per position, pooled from its token states, read those states."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.queries = config.local_width, config.queries
        self.blocks = nn.ModuleList(
            Block(width, config.local_heads, config.feedforward_multiple, config.dropout)
            for _ in range(config.encoder_layers)
        )
        self.to_queries = linear(width, self.queries * width)
        self.cross = CrossAttention(width, config.local_heads, config.dropout)
        joined = self.queries * width
        self.to_global = linear(joined, config.global_width) if joined != config.global_width else nn.Identity()

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, M, g) from the token states (B, N, d) that the blocks left."""
        rows, positions, longest = batch.members.shape
        member = batch.members >= 0
        offsets = torch.arange(rows, device=x.device)[:, None, None] * x.shape[1]
        source = x.flatten(0, 1)[(batch.members.clamp(min=0) + offsets).flatten()].view(rows * positions, longest, -1)
        outside = ~member.flatten(0, 1)[:, :, None]
        pooled = source.masked_fill(outside, float("-inf")).amax(dim=1)
        pooled = pooled.masked_fill(outside.all(dim=1), 0.0)
        queries = self.to_queries(pooled).view(rows * positions, self.queries, -1)
        latent: Tensor = self.to_global(self.cross(queries, source, encoder_mask(batch)).flatten(-2))
        return latent.view(rows, positions, -1)


class PatchDecoder(nn.Module):
    """From the token states: in each layer, read the positions finished so far, then a local block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.queries, self.visible = config.local_width, config.queries, config.visible
        self.from_global = linear(config.global_width, self.queries * width)
        self.cross = nn.ModuleList(
            CrossAttention(width, config.local_heads, config.dropout) for _ in range(config.decoder_layers)
        )
        self.blocks = nn.ModuleList(
            Block(width, config.local_heads, config.feedforward_multiple, config.dropout)
            for _ in range(config.decoder_layers)
        )

    def forward(self, x: Tensor, latent: Tensor, batch: Batch, mask: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """(B, N, d) from token states (B, N, d) and global outputs (B, M, g)."""
        keys = self.from_global(latent).view(x.shape[0], -1, x.shape[-1])
        seen = decoder_mask(batch, self.visible, self.queries)
        for cross, block in zip(self.cross, self.blocks, strict=True):
            x = block(cross(x, keys, seen), mask, turn)
        return x


def build_model(config: ModelConfig) -> Model:
    """A freshly initialised model in training mode."""
    return LatentSpeechTextTransformer(config) if config.architecture == "lst" else PlainTransformer(config)
