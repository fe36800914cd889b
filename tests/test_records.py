"""Frame arithmetic: the one owner, ties included."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstdata.records import (
    HOP,
    Word,
    frame_at,
    frame_count,
    resampled_length,
    sample_at,
    word_frames,
)


def test_frames_are_whole_hops() -> None:
    assert [frame_count(n) for n in (0, 639, 640, 1279, 1280, 190_800)] == [0, 0, 1, 1, 2, 298]
    assert frame_count(190_800, 320) == 596


def test_ties_go_up() -> None:
    """A quarter of a 10 ms grid ties at 25 Hz; rounding to even would send every other tie down."""
    assert [frame_at(sample_at(t)) for t in (0.02, 0.06, 0.10, 0.14)] == [1, 2, 3, 4]
    assert [frame_at(s) for s in (319, 320, 959, 960)] == [0, 1, 1, 2]


def test_times_on_a_ten_millisecond_grid_are_exact_samples() -> None:
    assert all(sample_at(i / 100) == i * 160 for i in range(100_000))


@given(st.integers(0, 10**7), st.sampled_from([8000, 11025, 16000, 18000, 22050, 44100, 48000]))
def test_resampled_length_rounds_up(samples: int, rate: int) -> None:
    length = resampled_length(samples, rate)
    assert (length - 1) * rate < samples * 16000 <= length * rate or samples == length == 0


def test_words_may_be_empty_but_never_overlap() -> None:
    words = [Word("a", 0, 100), Word("b", 100, 3 * HOP), Word("c", 2 * HOP, 5 * HOP), Word("d", 9 * HOP, 99 * HOP)]
    assert word_frames(words, 8).tolist() == [[0, 0], [0, 3], [3, 5], [8, 8]]
    assert word_frames([], 8).shape == (0, 2)


@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), max_size=30), st.integers(0, 90))
def test_word_frames_are_monotone_and_inside(times: list[tuple[int, int]], frames: int) -> None:
    words = [Word("w", min(t), max(t)) for t in times]
    spans = word_frames(words, frames)
    edges = spans.reshape(-1)
    assert (np.diff(edges) >= 0).all() and ((edges >= 0) & (edges <= frames)).all()
