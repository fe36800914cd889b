"""Utterances, a vocabulary and small models to score them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from lstdata.config import PatchingConfig
from lstdata.evaluate.endings import Coding
from lstdata.model.lst import Model, build_model
from lstdata.model.presets import model_config
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.vocab import VocabCard

WORDS = "one day the keeper saw a small boat drift towards the rocks and lit every lamp".split()

UNITS = 50


@pytest.fixture(scope="session")
def tokenizer() -> TextTokenizer:
    return TextTokenizer.from_bytes(fit_tokenizer([" ".join(WORDS)] * 3, 300))


@pytest.fixture(scope="session")
def vocab(tokenizer: TextTokenizer) -> VocabCard:
    return VocabCard(
        text_size=tokenizer.size,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_bos=None,
        tokenizer_eos=None,
        units=UNITS,
        codebook_sha256="c",
    )


@pytest.fixture
def spoken() -> Callable[..., Sample]:
    """An utterance of so many words, six frames each, a silence of two before each and of three at the end."""

    def make(words: int, seed: int = 0, timed: bool = True) -> Sample:
        starts = 2 + 6 * np.arange(words, dtype=np.int64)
        spans = np.stack((starts, starts + 4), axis=1)
        frames = 6 * words + 3
        activity = np.zeros(frames, dtype=np.bool_)
        for start, end in spans:
            activity[start:end] = True
        sample = Sample(
            key="k",
            id=f"u{seed}",
            split="test",
            samples=frames * 640,
            units=np.random.default_rng(seed).integers(0, UNITS, frames, dtype=np.uint16),
            activity=activity,
            text=" ".join(WORDS[:words]),
            words=tuple(WORDS[:words]),
            word_frames=spans,
            piece_frames=spans[:, 0] + 1,
        )
        return sample if timed else replace(sample, words=None, word_frames=None, piece_frames=None)

    return make


@pytest.fixture
def coding(vocab: VocabCard, tokenizer: TextTokenizer) -> Callable[..., Coding]:
    def make(strategy: str = "static") -> Coding:
        return Coding(vocab, tokenizer, PatchingConfig(strategy=strategy))  # type: ignore[arg-type]

    return make


@pytest.fixture
def scorer(vocab: VocabCard) -> Callable[..., Model]:
    """A model in double precision."""

    def make(architecture: str = "lst") -> Model:
        torch.manual_seed(0)
        dimensions = {"global_width": 24, "global_heads": 2, "local_width": 16, "window": 20, "visible": 6}
        return build_model(model_config("tiny", vocab.size, architecture, **dimensions)).double().eval()  # type: ignore[arg-type]

    return make
