"""Keys and values that generation keeps: each layer of attention reads what it was given at earlier tokens.

Shapes: S sequences, n of them at a time, H heads, D head width. A stack of layers takes a cache as the `attend` that it
takes of a batch, so that one token goes through the same modules as a whole document.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from lstdata.model.attention import Attend


@dataclass(frozen=True, eq=False)
class Visit:
    """Which keys are added to which sequences, and how much each query reads; one serves every layer of a stack."""

    writer: Tensor
    """(K,) the sequence of each new key."""
    place: Tensor
    """(K,) its place in the sequence; no two keys of a sequence are a window or more apart."""
    reader: Tensor
    """(n,) the sequence of each query, rising."""
    end: Tensor
    """(n,) it reads the places before this one, at least one, as far back as the window."""
    most: int
    """The highest `end` of all sequences that are written or read."""


class Cache:
    """Of one layer, for sequences that grow each at its own pace.

    With a window place p is kept in slot p mod window until p + window takes it; the order of the slots means nothing
    to attention, since keys are turned by their places before they come here.
    """

    def __init__(self, sequences: int, window: int | None) -> None:
        self._sequences = sequences
        self._window = window
        self._keys = self._values = torch.empty(0)

    def write(self, visit: Visit, keys: Tensor, values: Tensor) -> None:
        """Keys and values (K, H, D)."""
        self._reserve(visit.most, keys)
        slot = visit.place if self._window is None else visit.place % self._window
        self._keys[visit.writer, :, slot] = keys
        self._values[visit.writer, :, slot] = values

    def read(self, visit: Visit, queries: Tensor) -> Tensor:
        """(n, H, D) from queries (n, H, D), of which there may be none."""
        if not len(visit.reader):
            return queries
        slots = min(visit.most, self._keys.shape[2])
        seen = torch.arange(slots, device=queries.device) < visit.end[:, None]
        everyone = len(visit.reader) == self._sequences
        keys, values = (
            kept[:, :, :slots] if everyone else kept[visit.reader, :, :slots] for kept in (self._keys, self._values)
        )
        mask = seen[:, None, None]
        return scaled_dot_product_attention(queries[:, :, None], keys, values, attn_mask=mask)[:, :, 0]

    def _reserve(self, places: int, like: Tensor) -> None:
        """Room for so many places, or for the window: twice as much as before, so that it is seldom asked for."""
        limit = places if self._window is None else min(places, self._window)
        room = self._keys.shape[2] if self._keys.ndim == 4 else 0
        if limit <= room:
            return
        more = max(limit, 2 * room) if self._window is None else min(max(limit, 2 * room), self._window)
        shape = (self._sequences, like.shape[1], more, like.shape[2])
        kept, self._keys, self._values = (self._keys, self._values), like.new_zeros(shape), like.new_zeros(shape)
        if room:
            self._keys[:, :, :room], self._values[:, :, :room] = kept


class Stack:
    """The caches of the layers that are called one after another."""

    def __init__(self, layers: int, sequences: int, window: int | None) -> None:
        self._window = window
        self._caches = [Cache(sequences, window) for _ in range(layers)]

    def at(self, visit: Visit) -> Attend:
        """Attention for one call of each layer, in order."""
        layers = iter(self._caches)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            layer = next(layers)
            layer.write(visit, keys, values)
            return layer.read(visit, queries)

        return attend

    def fill(self, recorded: Recorded, sequence: Tensor, place: Tensor, lengths: Tensor) -> None:
        """Take the keys and values that a whole batch gave, key i of sequence[i] at place[i], up to its length (S,)."""
        kept = place < lengths[sequence]
        if self._window is not None:
            kept &= place >= lengths[sequence] - self._window
        visit = Visit(sequence[kept], place[kept], sequence[:0], place[:0], int(lengths.max()))
        for layer, (keys, values) in zip(self._caches, recorded.pairs, strict=True):
            layer.write(visit, keys[kept], values[kept])


class Recorded:
    """Attention over a batch that remembers the keys and values of each call."""

    def __init__(self, attend: Attend) -> None:
        self._attend = attend
        self.pairs: list[tuple[Tensor, Tensor]] = []

    def __call__(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        self.pairs.append((keys, values))
        return self._attend(queries, keys, values)
