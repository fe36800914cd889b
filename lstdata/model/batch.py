"""Rows of whole documents, joined into the flat tensors that a model reads.

Shapes: N tokens, M positions, of all rows of a batch, one after another. A row of text is not padded to the length of
a row of speech: nothing is padded, unless the sizes are rounded up for kernels that want few shapes.
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
    """Documents as tensors of int64; everything but `tokens` and `targets` says what may see what.

    Padding comes last and belongs to document −1; each of its tokens to the last position, which is padding too.
    """

    tokens: Tensor
    """(N,) ids of the joint vocabulary."""
    targets: Tensor
    """(N,) the next token of the same document, or IGNORED."""
    document: Tensor
    """(N,) number of the document in the batch."""
    index: Tensor
    """(N,) place in the document."""
    position: Tensor
    """(N,) number of the token's position in the batch."""
    position_document: Tensor
    """(M,) number of the document in the batch."""
    position_index: Tensor
    """(M,) place among the positions of the document."""
    position_start: Tensor
    """(M,) number of the position's first token."""
    position_end: Tensor
    """(M,) number of the position's last token."""
    position_read: Tensor
    """(M,) number of the first token that reads it: the last of its own, or the one after where it is read late."""
    rows: int
    documents: int
    continued: int
    """Documents that are later pieces of a longer one."""
    num_targets: int
    """Tokens that predict another."""
    num_tokens: int
    """Tokens that are not padding."""
    num_positions: int
    """Positions that are not padding."""

    def to(self, device: torch.device, *, non_blocking: bool = False) -> None:
        """Move every tensor, in place."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device, non_blocking=non_blocking))


def collate(rows: Sequence[Row], multiple: int = 1) -> Batch:
    """Join rows, which may be empty; N and M are rounded up to a multiple, and are at least 1."""
    tokens = _joined([row.tokens for row in rows])
    lengths = _joined([row.lengths for row in rows])
    documents = _joined([row.documents for row in rows])
    ends = np.cumsum(lengths) - 1
    position = np.repeat(np.arange(len(lengths)), lengths)
    first_token = np.cumsum(documents) - documents
    document = np.repeat(np.arange(len(documents)), documents)
    owner = document[ends]
    targets = np.full(len(tokens), IGNORED, dtype=np.int64)
    targets[:-1] = tokens[1:]
    targets[first_token + documents - 1] = IGNORED
    n = _up(max(1, len(tokens)), multiple)
    m = _up(max(1, len(lengths) + (n > len(tokens))), multiple)
    arrays = {
        "tokens": _padded(tokens, n, 0),
        "targets": _padded(targets, n, IGNORED),
        "document": _padded(document, n, -1),
        "index": _padded(np.arange(len(tokens)) - np.repeat(first_token, documents), n, 0),
        "position": _padded(position, n, m - 1),
        "position_document": _padded(owner, m, -1),
        "position_index": _padded(np.arange(len(lengths)) - position[first_token][owner], m, 0),
        "position_start": _padded(ends - lengths + 1, m, n - 1),
        "position_end": _padded(ends, m, n - 1),
        "position_read": _padded(ends + _late(rows), m, n - 1),
    }
    return Batch(
        **{name: torch.from_numpy(array) for name, array in arrays.items()},
        rows=len(rows),
        documents=len(documents),
        continued=sum(row.continued for row in rows),
        num_targets=len(tokens) - len(documents),
        num_tokens=len(tokens),
        num_positions=len(lengths),
    )


def _late(rows: Sequence[Row]) -> NDArray[np.int64]:
    """(M,) 1 for the positions that are read late."""
    return _joined([np.zeros(len(row.lengths), dtype=np.int32) if row.late is None else row.late for row in rows])


def _joined(arrays: Sequence[NDArray[np.int32] | NDArray[np.bool_]]) -> NDArray[np.int64]:
    return np.concatenate(arrays, dtype=np.int64) if arrays else np.zeros(0, dtype=np.int64)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _padded(array: NDArray[np.int64], size: int, value: int) -> NDArray[np.int64]:
    if len(array) == size:
        return array
    padded = np.full(size, value, dtype=np.int64)
    padded[: len(array)] = array
    return padded
