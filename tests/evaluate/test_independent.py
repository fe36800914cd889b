"""Scores of a causal language model of transformers under our plain model are those of its own logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lstdata.evaluate.endings import Coding
from lstdata.evaluate.scoring import score
from lstdata.model.lst import build_model
from lstdata.records import Sample
from lstdata.train.warm_start import open_warm_start
from lstdata.vocab import VocabCard
from tests.train.test_warm_start import config, llama


def test_scores_are_those_of_the_model_s_own_logits(
    tmp_path: Path, vocab: VocabCard, coding: Callable[..., Coding], spoken: Callable[..., Sample]
) -> None:
    theirs = llama(tmp_path, vocab, vocab_size=vocab.size)
    ours = build_model(config(vocab))
    open_warm_start(str(tmp_path), config(vocab), vocab).load(ours)
    with torch.no_grad():
        ours.embedding.weight.copy_(theirs.model.embed_tokens.weight)
        ours.logits.weight.copy_(theirs.lm_head.weight)
        ours.norm.weight.copy_(theirs.model.norm.weight)
    code = coding("none")
    pairs = [(spoken(2, seed=1), spoken(n, seed=n + 2)) for n in range(1, 4)]
    endings = [code.ending(*pair) for pair in [*pairs, ("one day", "the keeper saw a boat"), (None, spoken(3, seed=9))]]
    expected = []
    for ending in endings:
        tokens = torch.from_numpy(ending.document.tokens).long()
        labels = tokens.clone()
        labels[: -ending.tokens] = -100
        with torch.no_grad():
            mean = theirs(tokens[None], labels=labels[None]).loss
        expected.append(mean.item() * ending.tokens)
    assert score(ours, endings).nll == pytest.approx(expected, rel=1e-4)
