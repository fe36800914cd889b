from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.patching import STRATEGIES, chosen_for, patch_run, piece_frames, utterance_patches
from lstdata.records import Sample

VARIABLE = ("silence", "aligned", "aligned-merged", "aligned-bpe")


def make_sample(
    activity: list[bool], words: list[tuple[int, int]] | None, pieces: list[int] | None = None, id: str = "utterance"
) -> Sample:
    return Sample(
        key="k",
        id=id,
        split="train",
        samples=len(activity) * 640,
        units=np.zeros(len(activity), dtype=np.uint16),
        activity=np.array(activity, dtype=np.bool_),
        text=None,
        words=None if words is None else tuple("w" for _ in words),
        word_frames=None if words is None else np.array(words, dtype=np.int64).reshape(-1, 2),
        piece_frames=None if pieces is None else np.array(pieces, dtype=np.int64),
        aligner=None if words is None else "sphinx",
    )


@st.composite
def runs(draw: st.DrawFn) -> tuple[Sample, int, int]:
    frames = draw(st.integers(1, 80))
    activity = draw(st.lists(st.booleans(), min_size=frames, max_size=frames))
    activity = [a for a in activity for _ in range(draw(st.integers(1, 4)))][:frames]
    edges = sorted(draw(st.lists(st.integers(0, frames), max_size=20)))
    words = list(zip(edges[0::2], edges[1::2], strict=False))
    inside = [frame for begin, end in words for frame in range(begin + 1, end)]
    pieces = sorted(draw(st.lists(st.sampled_from(inside), max_size=20))) if inside else []
    start = draw(st.integers(0, frames))
    return make_sample(activity, words, pieces), start, draw(st.integers(start, frames))


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


def owners(sample: Sample, start: int, end: int) -> list[int | None]:
    assert sample.word_frames is not None
    words = sample.word_frames.tolist()
    return [next((i for i, (a, b) in enumerate(words) if a <= f < b), None) for f in range(start, end)]


def grouped(owner: Sequence[object], config: PatchingConfig) -> list[int]:
    """Neighbours of one owner are one patch."""
    lengths = [len(list(group)) for _, group in groupby(owner)]
    return [piece for length in lengths for piece in split(length, config.max_patch)]


def naive_merged(sample: Sample, start: int, end: int) -> list[int]:
    """Silence belongs to the word before it, leading silence to the first word."""
    owner = owners(sample, start, end)
    latest = next((word for word in owner if word is not None), -1)
    found = []
    for word in owner:
        latest = latest if word is None else word
        found.append(latest)
    return found


def naive_pieces(sample: Sample, start: int, end: int) -> list[tuple[int | None, int]]:
    assert sample.piece_frames is not None
    begun = sample.piece_frames.tolist()
    owner = owners(sample, start, end)
    counts = [sum(piece <= frame for piece in begun) for frame in range(start, end)]
    return [(word, 0 if word is None else count) for word, count in zip(owner, counts, strict=True)]


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
    for strategy, owner in (("aligned", owners), ("aligned-merged", naive_merged), ("aligned-bpe", naive_pieces)):
        expected = grouped(owner(sample, start, end), config)
        assert patch_run(strategy, start, end, sample, config).tolist() == expected, strategy


def test_silence_goes_to_the_word_before_it() -> None:
    sample = make_sample([True] * 12, [(2, 5), (5, 9), (11, 11)])
    assert utterance_patches("aligned-merged", sample, PatchingConfig()).tolist() == [5, 7]
    assert patch_run("aligned-merged", 3, 10, sample, PatchingConfig()).tolist() == [2, 5]
    assert patch_run("aligned-merged", 9, 12, sample, PatchingConfig()).tolist() == [3], "no word: one patch"


def test_pieces_are_patches_of_their_own() -> None:
    """In `seeing it`: `see`, `ing` and ` it`."""
    words, characters = ["seeing", "it"], [(2, 2, 4, 5, 7, 8), (10, 11)]
    found = piece_frames(words, np.array([[2, 9], [10, 12]]), characters, [0, 3, 6])
    assert found is not None and found.tolist() == [5]
    sample = make_sample([True] * 14, [(2, 9), (10, 12)], found.tolist())
    assert utterance_patches("aligned-bpe", sample, PatchingConfig()).tolist() == [2, 3, 4, 1, 2, 2]


