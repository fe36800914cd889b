"""Raw tokens that a row of a corpus is expected to hold, before training starts: by packing a sample of its documents.

An index tells how many units and words an utterance has, not how many tokens a draw leaves of them, or in how many
positions: that depends on interleaving and patching. So documents are drawn and packed as in training. Where the tokens
of a position differ by a fifth from document to document, a thousand give their mean to 1 % (two standard errors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lstdata.documents import Document
from lstdata.loader.corpus import Corpus
from lstdata.loader.rows import Lane, LaneState
from lstdata.packing import RowBudget
from lstdata.randomness import rng
from lstdata.vocab import VocabCard

SAMPLES: Final = 1024
"""That are drawn, evenly among the stages of training."""

TOKENS: Final = 4_000_000
"""After which no more are drawn, however few they were: books would take all memory."""

STAGES: Final = 8
"""Points of training at which documents are drawn where they change with it: in the middle of so many equal parts."""

_ROWS: Final = 64
"""At least, that are packed at each stage, and `_EPOCHS` times the samples."""

_EPOCHS: Final = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """The means over a whole training."""

    row: float
    """Raw tokens in a row."""
    document: float
    """Raw tokens in a document."""


def expected_tokens(corpus: Corpus, budget: RowBudget, *, seed: int, changing: bool = False) -> Expected:
    """The same in every process; `changing`: documents depend on how far training is."""
    numbers = rng(seed, 0, "", "expected").choice(len(corpus), min(SAMPLES, len(corpus)), replace=False).tolist()
    stages = STAGES if changing and len(numbers) >= STAGES else 1
    rows: list[float] = []
    documents: list[int] = []
    for stage in range(stages):
        drawn = _draw(corpus, numbers[stage::stages], (stage + 0.5) / stages, TOKENS // stages)
        rows.append(_mean_row(_Drawn(drawn, corpus.vocab), budget, seed))
        documents += [len(document.tokens) for document in drawn]
    return Expected(sum(rows) / len(rows), sum(documents) / len(documents))


def _draw(corpus: Corpus, numbers: Sequence[int], progress: float, most: int) -> list[Document]:
    drawn: list[Document] = []
    tokens = 0
    for number in numbers:
        drawn.append(corpus.document(number, 0, progress))
        tokens += len(drawn[-1].tokens)
        if tokens >= most:
            break
    return drawn


def _mean_row(corpus: Corpus, budget: RowBudget, seed: int) -> float:
    """Tokens in a row where these documents are packed again and again, each time in another order."""
    lane, state, tokens = Lane(corpus, budget, seed=seed), LaneState(), 0
    while state.epoch < _EPOCHS or state.rows < _ROWS:
        row, state = lane.pack(state)
        tokens += len(row.tokens)
    return tokens / state.rows


@dataclass(frozen=True)
class _Drawn:
    """Documents as a corpus."""

    documents: Sequence[Document]
    vocab: VocabCard

    def __len__(self) -> int:
        return len(self.documents)

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        return self.documents[number]
