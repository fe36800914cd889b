"""Who may see whom: the one owner of causality, windows and document boundaries.

Masks are additive, 0 where a query sees a key and −∞ where not, (B, 1, queries, keys). A query that may see nothing
(padding) sees everything, so that no row of attention is empty.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lstdata.model.batch import Batch


def local_mask(batch: Batch, window: int) -> Tensor:
    """Tokens to tokens: the same document, not later, among the last `window` tokens, itself included."""
    place = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
    distance = place[:, None] - place[None, :]
    return _additive(_same(batch.document, batch.document) & (distance >= 0) & (distance < window))


def token_mask(batch: Batch) -> Tensor:
    """Tokens to tokens: the same document, not later; for the plain transformer."""
    return local_mask(batch, batch.tokens.shape[1])


def global_mask(batch: Batch) -> Tensor:
    """Positions to positions: the same document, not later."""
    place = torch.arange(batch.position_end.shape[1], device=batch.tokens.device)
    owner = batch.position_document
    return _additive(_same(owner, owner) & (place[:, None] >= place[None, :]))


def encoder_mask(batch: Batch) -> Tensor:
    """A position's queries to its own tokens: (B·M, 1, 1, L)."""
    return _additive(batch.members.flatten(0, 1)[:, None, :] >= 0)


def decoder_mask(batch: Batch, visible: int, queries: int) -> Tensor:
    """Tokens to the `queries` keys of each position: token t sees position j where e_j ≤ t, the last `visible` of them.

    The state at token t predicts token t+1, so a position is read from its own last token on.
    """
    tokens, positions = batch.tokens.shape[1], batch.position_end.shape[1]
    place = torch.arange(tokens, device=batch.tokens.device)
    finished = (batch.position_end[:, None, :] <= place[None, :, None]) & (batch.position_document >= 0)[:, None, :]
    latest = finished.sum(dim=-1, keepdim=True) - 1
    recent = torch.arange(positions, device=place.device)[None, None, :] > latest - visible
    seen = finished & recent & _same(batch.document, batch.position_document)
    return _additive(seen.repeat_interleave(queries, dim=-1))


def _same(queries: Tensor, keys: Tensor) -> Tensor:
    return queries[:, :, None] == keys[:, None, :]


def _additive(seen: Tensor) -> Tensor:
    seen = seen | ~seen.any(dim=-1, keepdim=True)
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, float("-inf"))[:, None]
