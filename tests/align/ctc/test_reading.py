from __future__ import annotations

import pytest

from lstdata.align.ctc.reading import UNREADABLE, readings


def read(text: str, language: str | None) -> list[str]:
    return ["".join(reading.letters) for reading in readings(text, language)]


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Well-known, 42 — [noise] don't", "en", ["Wellknown", "fortytwo", "", "", "don't"]),
        ("Mr. Brontë's $5", None, ["mister", "Brontë's", "fivedollars"]),
        ("el niño", None, ["el", "niño"]),
        ("hat 5 Äpfel, 1984", "de-DE", ["hat", "fünf", "Äpfel", "neunzehnhundertvierundachtzig"]),
        ("14 pommes", "French", ["quatorze", "pommes"]),
        ("1984 år", "sv", ["etttusenniohundraåttiofyra", "år"]),
        ("3,14 € <noise>", "de", [UNREADABLE * 3, UNREADABLE, ""]),
        ("привет 7 ...", None, ["привет", UNREADABLE, ""]),
        ("你好,世界 ９", "zh", ["你好世界", UNREADABLE]),
        ("' -", "de", ["", ""]),
    ],
)
def test_what_is_said_for_a_word(text: str, language: str | None, said: list[str]) -> None:
    assert read(text, language) == said


def test_each_letter_stands_for_a_written_character() -> None:
    literal, number, accent = readings("«Well-known» 42, ne\u0301e", "en")
    assert literal.places == (1, 2, 3, 4, 6, 7, 8, 9, 10)
    assert number.places == (0, 0, 0, 0, 1, 1, 1, 1), "forty, two: evenly over the digits"
    assert (accent.letters, accent.places) == (("n", "e\u0301", "e"), (0, 1, 3))


def test_numbers_of_other_languages_are_spread_over_their_digits() -> None:
    [amount] = readings("(12)", "de")
    assert "".join(amount.letters) == "zwölf"
    assert amount.places == (1, 1, 1, 2, 2)
