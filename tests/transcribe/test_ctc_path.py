"""The best path of a CTC model to words with frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.ctc_alphabet import Alphabet
from lstdata.transcribe.ctc_path import FramedWord, words_on_path

LETTERS = Alphabet(("_", "|", "?", "a", "b"), blank=0, delimiter="|", silent=frozenset({2}))
PIECES = Alphabet(("_", "▁a", "b", "▁", "▁bc"), blank=0, delimiter="|")
SIGNS = Alphabet(("_", "你", "好"), blank=0, delimiter="|")


def read(path: str, alphabet: Alphabet = LETTERS) -> list[tuple[str, int, int]]:
    """A path written with one sign per frame: `_` blank, `|` delimiter, `?` unknown, letters."""
    ids = ["".join(alphabet.tokens).index(sign) for sign in path]
    return [(w.text, w.start, w.end) for w in words_on_path(ids, alphabet)]


def test_equal_neighbours_are_one_letter_and_a_blank_between_them_keeps_two_apart() -> None:
    assert read("_aab_b_|aa_") == [("abb", 1, 6), ("a", 8, 10)]


def test_a_word_lasts_from_its_first_letter_through_its_last_not_through_blanks_or_delimiters() -> None:
    assert read("___a_____b___||___b") == [("ab", 3, 10), ("b", 18, 19)]


def test_tokens_that_are_no_speech_are_in_no_word() -> None:
    assert read("?a?b|?|a?") == [("ab", 1, 4), ("a", 7, 8)]


@pytest.mark.parametrize("path", ["", "____", "||_|", "?_|"])
def test_a_path_without_letters_has_no_words(path: str) -> None:
    assert read(path) == []


def test_pieces_that_begin_words_divide_them_where_no_delimiter_does() -> None:
    words = words_on_path([0, 1, 1, 2, 0, 4, 1], PIECES)
    assert words == [FramedWord("ab", 1, 4), FramedWord("bc", 5, 6), FramedWord("a", 6, 7)]


def test_a_lone_word_start_belongs_to_the_word_after_it() -> None:
    assert words_on_path([1, 3, 2, 0, 3], PIECES) == [FramedWord("a", 0, 1), FramedWord("b", 2, 3)]


def test_where_nothing_says_where_words_begin_every_token_is_one() -> None:
    assert words_on_path([1, 1, 0, 1, 2], SIGNS) == [
        FramedWord("你", 0, 2),
        FramedWord("你", 3, 4),
        FramedWord("好", 4, 5),
    ]


@given(st.lists(st.integers(0, 6), max_size=60), st.sampled_from([LETTERS, PIECES, SIGNS]))
def test_words_are_in_order_disjoint_inside_and_begin_and_end_with_speech(path: list[int], alphabet: Alphabet) -> None:
    cursor = 0
    for word in words_on_path(path, alphabet):
        assert cursor <= word.start < word.end <= len(path)
        assert word.text and alphabet.blank not in (path[word.start], path[word.end - 1])
        cursor = word.end


@pytest.mark.parametrize(("samples", "frames"), [(5, 0), (399, 0), (400, 1), (719, 1), (720, 2), (16_000, 49)])
def test_frames_of_the_usual_seven_convolutions(samples: int, frames: int) -> None:
    assert ConvStack((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)).frames(samples) == frames
