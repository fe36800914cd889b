from __future__ import annotations

import pytest

from lstdata.align.pronounce import Pronouncer, spoken_by_gruut

DICTIONARY = {
    "wood": "W UH D", "cutters": "K AH T ER Z", "reti": "R EH T IY", "red": "R EH D", "oclock": "AH K L AA K",
    "press": "P R EH S", "letter": "L EH T ER", "letterp": "L EH T ER P", "ress": "R EH S", "lett": "L EH T",
    "erpress": "ER P R AH S",
}  # fmt: skip
pronouncer = Pronouncer(DICTIONARY.get)


def test_compounds_are_split_at_the_most_even_cut() -> None:
    assert pronouncer.pronunciations("woodcutters")[0] == "W UH D K AH T ER Z"
    assert pronouncer.pronunciations("letterpress")[0] == "L EH T ER P R EH S"


def test_short_parts_make_no_compound() -> None:
    assert pronouncer.pronunciations("retired") == (spoken_by_gruut("retired"),)


def test_other_words_are_spoken_by_gruut() -> None:
    assert pronouncer.pronunciations("schoeffer") == ("SH OW F ER",)
    assert pronouncer.pronunciations("missals") == ("M IH S AH L Z",)


@pytest.mark.parametrize(
    ("word", "phones"),
    [("wood's", "W UH D Z"), ("press's", "P R EH S IH Z"), ("letterp's", "L EH T ER P S"), ("o'clock", "AH K L AA K")],
)
def test_possessives_and_apostrophes(word: str, phones: str) -> None:
    assert pronouncer.pronunciations(word)[0] == phones


@pytest.mark.parametrize("word", ["привет", "你好", "", "'s", "a1"])
def test_what_english_does_not_spell_has_no_pronunciation(word: str) -> None:
    assert pronouncer.pronunciations(word) == ()


def test_every_phone_is_one_of_the_model() -> None:
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, loglevel="FATAL")
    words = ["measure", "church", "judge", "thing", "boy", "how", "good", "yes", "why", "zoo", "vision", "hawk", "cure"]
    for i, word in enumerate(words):
        decoder.add_word(f"unheard-{i}", spoken_by_gruut(word), update=False)  # raises on a phone it has not
