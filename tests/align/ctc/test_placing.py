from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.align.ctc.placing import AFTER, BEFORE, HELD, gathered, placed, token_edges
from lstdata.align.ctc.spelling import Spelling
from lstdata.checkpoints.convolutions import ConvStack
from lstdata.records import Ints

USUAL = ConvStack((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))


def test_frames_are_where_the_convolutions_look() -> None:
    assert (USUAL.hop, USUAL.field) == (320, 400)
    assert (USUAL.frames(399), USUAL.frames(400), USUAL.frames(720)) == (0, 1, 2)


def test_letters_reach_into_the_silence_around_them_and_a_pause_stays_one() -> None:
    edges = token_edges(np.array([[10, 11], [13, 14], [15, 16], [60, 61]]), USUAL, 32_000)
    assert edges.tolist() == [
        [10 * 320 + 40 - BEFORE, 11 * 320 + 40 + 640 // 3],
        [11 * 320 + 40 + 640 // 3, 14 * 320 + 40 + 320 // 3],
        [14 * 320 + 40 + 320 // 3, 16 * 320 + 40 + AFTER],
        [60 * 320 + 40 - BEFORE, 61 * 320 + 40 + AFTER],
    ]


def test_the_ends_of_the_audio_are_those_of_the_words() -> None:
    assert token_edges(np.array([[0, 3]]), USUAL, 1100).tolist() == [[0, 1100]]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), min_size=1), st.integers(0, 3000))
def test_edges_are_in_order_disjoint_and_inside(steps: list[tuple[int, int]], beyond: int) -> None:
    stretches: list[list[int]] = []
    frame = 0
    for gap, length in steps:
        stretches.append([frame + gap, frame + gap + length])
        frame += gap + length
    samples = (frame - 1) * 320 + 400 + beyond
    edges = token_edges(np.array(stretches), USUAL, samples)
    assert (np.diff(edges.reshape(-1)) >= 0).all()
    assert (edges[:, 1] > edges[:, 0]).all()
    assert edges.min() >= 0 and edges.max() <= samples


def spelling(words: str, tokens: list[int], owners: list[int], places: list[int]) -> Spelling:
    return Spelling(tuple(words.split()), (1, 2), *(np.array(numbers) for numbers in (tokens, owners, places)))


def test_characters_begin_with_their_token_and_others_with_the_next() -> None:
    edges: Ints = np.array([[10, 20], [20, 30], [50, 60], [70, 80]])
    words = placed(
        spelling("«ab» — * b", [1, 2, 3, 2], [0, 0, 2, 3], [1, 2, 0, 0]),
        edges,
        np.array([-3.0, 0.0, 0.0, -1.0]),
        np.array([2, 0, 0, 4]),
    )
    assert [(w.text, w.start, w.end, w.score) for w in words] == [
        ("«ab»", 10, 30, -1.5),
        ("—", 30, 30, None),
        ("*", 50, 60, None),
        ("b", 70, 80, -0.25),
    ]
    assert [w.characters for w in words] == [(10, 10, 20, 30), None, None, (70,)]
    assert [w.interpolated for w in words] == [False, False, True, False]


def test_a_letter_that_is_held_too_long_is_kept_beside_its_word() -> None:
    most = HELD // 320
    told = spelling("ab * a", [1, 2, 3, 1], [0, 0, 1, 2], [0, 1, 0, 0])
    found = gathered(told, np.array([[0, 100], [120, 220], [300, 400], [500, 500 + most]]), USUAL)
    assert found.tolist() == [[100 - most, 100], [120, 120 + most], [300, 400], [500, 500 + most]]


@pytest.mark.parametrize(
    ("word", "starts", "expected"),
    [
        ("short", [0, 2, 4, 6, 500], [0, 2, 4, 6, 7]),
        ("short", [0, 500, 502, 504, 506], [500, 500, 502, 504, 506]),
        ("short", [0, 2, 500, 502, 504], [500, 500, 500, 502, 504]),
        ("short", [0, 200, 202, 204, 500], [200, 200, 202, 204, 205]),
        ("at", [0, 500], [0, 1]),
        ("いちにち、まちました", [0, 2, 4, 6, 500, 502, 504, 506, 508], [0, 2, 4, 6, 500, 502, 504, 506, 508]),
        ("short", [0, 40, 80, 120, 160], [0, 40, 80, 120, 160]),
    ],
)
def test_letters_that_stray_from_their_word_are_brought_back(word: str, starts: list[int], expected: list[int]) -> None:
    count = len(starts)
    told = spelling(f"a {word} b", [1] * (count + 2), [0, *[1] * count, 2], [0, *range(count), 0])
    stretches = np.array([[-9, -8], *([start, start + 1] for start in starts), [900, 901]])
    found = gathered(told, stretches, USUAL)
    assert found[1:-1, 0].tolist() == expected
    assert (np.diff(found.reshape(-1)) >= 0).all()
    assert found[[0, -1]].tolist() == stretches[[0, -1]].tolist()