def test_a_word_whose_characters_have_no_times_is_one_piece() -> None:
    frames = np.array([[2, 9], [10, 12]])
    found = piece_frames(["seeing", "it"], frames, [None, (10, 11)], [0, 3, 6, 8])
    assert found is not None and found.tolist() == [11]
    assert piece_frames(["seeing", "it"], frames, None, [0, 3]) is None


def test_a_word_without_frames_has_no_piece() -> None:
    found = piece_frames(["an", "it"], np.array([[3, 3], [5, 9]]), [(3, 3), (5, 5)], [0, 1, 3, 4])
    assert found is not None and found.tolist() == []


@pytest.mark.parametrize("strategy", ["aligned", "aligned-merged", "aligned-bpe"])
def test_without_word_times_the_sample_is_named(strategy: str) -> None:
    with pytest.raises(ConfigError, match=f"{strategy} needs word times, but sample `utterance` has none"):
        utterance_patches(strategy, make_sample([True] * 3, None), PatchingConfig())


def test_without_times_of_characters_the_aligner_is_named() -> None:
    with pytest.raises(ConfigError, match=r"aligned-bpe needs the times of characters.*`utterance`.*found by sphinx"):
        utterance_patches("aligned-bpe", make_sample([True] * 3, [(0, 2)]), PatchingConfig())


def strategies(config: PatchingConfig, progress: float, words: list[tuple[int, int]] | None) -> Counter[str]:
    """Of a thousand documents."""
    samples = (make_sample([True] * 3, words, id=f"u{number}") for number in range(1000))
    return Counter(chosen_for(s, config, seed=0, epoch=1, progress=progress).strategy for s in samples)


def test_mixed_is_a_fair_coin_all_through_training() -> None:
    config = PatchingConfig(strategy="mixed")
    for progress in (0.0, 0.5, 1.0):
        found = strategies(config, progress, [(0, 2)])
        assert set(found) == {"aligned", "static"} and 450 < found["static"] < 550
    assert strategies(config, 0.0, None) == {"static": 1000}


@pytest.mark.parametrize(
    ("progress", "aligned"), [(0, 1), (0.3, 1), (0.4, 0.8), (0.5, 0.5), (0.6, 0.2), (0.7, 0), (1, 0)]
)
def test_a_curriculum_leads_from_aligned_to_static(progress: float, aligned: float) -> None:
    found = strategies(PatchingConfig(strategy="curriculum"), progress, [(0, 2)])
    assert abs(found["aligned"] / 1000 - aligned) < 0.05
    assert aligned not in (0, 1) or len(found) == 1


def test_a_curriculum_may_change_at_once() -> None:
    config = PatchingConfig(strategy="curriculum", aligned_until=0.5, static_from=0.5)
    assert strategies(config, 0.49, [(0, 2)]) == {"aligned": 1000}
    assert strategies(config, 0.5, [(0, 2)]) == {"static": 1000}


def test_a_document_leaves_a_curriculum_once() -> None:
    """The draw is one number of each document, so that none changes to and fro within an epoch."""
    config, sample = PatchingConfig(strategy="curriculum"), make_sample([True] * 3, [(0, 2)])
    for epoch in range(20):
        drawn = [chosen_for(sample, config, seed=0, epoch=epoch, progress=p / 50).strategy for p in range(51)]
        assert drawn == sorted(drawn)


def test_an_unknown_strategy_is_a_config_error() -> None:
    names = "none, static, silence, aligned, aligned-merged, aligned-bpe"
    with pytest.raises(ConfigError, match=f"one of {names}, but not by 'word'"):
        utterance_patches("word", make_sample([True], None), PatchingConfig())


def test_a_run_outside_the_utterance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 3\], but is \[1, 4\)"):
        patch_run("static", 1, 4, make_sample([True] * 3, None), PatchingConfig())
