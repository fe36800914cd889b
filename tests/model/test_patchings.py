"""Causality and packing over documents as training makes them, under every strategy of patching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import Document, assemble, make_document
from lstdata.model.batch import collate
from lstdata.model.lst import Model
from lstdata.packing import Row, join
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


CARD = VocabCard(text_size=10, tokenizer_sha256="", tokenizer_bos=1, tokenizer_eos=2, units=24, codebook_sha256="")
"""40 ids: text below 10, BOS 1, EOS 2, markers 14 and 15, units from 16 on."""


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


def states(model: Model, *rows: Row) -> Tensor:
    """(N, width)"""
    with torch.no_grad():
        return model.states(collate(rows))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_prediction_sees_the_future(small_model: Callable[..., Model], make: Make, strategy: str) -> None:
    """Change token t, and join all boundaries after it into one, at ten places of a document."""
    model = small_model(window=7, visible=3, vocabulary=400)
    row = join([make(strategy)])
    before = states(model, row)
    ends = np.cumsum(row.lengths)
    for token in np.linspace(1, len(row.tokens) - 1, 10).astype(int):
        tokens = row.tokens.copy()
        tokens[token] += 1
        kept = row.lengths[ends <= token]
        lengths = np.append(kept, len(tokens) - kept.sum()).astype(np.int32)
        late = None if row.late is None else np.append(row.late[: len(kept)], False)
        after = states(model, Row(tokens, lengths, row.documents, late=late))
        torch.testing.assert_close(after[:token], before[:token], atol=1e-12, rtol=0)
        assert not torch.allclose(after[token], before[token], atol=1e-6)


Spans = list[list[Any]]


def spans() -> st.SearchStrategy[Spans]:
    """Drawn interleavings: text of any ids, and runs of the sample's first frames, of any length."""
    spoken = st.integers(1, 14).map(lambda frames: ["s", 0, frames])
    written = st.lists(st.integers(0, 9), min_size=1, max_size=3).map(lambda ids: ["t", ids])
    return st.lists(st.one_of(spoken, spoken, written), max_size=3)


@pytest.mark.parametrize("strategy", ["none", "static"])
@given(spans(), spans(), spans(), st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_predicted_depends_on_the_tokens_before_alone(
    small_model: Callable[..., Model],
    sample: Sample,
    strategy: str,
    before: Spans,
    after: Spans,
    instead: Spans,
    data: st.DataObject,
) -> None:
    """Two documents, one of which ends a run where the other may go on: equal as far as their tokens are."""
    model = small_model(window=5, visible=data.draw(st.sampled_from([1, 2, 512])), vocabulary=40)
    config = PatchingConfig(strategy=strategy, patch_size=data.draw(st.integers(1, 5)))  # type: ignore[arg-type]
    runs = [["s", 0, data.draw(st.integers(1, 14))] for _ in range(2)]
    one, other = (
        assemble([*before, run, *rest], sample, CARD, config) for run, rest in zip(runs, (after, instead), strict=True)
    )
    common = min(len(one.tokens), len(other.tokens))
    differ = np.flatnonzero(one.tokens[:common] != other.tokens[:common])
    common = int(differ[0]) if len(differ) else common
    got, expected = states(model, join([one])), states(model, join([other]))
    torch.testing.assert_close(got[:common], expected[:common], atol=1e-12, rtol=0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_documents_are_predicted_together_as_they_are_alone(
    small_model: Callable[..., Model], make: Make, strategy: str
) -> None:
    model = small_model(window=7, visible=3, vocabulary=400)
    documents = [make(strategy, 0), make(strategy, 1), make(strategy, 2, "speech"), make(strategy, 3, "text")]
    alone = torch.cat([states(model, join([document])) for document in documents])
    torch.testing.assert_close(states(model, join(documents)), alone, atol=1e-12, rtol=0)
    rows = join([documents[0]]), join(documents[1:])
    torch.testing.assert_close(states(model, *rows), alone, atol=1e-12, rtol=0)


def test_the_strategies_differ(make: Make) -> None:
    """Nine that were one and the same would say nothing."""
    documents = [
        make(strategy, interleaving="speech") for strategy in STRATEGIES if strategy not in ("mixed", "curriculum")
    ]
    assert len({d.lengths.tobytes() for d in documents}) == len(documents)
