"""A session of the Latent Speech-Text Transformer: which position closes when, and the four kinds of caches.

Shapes: S sequences, n of them at a time, k queries, p units of a full patch, d local width, g global width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstdata.model.attention import Blocked, Dense
from lstdata.model.batch import Batch
from lstdata.model.cache import Recorded, Stack, Visit
from lstdata.model.layers import Rotation, rotation
from lstdata.model.lst import LatentSpeechTextTransformer, pool
from lstdata.model.session import Ints, Session
from lstdata.model.sights import Sight, decoder_sight, encoder_sight, global_sight, local_sight


class PatchSession(Session):
    """Positions close by the rule of static patches."""

    def __init__(
        self, model: LatentSpeechTextTransformer, prompts: Sequence[Sequence[int]], first_unit: int, patch_size: int
    ) -> None:
        super().__init__(model, prompts)
        config, count = model.config, len(prompts)
        self._model = model
        self._first_unit = first_unit
        self._patch_size = patch_size
        self._in_encoder = Stack(config.encoder_layers, count, config.window)
        self._in_decoder = Stack(config.decoder_layers, count, config.window)
        self._across = Stack(config.global_layers, count, None)
        self._finished = Stack(config.decoder_layers, count, config.visible * config.queries)
        lengths = [static_lengths(prompt, first_unit, patch_size) for prompt in prompts]
        last = np.array([sizes[-1] for sizes in lengths])
        spoken = np.array([prompt[-1] >= first_unit for prompt in prompts])
        self._open: Ints = np.where(spoken & (last < patch_size), last, 0)
        """(S,) units of the patch that has not closed."""
        self._own = model.embedding.weight.detach().new_zeros(count, patch_size, config.local_width)
        """(S, p, d) their states."""
        self.positions = np.array([len(sizes) for sizes in lengths]) - (self._open > 0)
        self._read(prompts, lengths)

    @torch.no_grad()
    def advance(self, tokens: Sequence[int], which: Sequence[int]) -> Tensor:
        rows, spoken = np.asarray(which), np.asarray(tokens) >= self._first_unit
        self._end_runs(rows[~spoken & (self._open[rows] > 0)])
        visit = self.next_place(rows, self.tokens[rows])
        self.tokens[rows] += 1
        embedded = self._model.embedding(self.on_device(tokens))
        x = self._model.encoder(embedded, self._in_encoder.at(visit), self._turn(visit.place))
        self._own[visit.writer, self.on_device(self._open[rows])] = x
        self._open[rows] += 1
        closing = rows[~spoken | (self._open[rows] == self._patch_size)]
        logits: Tensor = self._model.logits(self._model.norm(self._decode(x, rows, closing)))
        return logits

    @torch.no_grad()
    def _read(self, prompts: Sequence[Sequence[int]], lengths: Sequence[Ints]) -> None:
        """Fill the caches by one forward pass over prompts of positions of these lengths.

        A patch that is open is completed by more units, whose keys no cache takes.
        """
        missing = np.where(self._open > 0, self._patch_size - self._open, 0)
        for sizes, more in zip(lengths, missing.tolist(), strict=True):
            sizes[-1] += more
        full = [[*prompt, *[prompt[-1]] * more] for prompt, more in zip(prompts, missing.tolist(), strict=True)]
        late = np.concatenate([self._late(*of) for of in zip(full, lengths, strict=True)])
        x, states = self._forward(self.batch(full, lengths, late))
        ends = np.cumsum(self.tokens + missing) - missing
        for row, (end, size) in enumerate(zip(ends.tolist(), self._open.tolist(), strict=True)):
            self._own[row, :size] = x[end - size : end]
        self.logits = self._model.logits(states[self.on_device(ends - 1)])

    def _late(self, tokens: Sequence[int], lengths: Ints) -> NDArray[np.bool_]:
        """(M,) positions that closed because a run ended: short patches, all but an open one, which has been filled."""
        spoken = np.asarray(tokens)[np.cumsum(lengths) - 1] >= self._first_unit
        late: NDArray[np.bool_] = spoken & (lengths < self._patch_size)
        return late

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Token states of the encoder and of the decoder, both (N, d); the caches take what has closed."""
        model, config = self._model, self._model.config
        local = Blocked(local_sight(batch, config.window))
        own = Blocked(encoder_sight(batch, config.queries))
        in_encoder, in_decoder = Recorded(local), Recorded(local)
        across = Recorded(Blocked(global_sight(batch)))
        finished = Recorded(Blocked(decoder_sight(batch, config.visible, config.queries)))
        turn = self._turn(batch.index)
        x = model.encoder(model.embed(batch), in_encoder, turn)
        latent = model.trunk(model.encoder.latents(x, pool(x, batch), own), across, batch.position_index)
        states = model.norm(model.decoder(x, latent, in_decoder, finished, turn))
        tokens, positions = self.on_device(self.tokens), self.on_device(self.positions)
        for stack, recorded in ((self._in_encoder, in_encoder), (self._in_decoder, in_decoder)):
            stack.fill(recorded, batch.document, batch.index, tokens)
        self._across.fill(across, batch.position_document, batch.position_index, positions)
        sequences = batch.position_document.repeat_interleave(config.queries)
        self._finished.fill(finished, sequences, self._keys(batch.position_index), positions * config.queries)
        return x, states

    def _end_runs(self, rows: Ints) -> None:
        """Close the short patches of these sequences; the decoder reads them from the tokens that come now on."""
        if len(rows):
            self._decode(self._own[:0, 0], rows[:0], rows)

    def _decode(self, x: Tensor, rows: Ints, closing: Ints) -> Tensor:
        """States (n, d) of the decoder from those of the encoder at the last tokens of `rows`, once positions close."""
        latent = self._close(closing)
        visit = self.next_place(rows, self.tokens[rows] - 1)
        queries, seen = self._model.config.queries, self.positions[rows] * self._model.config.queries
        finished = Visit(
            self.on_device(closing).repeat_interleave(queries),
            self._keys(self.on_device(self.positions[closing] - 1)),
            visit.reader,
            self.on_device(seen),
            int(self.positions[np.union1d(rows, closing)].max()) * queries,
        )
        states: Tensor = self._model.decoder(
            x, latent, self._in_decoder.at(visit), self._finished.at(finished), self._turn(visit.place)
        )
        return states

    def _close(self, rows: Ints) -> Tensor:
        """Global outputs (n, g) of the open positions of these sequences, which are closed by that."""
        if not len(rows):
            return self._own.new_zeros(0, self._model.config.global_width)
        model, queries, size = self._model, self._model.config.queries, self._patch_size
        own, count = self._own[self.on_device(rows)], self.on_device(self._open[rows])
        absent = torch.arange(size, device=self.device) >= count[:, None]
        pooled = own.masked_fill(absent[:, :, None], -torch.inf).amax(1)
        first = torch.arange(len(rows), device=self.device) * size
        sight = Sight(first.repeat_interleave(queries), (first + count).repeat_interleave(queries), len(rows) * size)
        latent = model.encoder.latents(own.flatten(0, 1), pooled, Dense(sight))
        visit = self.next_place(rows, self.positions[rows])
        self.positions[rows] += 1
        self._open[rows] = 0
        read: Tensor = model.trunk(latent, self._across.at(visit), visit.place)
        return read

    def _keys(self, position: Tensor) -> Tensor:
        """(n·k,) places of the decoder's keys of positions (n,)."""
        queries = self._model.config.queries
        return (position[:, None] * queries + torch.arange(queries, device=self.device)).flatten()

    def _turn(self, place: Tensor) -> Rotation:
        config = self._model.config
        return rotation(place, config.local_width // config.local_heads, config.local_theta)


def static_lengths(tokens: Sequence[int], first_unit: int, patch_size: int) -> Ints:
    """(M,) tokens of each position: every `patch_size` units from a run's start, the last of a run perhaps fewer."""
    spoken = np.asarray(tokens) >= first_unit
    place = np.arange(len(spoken))
    before = np.maximum.accumulate(np.where(spoken, -1, place))
    closes = ~spoken | ((place - before) % patch_size == 0)
    closes[:-1] |= ~spoken[1:]
    closes[-1] = True
    return np.diff(np.flatnonzero(closes), prepend=-1)
