"""Causality and packing over documents as training makes them, under every strategy of patching."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import Document, make_document
from lstdata.model.batch import collate
from lstdata.model.lst import Model
from lstdata.packing import Row
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.units.pieces import UnitPieces, fit_pieces
from lstdata.vocab import VocabCard

WORDS = "one day the keeper saw a small boat drift towards the rocks".split()
STRATEGIES = (
    "none",
    "static",
    "silence",
    "aligned",
    "aligned-merged",
    "aligned-bpe",
    "mixed",
    "curriculum",
    "unit-bpe",
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Words of three to seven frames with silences of none to five between them, and pieces inside."""
    lengths, gaps = 3 + np.arange(len(WORDS)) % 5, np.arange(len(WORDS)) % 6
    starts = np.cumsum(gaps + np.append(0, lengths[:-1]))
    word_frames = np.stack((starts, starts + lengths), axis=1).astype(np.int64)
    frames = int(word_frames[-1, 1]) + 4
    activity = np.zeros(frames, dtype=np.bool_)
    for start, end in word_frames:
        activity[start:end] = True
    return Sample(
        key="k",
        id="u",
        split="train",
        samples=frames * 640,
        units=(np.arange(frames) // 2 % 10).astype(np.uint16),
        activity=activity,
        text=" ".join(WORDS),
        words=tuple(WORDS),
        word_frames=word_frames,
        piece_frames=word_frames[::2, 0] + 2,
    )


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer.from_bytes(fit_tokenizer([" ".join(WORDS)] * 3, 280))


@pytest.fixture(scope="module")
def pieces(sample: Sample) -> UnitPieces:
    return UnitPieces(fit_pieces([sample.units] * 3, 10, 16), "pieces")


Make = Callable[..., Document]


@pytest.fixture
def make(sample: Sample, tokenizer: TextTokenizer, pieces: UnitPieces) -> Make:
    vocab = VocabCard(
        text_size=tokenizer.size,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_bos=None,
        tokenizer_eos=None,
        units=16,
        codebook_sha256="c",
    )

    def document(strategy: str, epoch: int = 0, interleaving: str = "lst") -> Document:
        return make_document(
            sample,
            vocab,
            tokenizer,
            interleave=InterleaveConfig(strategy=interleaving),
            patching=PatchingConfig(strategy="none" if strategy == "unit-bpe" else strategy, max_patch=6),
            epoch=epoch,
            progress=0.5,
            pieces=pieces if strategy == "unit-bpe" else None,
        )

    return document


def row_of(*documents: Document) -> Row:
    tokens, lengths = (np.concatenate([getattr(d, name) for d in documents]) for name in ("tokens", "lengths"))
    return Row(tokens, lengths, np.array([len(d.tokens) for d in documents], dtype=np.int32))


def states(model: Model, *rows: Row) -> Tensor:
    """(N, width)"""
    with torch.no_grad():
        return model.states(collate(rows))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_prediction_sees_the_future(small_model: Callable[..., Model], make: Make, strategy: str) -> None:
    """Change token t, and join all boundaries after it into one, at ten places of a document."""
    model = small_model(window=7, visible=3, vocabulary=400)
    row = row_of(make(strategy))
    before = states(model, row)
    ends = np.cumsum(row.lengths)
    for token in np.linspace(1, len(row.tokens) - 1, 10).astype(int):
        tokens = row.tokens.copy()
        tokens[token] += 1
        kept = row.lengths[ends <= token]
        lengths = np.append(kept, len(tokens) - kept.sum()).astype(np.int32)
        after = states(model, Row(tokens, lengths, row.documents))
        torch.testing.assert_close(after[:token], before[:token], atol=1e-12, rtol=0)
        assert not torch.allclose(after[token], before[token], atol=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_documents_are_predicted_together_as_they_are_alone(
    small_model: Callable[..., Model], make: Make, strategy: str
) -> None:
    model = small_model(window=7, visible=3, vocabulary=400)
    documents = [make(strategy, 0), make(strategy, 1), make(strategy, 2, "speech"), make(strategy, 3, "text")]
    alone = torch.cat([states(model, row_of(document)) for document in documents])
    torch.testing.assert_close(states(model, row_of(*documents)), alone, atol=1e-12, rtol=0)
    rows = row_of(documents[0]), row_of(*documents[1:])
    torch.testing.assert_close(states(model, *rows), alone, atol=1e-12, rtol=0)


def test_the_strategies_differ(make: Make) -> None:
    """Nine that were one and the same would say nothing."""
    documents = [
        make(strategy, interleaving="speech") for strategy in STRATEGIES if strategy not in ("mixed", "curriculum")
    ]
    assert len({d.lengths.tobytes() for d in documents}) == len(documents)
