"""Packing: whole documents into rows, within a budget of positions and one of raw tokens.

A row is filled in order until the next document does not fit. A document longer than a row is cut at a position; each
later piece starts with BOS and the marker of the modality that the cut falls into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lstdata.documents import Document
    from lstdata.vocab import VocabCard


@dataclass(frozen=True, kw_only=True)
class RowBudget:
    """What a row may hold; both limits apply."""

    positions: int
    tokens: int


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Documents, or pieces of long ones, one after another."""

    tokens: NDArray[np.int32]
    """(N,) ids of the joint vocabulary."""
    lengths: NDArray[np.int32]
    """(M,) tokens in each position."""
    documents: NDArray[np.int32]
    """(D,) tokens in each document."""
    continued: int = 0
    """Documents of the row that are later pieces of a longer one."""
    late: NDArray[np.bool_] | None = None
    """(M,) positions that are read from the token after them on; None: none."""


def join(documents: Sequence[Document], continued: int = 0) -> Row:
    """A row of these documents; without any, an empty one."""
    empty = np.zeros(0, dtype=np.int32)
    return Row(
        np.concatenate([empty, *(d.tokens for d in documents)]),
        np.concatenate([empty, *(d.lengths for d in documents)]),
        np.array([len(d.tokens) for d in documents], dtype=np.int32),
        continued,
        _joined_late(documents),
    )


def pieces(document: Document, budget: RowBudget, vocab: VocabCard) -> Iterator[Document]:
    """The document itself if a row can hold it, else its pieces, each as long as a row allows.

    No position is cut: one of more tokens than fit beside BOS and a marker is a ValueError.
    """
    tokens, lengths, late = document.tokens, document.lengths, _late(document)
    if len(lengths) <= budget.positions and len(tokens) <= budget.tokens:
        yield document
        return
    repeated = 0
    while len(lengths) > budget.positions or len(tokens) > budget.tokens:
        ends = np.cumsum(lengths)
        count = min(budget.positions, int(np.searchsorted(ends, budget.tokens, side="right")))
        head = int(ends[count - 1]) if count else 0
        if count <= repeated:
            raise ValueError(f"A position of {lengths[count]} tokens does not fit a row of {budget.tokens}.")
        prefix = _continuation(tokens, head, vocab)
        repeated = len(prefix)
        yield replace(document, tokens=tokens[:head], lengths=lengths[:count], late=late[:count])
        tokens = np.concatenate([prefix, tokens[head:]])
        lengths = np.concatenate([np.ones(len(prefix), dtype=np.int32), lengths[count:]])
        late = np.concatenate([np.zeros(len(prefix), dtype=np.bool_), late[count:]])
    yield replace(document, tokens=tokens, lengths=lengths, late=late)


def _joined_late(documents: Sequence[Document]) -> NDArray[np.bool_] | None:
    if all(document.late is None for document in documents):
        return None
    return np.concatenate([_late(document) for document in documents])


def _late(document: Document) -> NDArray[np.bool_]:
    return np.zeros(len(document.lengths), dtype=np.bool_) if document.late is None else document.late


def _continuation(tokens: NDArray[np.int32], cut: int, vocab: VocabCard) -> NDArray[np.int32]:
    """BOS and, unless a marker or EOS comes next anyway, the marker of the span that is cut."""
    markers = (vocab.text_marker, vocab.speech_marker)
    if int(tokens[cut]) in (*markers, vocab.eos):
        return np.array([vocab.bos], dtype=np.int32)
    last = tokens[:cut][np.isin(tokens[:cut], markers)]
    return np.array([vocab.bos, *last[-1:]], dtype=np.int32)
