"""Rows of whole documents, and the tensors of several rows that a model reads.

Shapes: B rows, N tokens, M positions, L tokens in the longest position. Padding is at the end of a row and belongs to
document −1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstdata.packing import Row

IGNORED = -100
"""The target of a token that predicts nothing: the last of a document, and padding."""


@dataclass(eq=False)
class Batch:
    """Several rows as tensors of int64; everything but `tokens` and `targets` says what may see what."""

    tokens: Tensor
    """(B, N)"""
    targets: Tensor
    """(B, N) the next token of the same document, or IGNORED."""
    document: Tensor
    """(B, N) number of the document in its row."""
    index: Tensor
    """(B, N) place in the document."""
    position_document: Tensor
    """(B, M) number of the document in its row."""
    position_index: Tensor
    """(B, M) place among the positions of the document."""
    position_end: Tensor
    """(B, M) place in the row of the position's last token."""
    members: Tensor
    """(B, M, L) places in the row of the position's tokens; −1 where it has fewer."""
    documents: int
    continued: int
    """Documents that are later pieces of a longer one."""

    def to(self, device: torch.device, *, non_blocking: bool = False) -> None:
        """Move every tensor, in place."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device, non_blocking=non_blocking))

    @property
    def num_targets(self) -> int:
        return int((self.targets != IGNORED).sum())


def collate(rows: Sequence[Row]) -> Batch:
    """Pad rows to the longest; a row without documents is all padding."""
    tokens = max(1, *(len(row.tokens) for row in rows))
    positions = max(1, *(len(row.lengths) for row in rows))
    longest = max(1, *(int(row.lengths.max(initial=1)) for row in rows))
    arrays = [_row_arrays(row, longest) for row in rows]
    shapes = dict.fromkeys(("position_document", "position_index", "position_end", "members"), positions)
    padding = {"targets": IGNORED, "document": -1, "position_document": -1, "members": -1}
    stacked = {
        name: np.stack([_padded(a[name], shapes.get(name, tokens), padding.get(name, 0)) for a in arrays])
        for name in arrays[0]
    }
    return Batch(
        **{name: torch.from_numpy(array) for name, array in stacked.items()},
        documents=sum(len(row.documents) for row in rows),
        continued=sum(row.continued for row in rows),
    )


def _row_arrays(row: Row, longest: int) -> dict[str, NDArray[np.int64]]:
    tokens = row.tokens.astype(np.int64)
    lengths = row.lengths.astype(np.int64)
    ends = np.cumsum(lengths) - 1
    starts = np.cumsum(row.documents) - row.documents
    document = np.repeat(np.arange(len(row.documents)), row.documents)
    targets = np.full(len(tokens), IGNORED, dtype=np.int64)
    same = document[1:] == document[:-1]
    targets[:-1][same] = tokens[1:][same]
    owner = document[ends]
    first_position = np.searchsorted(owner, np.arange(len(row.documents)))
    slots = np.arange(longest)
    members = np.where(slots < lengths[:, None], (ends - lengths + 1)[:, None] + slots, -1)
    return {
        "tokens": tokens,
        "targets": targets,
        "document": document,
        "index": np.arange(len(tokens)) - starts[document],
        "position_document": owner,
        "position_index": np.arange(len(lengths)) - first_position[owner],
        "position_end": ends,
        "members": members,
    }


def _padded(array: NDArray[np.int64], length: int, value: int) -> NDArray[np.int64]:
    padded = np.full((length, *array.shape[1:]), value, dtype=np.int64)
    padded[: len(array)] = array
    return padded
