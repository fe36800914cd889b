"""Runs of text through the loader: rows of ids, whatever interleaving says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.rows import RowStream, one_pass
from lstdata.loader.unit_pieces import fit_run_pieces
from lstdata.packing import RowBudget
from lstdata.run_folder import read_card
from tests.build.test_text import build_text


@pytest.mark.parametrize("strategy", ["lst", "speech", "text", "asr"])
def test_a_document_is_its_stored_ids_between_bos_and_eos(text_run: Path, strategy: str) -> None:
    run = open_run(text_run)
    corpus = SplitCorpus(run, "train", InterleaveConfig(strategy=strategy), PatchingConfig(strategy="aligned"))  # type: ignore
    sample, document = corpus.sample(3), corpus.document(3, epoch=2)
    assert sample.tokens is not None
    vocab = run.vocab
    assert document.tokens.tolist() == [vocab.bos, vocab.text_marker, *sample.tokens.tolist(), vocab.eos]
    assert set(document.lengths.tolist()) == {1} and len(document.lengths) == len(document.tokens)


def test_every_token_of_a_run_comes_into_one_pass(text_run: Path) -> None:
    run = open_run(text_run)
    corpus = SplitCorpus(run, "train", InterleaveConfig(), PatchingConfig())
    budget = RowBudget(positions=64, tokens=64)
    rows = list(one_pass(corpus, budget, seed=1))
    assert all(len(row.tokens) <= 64 for row in rows) and any(row.continued for row in rows)
    ids = np.concatenate([row.tokens for row in rows])
    expected = sum(len(corpus.document(n, 0).tokens) - 3 for n in range(len(corpus)))
    assert int((ids < run.vocab.text_size).sum()) == expected
    stream = RowStream(corpus, budget, seed=1)
    assert np.array_equal(stream.row(5).tokens, RowStream(corpus, budget, seed=1).row(5).tokens)


def test_a_run_of_text_goes_with_the_card_of_speech_of_the_same_tokenizer(
    built: Path, documents: Path, text_run: Path, tmp_path: Path
) -> None:
    card = read_card(built)
    build_text(documents, tmp_path / "out", f"tokenizer.path={built}")
    assert open_run(tmp_path / "out", card).vocab.text_marker == card.text_marker if card else False
    with pytest.raises(ConfigError, match="`tokenizer_sha256` is"):
        open_run(text_run, card)


def test_there_are_no_pieces_of_units_in_it(text_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a run of text: it has no units to make pieces of"):
        fit_run_pieces(text_run, tmp_path / "x.model", 300, lambda done, of: None)
