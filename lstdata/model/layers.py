"""What every stack is made of: attention, SwiGLU, pre-norm blocks, rotary positions.

Shapes: N queries, K keys, H heads, D head width. Who sees whom is in the `attend` that is handed in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstdata.model.attention import Attend
from lstdata.model.config import feedforward_width

NORM_EPSILON = 1e-5

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines, each (N, 1, D/2)."""


def rotation(places: Tensor, head_width: int, theta: float) -> Rotation:
    """Rotary angles for places (N,): pair i of D/2 turns by place · theta^(−2i/D) (arXiv 2104.09864)."""
    exponents = torch.arange(0, head_width, 2, device=places.device, dtype=torch.float32) / head_width
    angles = places[:, None, None].float() * theta**-exponents
    return angles.cos(), angles.sin()


def rotate(x: Tensor, turn: Rotation) -> Tensor:
    """Turn (N, H, D), whose pairs are elements i and i + D/2."""
    cos, sin = turn
    first, second = x.to(torch.promote_types(x.dtype, cos.dtype)).chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).type_as(x)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(N, H·D) to (N, H, D)."""
    return x.view(*x.shape[:-1], heads, x.shape[-1] // heads)


def norm(width: int) -> nn.RMSNorm:
    return nn.RMSNorm(width, eps=NORM_EPSILON)


def linear(width_in: int, width_out: int) -> nn.Linear:
    return nn.Linear(width_in, width_out, bias=False)


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, with rotary positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = linear(width, 3 * width)
        self.output = linear(width, width)

    def forward(self, x: Tensor, attend: Attend, turn: Rotation) -> Tensor:
        queries, keys, values = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        attended: Tensor = self.output(attend(rotate(queries, turn), rotate(keys, turn), values).flatten(-2))
        return attended


class CrossAttention(nn.Module):
    """Multi-head attention to another sequence, both normalised, no positions; the residual is inside."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm = norm(width)
        self.source_norm = norm(width)
        self.query = linear(width, width)
        self.key_value = linear(width, 2 * width)
        self.output = linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, source: Tensor, attend: Attend) -> Tensor:
        queries = split_heads(self.query(self.query_norm(x.type_as(self.query_norm.weight))), self.heads)
        pair = self.key_value(self.source_norm(source.type_as(self.source_norm.weight))).chunk(2, dim=-1)
        keys, values = (split_heads(part, self.heads) for part in pair)
        result: Tensor = x + self.dropout(self.output(attend(queries, keys, values).flatten(-2)))
        return result


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, width: int, multiple: int) -> None:
        super().__init__()
        inner = feedforward_width(width, multiple)
        self.gate_up = linear(width, 2 * inner)
        self.output = linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        result: Tensor = self.output(functional.silu(gate) * up)
        return result


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward, each with its residual."""

    def __init__(self, width: int, heads: int, multiple: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = norm(width)
        self.attention = SelfAttention(width, heads)
        self.feedforward_norm = norm(width)
        self.feedforward = FeedForward(width, multiple)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, attend: Attend, turn: Rotation) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), attend, turn))
        x = x + self.dropout(self.feedforward(self.feedforward_norm(x)))
        return x


def initialize(module: nn.Module, depth: int) -> None:
    """Normal weights cut at 3σ, σ = 1/√fan-in, smaller by √(2·depth) where a residual is written (chosen here)."""
    for name, child in module.named_modules():
        if isinstance(child, nn.Linear | nn.Embedding):
            std = child.weight.shape[-1] ** -0.5
            if name.endswith(".output"):
                std /= (2 * depth) ** 0.5
            nn.init.trunc_normal_(child.weight, std=std, a=-3 * std, b=3 * std)
