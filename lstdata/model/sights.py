"""Who may see whom: the one owner of causality, windows and document boundaries.

Every mask of the model is an interval of keys per query, because documents and positions lie one after another: two
integers a query say it all, and no mask of queries × keys has to exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lstdata.model.batch import Batch


@dataclass(frozen=True, eq=False)
class Sight:
    """Query q sees the keys first[q] ≤ k < end[q], at least one."""

    first: Tensor
    """(Q,)"""
    end: Tensor
    """(Q,)"""
    keys: int


def local_sight(batch: Batch, window: int) -> Sight:
    """Tokens to tokens: the same document, not later, among the last `window` tokens, itself included."""
    place = _places(batch.index)
    return Sight(place - batch.index.clamp(max=window - 1), place + 1, len(place))


def token_sight(batch: Batch) -> Sight:
    """Tokens to tokens: the same document, not later; for the plain transformer."""
    place = _places(batch.index)
    return Sight(place - batch.index, place + 1, len(place))


def global_sight(batch: Batch) -> Sight:
    """Positions to positions: the same document, not later."""
    place = _places(batch.position_index)
    return Sight(place - batch.position_index, place + 1, len(place))


def encoder_sight(batch: Batch, queries: int) -> Sight:
    """The `queries` of each position to its own tokens."""
    first = batch.position_start.repeat_interleave(queries)
    return Sight(first, batch.position_end.repeat_interleave(queries) + 1, len(batch.tokens))


def decoder_sight(batch: Batch, visible: int, queries: int) -> Sight:
    """Tokens to the `queries` keys of each position: token t sees position j where r_j ≤ t, the last `visible` of them.

    The state at token t predicts token t+1, so a position is read from its own last token on: r_j = e_j, as published.
    But a short patch that ends because its run does is read from the token after it on, r_j = e_j + 1 (chosen here): at
    its last unit it would tell that the run is over, which nobody knows before t+1 is there. A document begins with a
    position of one token, so every token sees one; padding sees the last position.
    """
    own = batch.position
    unfinished = batch.position_read[own] > _places(own)
    latest = own - unfinished.to(own.dtype)
    first = torch.maximum(own - batch.position_index[own], latest - visible + 1)
    end = torch.maximum(latest, first) + 1
    return Sight(first * queries, end * queries, len(batch.position_end) * queries)


def _places(like: Tensor) -> Tensor:
    return torch.arange(like.shape[0], device=like.device)
