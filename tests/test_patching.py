from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.patching import STRATEGIES, patch_run, utterance_patches
from lstdata.records import Sample

VARIABLE = ("silence", "aligned")


def make_sample(activity: list[bool], words: list[tuple[int, int]] | None) -> Sample:
    return Sample(
        key="k",
        id="utterance",
        split="train",
        samples=len(activity) * 640,
        units=np.zeros(len(activity), dtype=np.uint16),
        activity=np.array(activity, dtype=np.bool_),
        text=None,
        words=None if words is None else tuple("w" for _ in words),
        word_frames=None if words is None else np.array(words, dtype=np.int64).reshape(-1, 2),
    )


@st.composite
def runs(draw: st.DrawFn) -> tuple[Sample, int, int]:
    frames = draw(st.integers(1, 80))
    activity = draw(st.lists(st.booleans(), min_size=frames, max_size=frames))
    activity = [a for a in activity for _ in range(draw(st.integers(1, 4)))][:frames]
    edges = sorted(draw(st.lists(st.integers(0, frames), max_size=20)))
    words = list(zip(edges[0::2], edges[1::2], strict=False))
    start = draw(st.integers(0, frames))
    return make_sample(activity, words), start, draw(st.integers(start, frames))


configs = st.builds(
    PatchingConfig, patch_size=st.integers(1, 9), min_silence=st.integers(1, 6), max_patch=st.integers(1, 40)
)


def split(length: int, longest: int) -> list[int]:
    return [longest] * (length // longest) + [length % longest] * (length % longest > 0)


def naive_silence(active: list[bool], config: PatchingConfig) -> list[int]:
    patches: list[int] = []
    speech = frame = 0
    while frame < len(active):
        silent = frame
        while silent < len(active) and not active[silent]:
            silent += 1
        if silent - frame >= config.min_silence:
            patches += split(speech, min(config.patch_size, config.max_patch))
            patches += split(silent - frame, config.max_patch)
            speech = 0
            frame = silent
        else:
            speech += max(1, silent - frame)
            frame += max(1, silent - frame)
    return patches + split(speech, min(config.patch_size, config.max_patch))


def naive_aligned(words: list[list[int]], start: int, end: int, config: PatchingConfig) -> list[int]:
    owner = [next((i for i, (a, b) in enumerate(words) if a <= f < b), None) for f in range(start, end)]
    lengths: list[int] = []
    for i, word in enumerate(owner):
        if i and word == owner[i - 1]:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return [piece for length in lengths for piece in split(length, config.max_patch)]


def test_words_and_gaps_are_patches() -> None:
    sample = make_sample([True] * 8, [(2, 5), (6, 8)])
    assert utterance_patches("aligned", sample, PatchingConfig()).tolist() == [2, 3, 1, 2]


def test_aligned_boundaries_are_clipped_to_the_run() -> None:
    sample = make_sample([True] * 12, [(2, 5), (5, 9), (11, 11)])
    assert patch_run("aligned", 4, 12, sample, PatchingConfig()).tolist() == [1, 4, 3]
    assert patch_run("aligned", 6, 8, sample, PatchingConfig()).tolist() == [2]


def test_static_restarts_at_the_run() -> None:
    sample = make_sample([True] * 20, None)
    assert utterance_patches("static", sample, PatchingConfig(patch_size=6)).tolist() == [6, 6, 6, 2]
    assert patch_run("static", 3, 12, sample, PatchingConfig()).tolist() == [4, 4, 1]


def test_silences_are_one_patch_and_restart_the_grid() -> None:
    activity = [False] * 5 + [True] * 6 + [False] * 2 + [True] + [False] * 3 + [True] * 2
    sample = make_sample(activity, None)
    assert utterance_patches("silence", sample, PatchingConfig()).tolist() == [5, 4, 4, 1, 3, 2]
    assert patch_run("silence", 3, 10, sample, PatchingConfig()).tolist() == [4, 3], "2 frames left are no silence"


def test_long_patches_are_cut_full_pieces_first() -> None:
    sample = make_sample([False] * 70 + [True] * 70, [(70, 140)])
    config = PatchingConfig(max_patch=32)
    assert utterance_patches("aligned", sample, config).tolist() == [32, 32, 6, 32, 32, 6]
    assert utterance_patches("silence", sample, config).tolist() == [32, 32, 6] + [4] * 17 + [2]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(run=runs(), config=configs)
def test_lengths_are_positive_and_sum_to_the_run(
    strategy: str, run: tuple[Sample, int, int], config: PatchingConfig
) -> None:
    sample, start, end = run
    lengths = patch_run(strategy, start, end, sample, config)
    assert lengths.dtype == np.int64
    assert lengths.sum() == end - start
    assert (lengths >= 1).all()
    if strategy in VARIABLE:
        assert (lengths <= config.max_patch).all()


@given(run=runs(), config=configs)
def test_silence_agrees_with_a_frame_by_frame_reading(run: tuple[Sample, int, int], config: PatchingConfig) -> None:
    sample, start, end = run
    expected = naive_silence(sample.activity[start:end].tolist(), config)
    assert patch_run("silence", start, end, sample, config).tolist() == expected


@given(run=runs(), config=configs)
def test_aligned_agrees_with_a_frame_by_frame_reading(run: tuple[Sample, int, int], config: PatchingConfig) -> None:
    sample, start, end = run
    assert sample.word_frames is not None
    expected = naive_aligned(sample.word_frames.tolist(), start, end, config)
    assert patch_run("aligned", start, end, sample, config).tolist() == expected


def test_aligned_without_word_times_names_the_sample() -> None:
    with pytest.raises(ConfigError, match="aligned needs word times, but sample `utterance` has none"):
        utterance_patches("aligned", make_sample([True] * 3, None), PatchingConfig())


def test_an_unknown_strategy_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="one of none, static, silence, aligned, but is 'word'"):
        utterance_patches("word", make_sample([True], None), PatchingConfig())


def test_a_run_outside_the_utterance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 3\], but is \[1, 4\)"):
        patch_run("static", 1, 4, make_sample([True] * 3, None), PatchingConfig())
