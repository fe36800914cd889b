from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.align.ctc.spelling import Speller, Spelling
from lstdata.checkpoints.ctc_alphabet import Alphabet
from lstdata.errors import ConfigError, Rejected
from tests.align.ctc.conftest import LETTERS


def speller(*letters: str) -> Speller:
    return Speller(Alphabet(("<pad>", "|", *letters), 0, "|"), "model")


def shown(spelling: Spelling, tokens: tuple[str, ...]) -> list[str]:
    """The words in the model's letters, `*` for a wildcard."""
    out = [""] * len(spelling.words)
    for column, owner in zip(spelling.tokens.tolist(), spelling.owners.tolist(), strict=True):
        out[owner] += "*" if column == spelling.wildcard else tokens[spelling.ids[column - 1]]
    return out


ENGLISH = Speller(Alphabet(LETTERS, 0, "|", frozenset({2})), "model")


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Brontë's naïve ﬁancée", "en", ["bronte's", "naive", "fiancee"]),
        ("hello 你好 world", "en", ["hello", "*", "world"]),
        ("Straße Łódź smørrebrød", "de", ["strasse", "lodz", "smorrebrod"]),
        ("es kostet 3,50 € heute", "de", ["es", "kostet", "*", "*", "heute"]),
        ("alles α-gut", "de", ["alles", "*gut"]),
        ("— yes [noise]", "en", ["", "yes", ""]),
    ],
)
def test_what_the_alphabet_cannot_spell_is_a_wildcard(text: str, language: str, said: list[str]) -> None:
    assert shown(ENGLISH.spell(text, language), LETTERS) == said


def test_marks_are_kept_where_the_alphabet_has_them_and_case_is_the_alphabets() -> None:
    letters = ("É", "E", "N", "o", "ñ")
    tokens = ("<pad>", "|", *letters)
    assert shown(speller(*letters).spell("é e\u0301 ê noñO'", "es"), tokens) == ["É", "É", "E", "NoñoN"[:4]]


def test_signs_of_their_own_follow_their_letter() -> None:
    assert len(speller("न", "म", "स", "त", "े", "्").spell("नमस्ते", "hi").tokens) == 6
    assert len(speller("न", "म", "स", "त").spell("नमस्ते", "hi").tokens) == 4


def test_equal_neighbours_are_counted_across_words() -> None:
    assert ENGLISH.spell("all lamps sell", "en").repeats == 4
    assert ENGLISH.spell("all lamps sell", "en").wildcard == 7


@pytest.mark.parametrize(
    ("text", "language", "reason", "named"),
    [
        ("", "en", "no_speakable_words", "''"),
        ("— ... [noise] <unk>", None, "no_speakable_words", "— ..."),
        ("привет тебе hi", None, "out_of_vocabulary", "first in 'привет': 'п'"),
        ("123 4", "zh", "out_of_vocabulary", "first in '123': its numbers or signs are"),
        ("ab 你好世界", "de", "out_of_vocabulary", "4 of 6 letters, first in '你好世界'"),
    ],
)
def test_what_cannot_be_spelt_says_why(text: str, language: str | None, reason: str, named: str) -> None:
    with pytest.raises(Rejected) as caught:
        ENGLISH.spell(text, language)
    assert caught.value.reason == reason
    assert named in caught.value.detail


def test_half_of_the_letters_may_be_wildcards() -> None:
    assert shown(ENGLISH.spell("ab 你好", "de"), LETTERS) == ["ab", "*"]


@pytest.mark.parametrize("tokens", [("▁the", "▁of", "ing", "s"), ("1", "2", "?"), ()])
def test_a_model_that_does_not_spell_by_letters_is_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"`words.model` `model` must spell by letters, but \d of its \d tokens"):
        speller(*tokens)


@given(st.text(max_size=40), st.sampled_from([None, "en", "de", "ja"]))
def test_tokens_are_in_the_words_order_and_stand_for_their_characters(text: str, language: str | None) -> None:
    try:
        spelling = ENGLISH.spell(text, language)
    except Rejected as verdict:
        if verdict.reason not in ("no_speakable_words", "out_of_vocabulary"):
            raise
        return
    assert spelling.words == tuple(text.split())
    assert (np.diff(spelling.owners) >= 0).all()
    assert spelling.tokens.min() >= 1 and spelling.tokens.max() <= spelling.wildcard
    for owner, place in zip(spelling.owners.tolist(), spelling.places.tolist(), strict=True):
        assert 0 <= place < len(spelling.words[owner])
    for owner in set(spelling.owners.tolist()):
        assert (np.diff(spelling.places[spelling.owners == owner]) >= 0).all()
