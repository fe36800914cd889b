"""Moved boundaries: other patches of the same units, in training alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.boundary_noise import moved_edges, with_boundaries
from lstdata.config import InterleaveConfig, PatchingConfig, load
from lstdata.documents import make_document
from lstdata.errors import ConfigError
from lstdata.patching import BY_WORDS, chosen_for, evaluated, noise_for, patch_run
from lstdata.randomness import rng
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.train import TrainConfig
from lstdata.vocab import VocabCard
from tests.test_documents import make_sample as make_spoken
from tests.test_documents import tokenizer, vocab  # noqa: F401 — fixtures
from tests.test_patching import make_sample, runs

MOVED = PatchingConfig(strategy="aligned", boundary_noise_ms=40)


@pytest.mark.parametrize("strategy", BY_WORDS)
@given(run=runs(), noise=st.floats(0, 20), max_patch=st.integers(1, 40), seed=st.integers(0, 9))
def test_patches_still_partition_the_run(
    strategy: str, run: tuple[Sample, int, int], noise: float, max_patch: int, seed: int
) -> None:
    sample, start, end = run
    edges = moved_edges(sample.frames, noise, rng(seed, 0, "u", "test"))
    lengths = patch_run(strategy, start, end, sample, PatchingConfig(max_patch=max_patch), edges)
    assert lengths.sum() == end - start and all(1 <= length <= max_patch for length in lengths)


@given(run=runs(), noise=st.floats(0, 20), seed=st.integers(0, 9))
def test_words_stay_in_order_and_in_the_run(run: tuple[Sample, int, int], noise: float, seed: int) -> None:
    sample, start, end = run
    moved = with_boundaries(sample, start, end, moved_edges(sample.frames, noise, rng(seed, 0, "u", "test")))
    assert moved.word_frames is not None and sample.word_frames is not None
    before, after = sample.word_frames.ravel(), moved.word_frames.ravel()
    assert (np.diff(after) >= 0).all()
    outside = (before <= start) | (before >= end)
    assert (after[outside] == before[outside]).all() and all(start <= b <= end for b in after[~outside])
    assert (np.abs(after - before) <= noise + 1).all()
    assert all(a == b for a, b, touch in zip(after, after[1:], before[1:] == before[:-1], strict=False) if touch)


@given(run=runs(), seed=st.integers(0, 99))
def test_no_noise_moves_nothing(run: tuple[Sample, int, int], seed: int) -> None:
    sample, start, end = run
    edges = moved_edges(sample.frames, 0.0, rng(seed, 0, "u", "test"))
    assert (edges == np.arange(sample.frames + 1)).all()
    for strategy in BY_WORDS:
        with_none, with_some = (patch_run(strategy, start, end, sample, MOVED, noise) for noise in (None, edges))
        assert with_none.tolist() == with_some.tolist()


@pytest.mark.parametrize(
    ("noise", "shares"), [(0.5, {-1: 1 / 8, 0: 3 / 4, 1: 1 / 8}), (1.0, {-1: 1 / 4, 0: 1 / 2, 1: 1 / 4})]
)
def test_a_frame_is_as_likely_as_the_unknown_time_and_the_noise_make_it(noise: float, shares: dict[int, float]) -> None:
    """At 25 Hz these are 20 and 40 ms; the sum of two uniform numbers, in frames of which zero is the middle."""
    count = 40_000
    found = Counter((moved_edges(count, noise, rng(0, 0, "u", "test")) - np.arange(count + 1)).tolist())
    assert {by: n / count for by, n in found.items()} == pytest.approx(shares, abs=0.01)


def test_it_is_drawn_for_each_document_and_epoch() -> None:
    sample, other = make_sample([True] * 60, [(2, 50)]), make_sample([True] * 60, [(2, 50)], id="other")
    drawn = {
        tuple((noise_for(s, MOVED, seed=seed, epoch=epoch)).tolist())  # type: ignore[union-attr]
        for s, seed, epoch in [(sample, 0, 0), (other, 0, 0), (sample, 1, 0), (sample, 0, 1), (sample, 0, 0)]
    }
    assert len(drawn) == 4


@pytest.mark.parametrize("strategy", ["none", "static", "silence", "unit-bpe"])
def test_what_does_not_depend_on_words_is_not_moved(strategy: str) -> None:
    config = PatchingConfig(strategy=strategy, boundary_noise_ms=40, unit_bpe="units.model")  # type: ignore[arg-type]
    assert noise_for(make_sample([True] * 9, [(2, 5)]), config, seed=0, epoch=0) is None
    assert noise_for(make_sample([True] * 9, [(2, 5)]), PatchingConfig(strategy="aligned"), seed=0, epoch=0) is None


def test_an_aligned_document_of_a_curriculum_is_moved_and_no_evaluation_is() -> None:
    config = PatchingConfig(strategy="curriculum", boundary_noise_ms=20)
    sample = make_sample([True] * 9, [(2, 5)])
    cuts = [chosen_for(sample, config, seed=0, epoch=0, progress=progress) for progress in (0.0, 1.0)]
    assert [noise_for(sample, cut, seed=0, epoch=0) is None for cut in cuts] == [False, True]
    assert evaluated(config) == PatchingConfig(strategy="static")
    assert evaluated(MOVED) == PatchingConfig(strategy="aligned")


def test_only_the_lengths_of_positions_change(tokenizer: TextTokenizer, vocab: VocabCard) -> None:  # noqa: F811
    """What is spoken and what is written, and every unit, stay as they were drawn."""
    changed = 0
    for epoch in range(40):
        still, moved = (
            make_document(
                make_spoken(), vocab, tokenizer, interleave=InterleaveConfig(), patching=patching, epoch=epoch
            )
            for patching in (PatchingConfig(strategy="aligned"), MOVED)
        )
        assert still.tokens.tolist() == moved.tokens.tolist()
        assert moved.lengths.sum() == len(moved.tokens) and (moved.lengths >= 1).all()
        changed += still.lengths.tolist() != moved.lengths.tolist()
    assert changed > 10


def test_less_than_no_noise_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`patching\.boundary_noise_ms` must be ≥ 0, but is -20"):
        load(TrainConfig, None, ["patching.boundary_noise_ms=-20"])
