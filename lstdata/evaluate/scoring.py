"""The log-probabilities of endings, many documents in one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from lstdata.evaluate.endings import Ending
from lstdata.model.attention import multiple_on
from lstdata.model.batch import collate
from lstdata.model.lst import Model
from lstdata.packing import join

TOKENS: Final = 16_384
"""Of the documents of one forward pass."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Of each ending, in the order given."""

    nll: NDArray[np.float64]
    """(E,) −Σ log p of the ending's tokens, in nats."""
    tokens: NDArray[np.int64]
    """(E,)"""


def score(
    model: Model,
    endings: Sequence[Ending],
    *,
    tokens: int = TOKENS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Scores:
    """Score documents, the longest first, as many at once as `tokens` holds and one at least.

    Documents do not see each other, so a score depends on its batch by rounding only. The model is left as it was.
    """
    order = sorted(range(len(endings)), key=lambda i: -len(endings[i].document.tokens))
    nll = np.zeros(len(endings))
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        done = 0
        for batch in _batches(order, endings, tokens):
            nll[batch] = _score_batch(model, [endings[i] for i in batch], device)
            done += len(batch)
            progress(done, len(order))
    finally:
        model.train(training)
    return Scores(nll, np.array([ending.tokens for ending in endings], dtype=np.int64))


def _batches(order: Sequence[int], endings: Sequence[Ending], most: int) -> Iterator[list[int]]:
    batch: list[int] = []
    held = 0
    for i in order:
        size = len(endings[i].document.tokens)
        if batch and held + size > most:
            yield batch
            batch, held = [], 0
        batch.append(i)
        held += size
    if batch:
        yield batch


@torch.no_grad()
def _score_batch(model: Model, endings: Sequence[Ending], device: torch.device) -> list[float]:
    batch = collate([join([ending.document for ending in endings])], multiple_on(device))
    batch.to(device)
    _, losses = model(batch)
    each = losses.double().cpu().numpy()
    ends = np.cumsum([len(ending.document.tokens) for ending in endings])
    return [float(each[end - 1 - e.tokens : end - 1].sum()) for end, e in zip(ends.tolist(), endings, strict=True)]
