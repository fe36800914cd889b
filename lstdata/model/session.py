"""Generation one token at a time, each next-token distribution that of the full forward pass (lst.md §9).

A token costs one step of the local layers, and a position one step of the global transformer, when it closes: at once
at BOS, EOS, a marker or a text token; in a run of speech at every `patch_size` units from the run's start, and, if the
run ends in between, when the token after it is there. Training reads such a short patch from that token on, too.

Shapes: S sequences, n of them at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstdata.model.attention import Blocked
from lstdata.model.batch import Batch, collate
from lstdata.model.cache import Recorded, Stack, Visit
from lstdata.model.lst import LatentSpeechTextTransformer, Model, PlainTransformer
from lstdata.model.sights import token_sight
from lstdata.packing import Row

Ints = NDArray[np.int64]


class Session:
    """Sequences that one model, in evaluation mode, goes on with."""

    tokens: Ints
    """(S,) tokens that the model has read."""
    positions: Ints
    """(S,) positions that have closed, each one step of the global transformer."""
    logits: Tensor
    """(S, vocabulary) of the token that follows each prompt."""

    def __init__(self, model: Model, prompts: Sequence[Sequence[int]]) -> None:
        self.device = model.embedding.weight.device
        self.tokens = np.array([len(prompt) for prompt in prompts])

    def advance(self, tokens: Sequence[int], which: Sequence[int]) -> Tensor:
        """(n, vocabulary) logits of the token after these, one for each of the sequences `which`, which rise."""
        raise NotImplementedError

    def on_device(self, values: Sequence[int] | Ints) -> Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(self.device)

    def batch(
        self, prompts: Sequence[Sequence[int]], lengths: Sequence[Ints], late: NDArray[np.bool_] | None = None
    ) -> Batch:
        """Prompts as one batch, of positions of these lengths; `late`: which of all of them are read late."""
        tokens = np.concatenate([np.asarray(prompt, dtype=np.int32) for prompt in prompts])
        sizes = np.array([len(prompt) for prompt in prompts], dtype=np.int32)
        batch = collate([Row(tokens, np.concatenate(lengths).astype(np.int32), sizes, late=late)])
        batch.to(self.device)
        return batch

    def next_place(self, rows: Ints, place: Ints) -> Visit:
        """One key and one query of each of these sequences, at these places."""
        row, at = self.on_device(rows), self.on_device(place)
        return Visit(row, at, row, at + 1, int(place.max(initial=-1)) + 1)


class PlainSession(Session):
    """Every token is a position."""

    @torch.no_grad()
    def __init__(self, model: PlainTransformer, prompts: Sequence[Sequence[int]]) -> None:
        super().__init__(model, prompts)
        self._model = model
        self.positions = self.tokens
        self._caches = Stack(model.config.global_layers, len(prompts), None)
        batch = self.batch(prompts, [np.ones(count, dtype=np.int64) for count in self.tokens])
        seen = Recorded(Blocked(token_sight(batch)))
        states = model.norm(model.trunk(model.embed(batch), seen, batch.index))
        self._caches.fill(seen, batch.document, batch.index, self.on_device(self.tokens))
        self.logits = model.logits(states[self.on_device(np.cumsum(self.tokens) - 1)])

    @torch.no_grad()
    def advance(self, tokens: Sequence[int], which: Sequence[int]) -> Tensor:
        rows, model = np.asarray(which), self._model
        visit = self.next_place(rows, self.tokens[rows])
        self.tokens[rows] += 1
        x = model.trunk(model.embedding(self.on_device(tokens)), self._caches.at(visit), visit.place)
        logits: Tensor = model.logits(model.norm(x))
        return logits


def open_session(model: Model, prompts: Sequence[Sequence[int]], first_unit: int, patch_size: int) -> Session:
    """Read prompts in one forward pass, each from BOS on; ids from `first_unit` on are speech.

    Attention is by blocks, whatever the config says: nothing is compiled for a prompt. The baseline
    has no patches, whatever `patch_size` is.
    """
    if any(not len(prompt) or prompt[0] >= first_unit for prompt in prompts):
        raise ValueError("A prompt must begin with a token that is no unit.")
    if isinstance(model, LatentSpeechTextTransformer):
        from lstdata.model.patch_session import PatchSession

        return PatchSession(model, prompts, first_unit, patch_size)
    return PlainSession(cast("PlainTransformer", model), prompts)
