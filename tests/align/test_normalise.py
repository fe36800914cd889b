from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.align.normalise import latin_share, spoken_tokens, written_words

KNOWN = frozenset(
    "the a dog dog's hello well known x-ray 'tis goin' o'clock o'brien's cafe naive he said so hmm nato mister was "
    "wait what best third and or don't chapter henry war million fbi's".split()
)


def spoken(text: str) -> list[str]:
    """What is said for each written word, joined by spaces."""
    words: list[list[str]] = [[] for _ in written_words(text)]
    for token in spoken_tokens(text, KNOWN.__contains__):
        words[token.word].append(token.text)
    return [" ".join(word) for word in words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, “the” dog’s — wait!", ["hello", "the", "dog's", "", "wait"]),
        ("well-known x-ray and/or wait…what", ["well known", "x-ray", "and or", "wait what"]),
        ("'hello' 'tis goin' o'clock O’Brien’s", ["hello", "'tis", "goin'", "o'clock", "o'brien's"]),
        ("café naïve ﬁne Łódź straße", ["cafe", "naive", "fine", "lodz", "strasse"]),
        ("Mr. Dr. St. Paul Main St. a", ["mister", "doctor", "saint", "paul", "main", "street", "a"]),
        ("No. 5 said no.", ["number", "five", "said", "no"]),
        ("e.g. U.S. U.S.'s etc. vs", ["e g", "u s", "u s's", "et cetera", "versus"]),
        ("RSVP NATO FBI's hmmmm sooo", ["r s v p", "nato", "fbi's", "hmm", "so"]),
        ("Henry VIII Chapter IV War II", ["henry", "the eighth", "chapter", "four", "war", "two"]),
        ("the <VOCNOISE> dog [background noise] [he] said *coughs* what {laugh}",
         ["the", "", "dog", "", "", "he", "said", "", "what", ""]),
        ("... -- !? \u200b *", ["", "", "", "", ""]),
        ("a@b & 50% C++ #1 # 20°", ["a at b", "and", "fifty percent", "c plus plus", "number one", "",
         "twenty degrees"]),
        ("привет 你好", ["привет", "你好"]),
    ],
)  # fmt: skip
def test_each_written_word_is_spoken_as_people_say_it(text: str, expected: list[str]) -> None:
    assert spoken(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1984 2005 2014 1500 1,984", "nineteen eighty four|two thousand and five|twenty fourteen|fifteen hundred|"
         "one thousand nine hundred and eighty four"),
        ("the 1990s '90s 3rd 21st 3rd-best", "the|nineteen nineties|nineties|third|twenty first|third best"),
        ("$5.99 £3m $1 $0.50 ¥100 -$5", "five dollars ninety nine|three million pounds|one dollar|fifty cents|"
         "one hundred yen|minus five dollars"),
        ("$5 million and $2.5 million.", "five|million dollars|and|two point five|million dollars"),
        ("12:30 12:05 3:00 1/2 3/4 3½ ½ 24/7", "twelve thirty|twelve oh five|three o'clock|one half|three quarters|"
         "three and a half|one half|twenty four seven"),
        ("3.14 .5 1.2.3 007 -5 1939–45", "three point one four|point five|one point two point three|zero zero seven|"
         "minus five|nineteen thirty nine forty five"),
        ("10km 5kg 10am MP3 B2B 3D", "ten kilometers|five kilograms|ten a m|m p three|b two b|three d"),
        ("٣ ２０１４ m² 555-1234", "three|twenty fourteen|m|five hundred and fifty five twelve thirty four"),
    ],
)  # fmt: skip
def test_figures_are_spoken_out(text: str, expected: str) -> None:
    assert "|".join(spoken(text)) == expected


def test_very_long_numbers_are_read_digit_by_digit() -> None:
    assert spoken("9" * 5000) == [" ".join(["nine"] * 5000)]


def test_capitals_are_no_initials_where_all_is_capitals() -> None:
    assert spoken("ABBIE MET TIM VI") == ["abbie", "met", "tim", "vi"]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_keeps_its_words_and_gives_well_formed_tokens(text: str) -> None:
    tokens = spoken_tokens(text, KNOWN.__contains__)
    indices = [token.word for token in tokens]
    assert indices == sorted(indices)
    assert all(0 <= i < len(written_words(text)) for i in indices)
    assert all(
        token.text and not any(c.isspace() or c in "<>()" or c.isdecimal() for c in token.text) for token in tokens
    )


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["the", "$5", "<noise", "x>", "[a", "b]", "½", "III.", "—", "12:30", "\u00ad", "ß"]), max_size=8
    )
)
def test_marks_never_shift_words(words: list[str]) -> None:
    tokens = spoken_tokens(" ".join(words), KNOWN.__contains__)
    assert all(words[token.word] == "the" for token in tokens if token.text == "the" and words[token.word] != "III.")


def test_share_of_latin_letters() -> None:
    assert latin_share("hello, 123 ... é") == 1.0
    assert latin_share("123 …") == 1.0
    assert latin_share("привет") == 0.0
    assert latin_share("ab вг") == 0.5
