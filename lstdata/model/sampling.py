"""Which token comes next: the likeliest, or one drawn from a tempered and cut distribution.

Shapes: n distributions over V ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Temperature first, then `top_k`, then `top_p` of what is left."""

    temperature: float = 1.0
    """Logits are divided by it; 0: the likeliest token is taken."""
    top_k: int | None = None
    """The likeliest so many are kept."""
    top_p: float = 1.0
    """The fewest likeliest are kept that have this probability together (arXiv 1904.09751)."""
    seed: int = 0

    def mistakes(self) -> Iterator[str]:
        if not 0 <= self.temperature < float("inf"):
            yield f"`temperature` must be ≥ 0, but is {self.temperature}."
        if self.top_k is not None and self.top_k < 1:
            yield f"`top_k` must be ≥ 1, but is {self.top_k}."
        if not 0 < self.top_p <= 1:
            yield f"`top_p` must be in (0, 1], but is {self.top_p}."


def choose(logits: Tensor, allowed: Tensor, sampling: Sampling, uniform: NDArray[np.float64]) -> list[int]:
    """An id for each distribution, from logits and bits (n, V) and as many uniform numbers in [0, 1).

    On the CPU in double precision: equal logits and numbers, equal ids, whatever else is in the batch.
    """
    masked = logits.masked_fill(~allowed, -torch.inf)
    if sampling.temperature == 0:
        greedy: list[int] = masked.argmax(1).tolist()
        return greedy
    probabilities = distribution(masked.cpu(), sampling)
    upto = probabilities.cumsum(1)
    drawn = torch.searchsorted(upto, torch.from_numpy(uniform)[:, None] * upto[:, -1:], right=True)[:, 0]
    last = probabilities.shape[1] - 1 - (probabilities > 0).flip(1).to(torch.uint8).argmax(1)
    ids: list[int] = torch.minimum(drawn, last).tolist()
    return ids


def distribution(logits: Tensor, sampling: Sampling) -> Tensor:
    """(n, V) probabilities in double precision; of equally likely ids at an edge the lower ones are kept."""
    probabilities = (logits.double() / sampling.temperature).softmax(1)
    if sampling.top_k is None and sampling.top_p == 1:
        return probabilities
    ranked, ids = probabilities.sort(dim=1, descending=True, stable=True)
    if sampling.top_k is not None:
        ranked[:, sampling.top_k :] = 0
        ranked /= ranked.sum(1, keepdim=True)
    ranked[ranked.cumsum(1) - ranked >= sampling.top_p] = 0
    return torch.zeros_like(ranked).scatter_(1, ids, ranked / ranked.sum(1, keepdim=True))
