"""The models written out from the specification: one document, one token and one position at a time, no masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from lstdata.model.layers import Block, CrossAttention
from lstdata.model.lst import LatentSpeechTextTransformer, Model
from lstdata.packing import Row


def naive_logits(model: Model, rows: Sequence[Row]) -> Tensor:
    """(N, vocabulary) over the documents of all rows in order."""
    made = []
    for row in rows:
        ends = np.cumsum(row.documents)
        position_ends = np.cumsum(row.lengths)
        for start, end in zip(ends - row.documents, ends, strict=True):
            inside = (position_ends > start) & (position_ends <= end)
            late = [False] * int(inside.sum()) if row.late is None else row.late[inside].tolist()
            tokens = torch.from_numpy(row.tokens[start:end].astype(np.int64))
            made.append(_document(model, tokens, row.lengths[inside].tolist(), late))
    return torch.cat(made)


def _document(model: Model, tokens: Tensor, lengths: list[int], late: list[bool]) -> Tensor:
    c = model.config
    x = model.embedding.weight[tokens]
    if not isinstance(model, LatentSpeechTextTransformer):
        for block in model.trunk.blocks:
            x = _block(block, x, len(tokens), c.global_theta)  # type: ignore[arg-type]
        return _norm(model.norm, x) @ model.logits.weight.t()
    for block in model.encoder.blocks:
        x = _block(block, x, c.window, c.local_theta)  # type: ignore[arg-type]
    latents, first_reader, start = [], [], 0
    for length, later in zip(lengths, late, strict=True):
        span = x[start : start + length]
        queries = (model.encoder.to_queries.weight @ span.max(dim=0).values).view(c.queries, -1)
        read = torch.stack([_read(model.encoder.cross, query, span) for query in queries]).flatten()
        latents.append(read if isinstance(model.encoder.to_global, nn.Identity) else model.encoder.to_global(read))
        start += length
        first_reader.append(start if later else start - 1)
    g = torch.stack(latents)
    for block in model.trunk.blocks:
        g = _block(block, g, len(g), c.global_theta)  # type: ignore[arg-type]
    keys = (g @ model.decoder.from_global.weight.t()).view(len(g), c.queries, -1)
    for cross, block in zip(model.decoder.cross, model.decoder.blocks, strict=True):
        states = []
        for token, state in enumerate(x):
            finished = [j for j, first in enumerate(first_reader) if first <= token][-c.visible :]
            states.append(_read(cross, state, torch.cat([keys[j] for j in finished])))  # type: ignore[arg-type]
        x = _block(block, torch.stack(states), c.window, c.local_theta)  # type: ignore[arg-type]
    return _norm(model.norm, x) @ model.logits.weight.t()


def _norm(norm: nn.RMSNorm, x: Tensor) -> Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight


def _attend(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """One query (width,) over keys (K, width)."""
    parts = [x.reshape(*x.shape[:-1], heads, -1) for x in (query, keys, values)]
    scores = (parts[0] * parts[1]).sum(-1) / math.sqrt(parts[0].shape[-1])
    return (scores.softmax(0)[..., None] * parts[2]).sum(0).flatten()


def _read(cross: CrossAttention, x: Tensor, source: Tensor) -> Tensor:
    query = _norm(cross.query_norm, x) @ cross.query.weight.t()
    keys, values = (_norm(cross.source_norm, source) @ cross.key_value.weight.t()).chunk(2, dim=-1)
    return x + cross.output.weight @ _attend(query, keys, values, cross.heads)


def _turned(x: Tensor, places: Tensor, heads: int, theta: float) -> Tensor:
    """Pairs (i, i + D/2) of each head as complex numbers, turned by place · θ^(−2i/D)."""
    parts = x.view(len(x), heads, 2, -1)
    half = parts.shape[-1]
    angle = places[:, None, None].float() * theta ** -(torch.arange(half).float() / half)
    turned = torch.complex(parts[:, :, 0], parts[:, :, 1]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([turned.real, turned.imag], dim=-1).flatten(1)


def _block(block: Block, x: Tensor, window: int, theta: float) -> Tensor:
    heads, places = block.attention.heads, torch.arange(len(x))
    queries, keys, values = (_norm(block.attention_norm, x) @ block.attention.qkv.weight.t()).chunk(3, dim=-1)
    queries, keys = _turned(queries, places, heads, theta), _turned(keys, places, heads, theta)
    seen = [slice(max(0, t - window + 1), t + 1) for t in range(len(x))]
    read = torch.stack([_attend(queries[t], keys[s], values[s], heads) for t, s in enumerate(seen)])
    x = x + read @ block.attention.output.weight.t()
    gate, up = (_norm(block.feedforward_norm, x) @ block.feedforward.gate_up.weight.t()).chunk(2, dim=-1)
    return x + (silu(gate) * up) @ block.feedforward.output.weight.t()
