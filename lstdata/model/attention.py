"""Attention under a sight, three ways with one result: a dense mask, blocks of queries, FlexAttention.

Shapes: Q queries, K keys, H heads, D head width. A plan is made once per batch and serves every layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

from lstdata.model.config import Kind
from lstdata.model.sights import Sight

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(Q, H, D), (K, H, D), (K, H, D) → (Q, H, D)."""

BLOCK: Final = 128
"""Queries of a block, and keys of a block of FlexAttention."""

VARIANTS: Final = 64
"""Cases for which one function may be compiled."""


def multiple_on(device: torch.device) -> int:
    """What N and M of a batch are rounded up to: on a GPU whole blocks of FlexAttention, which also align products."""
    return BLOCK if device.type == "cuda" else 1


def attention(sight: Sight, kind: Kind = "auto") -> Attend:
    """`auto` is FlexAttention on a GPU and blocks elsewhere, where FlexAttention has no gradient."""
    if kind == "auto":
        kind = "flex" if sight.first.is_cuda else "blocked"
    plans: dict[str, Callable[[Sight], Attend]] = {"flex": Flex, "blocked": Blocked, "dense": Dense}
    return plans[kind](sight)


class Dense:
    """Q × K scores under a mask of as many bits: the reference, and a plan without numbers for compilers."""

    def __init__(self, sight: Sight) -> None:
        key = torch.arange(sight.keys, device=sight.first.device)
        self.mask = (key >= sight.first[:, None]) & (key < sight.end[:, None])

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return _masked(queries, keys, values, self.mask)


class Blocked:
    """Blocks of queries, each with the blocks of keys that it sees: work grows with what is seen, not with Q · K."""

    def __init__(self, sight: Sight, block: int = BLOCK) -> None:
        self._block = block
        self._parts: list[tuple[slice, Tensor]] = []
        for first, end in zip(
            *(torch.functional.split(x[:, None], block) for x in (sight.first, sight.end)), strict=True
        ):
            low, high = int(first.min()) // block, -(-int(end.max()) // block)
            key = torch.arange(low * block, min(high * block, sight.keys), device=first.device)
            self._parts.append((slice(low, high), (key >= first) & (key < end)))

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        query, key, value = (torch.functional.split(x, self._block) for x in (queries, keys, values))
        attended = []
        for part, (seen, mask) in zip(query, self._parts, strict=True):
            attended.append(_masked(part, torch.cat(key[seen]), torch.cat(value[seen]), mask))
        return torch.cat(attended)


class Flex:
    """FlexAttention (arXiv 2412.05496); its block mask comes from the intervals, never from Q × K bits."""

    def __init__(self, sight: Sight) -> None:
        self.mask = block_mask(sight)

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        call: Any = flex_attention if torch.compiler.is_compiling() else _compiled_flex()
        return _joined(call(_heads(queries), _heads(keys), _heads(values), block_mask=self.mask))


def block_mask(sight: Sight, block: int = BLOCK) -> BlockMask:
    """Which blocks of keys a block of queries sees in part, and which it sees whole."""
    first, end = sight.first, sight.end
    lowest, highest = _per_block(first, block, "amin"), _per_block(end, block, "amax")
    inner_low, inner_high = _per_block(first, block, "amax"), _per_block(end, block, "amin")
    start = torch.arange(0, sight.keys, block, device=first.device)
    seen = (start < highest[:, None]) & (start + block > lowest[:, None])
    whole = (start >= inner_low[:, None]) & (start + block <= inner_high[:, None])

    def mask_mod(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key >= first[query]) & (key < end[query])

    mask: BlockMask = BlockMask.from_kv_blocks(
        *_in_order(seen & ~whole),
        *_in_order(whole),
        BLOCK_SIZE=block,
        mask_mod=mask_mod,
        seq_lengths=(len(first), sight.keys),
    )
    return mask


def _per_block(values: Tensor, block: int, how: str) -> Tensor:
    blocks = torch.arange(len(values), device=values.device) // block
    empty = values.new_zeros(-(-len(values) // block))
    return empty.scatter_reduce(0, blocks, values, how, include_self=False)


def _in_order(chosen: Tensor) -> tuple[Tensor, Tensor]:
    """(1, 1, blocks) how many are chosen in each line, (1, 1, blocks, blocks) their numbers, before those of others."""
    order = torch.argsort(chosen.to(torch.uint8), dim=1, descending=True, stable=True)
    return chosen.sum(1, dtype=torch.int32)[None, None], order.to(torch.int32)[None, None]


def _masked(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    return _joined(scaled_dot_product_attention(_heads(queries), _heads(keys), _heads(values), attn_mask=mask))


def _heads(x: Tensor) -> Tensor:
    """(N, H, D) to (1, H, N, D)."""
    return x.transpose(0, 1)[None]


def _joined(x: Tensor) -> Tensor:
    """(1, H, N, D) to (N, H, D)."""
    return x[0].transpose(0, 1)


def allow_variants() -> None:
    """Let one function be compiled for more cases than torch's eight, after which it would run uncompiled.

    Widths, with a gradient or without, one block or many: FlexAttention uncompiled makes all scores.
    """
    import torch._dynamo.config as dynamo

    dynamo.recompile_limit = max(VARIANTS, dynamo.recompile_limit)


@cache
def _compiled_flex() -> Any:
    allow_variants()
    return torch.compile(flex_attention, dynamic=True)
