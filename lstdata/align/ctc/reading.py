"""What is said for a transcript, letter by letter, each letter tied to the written character that it stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lstdata.align import normalise
from lstdata.align.normalise import SYMBOLS, latin_share, spoken_tokens
from lstdata.languages import language_tag

UNREADABLE = "\ufffd"
"""Stands for what is spoken, but nobody knows how: a number in a language that is not read, a sign."""

_LONGEST_NUMBER = 15
"""Digits; a longer number, or one with a separator in it, is read in English alone."""

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_NUM2WORDS = {"kk": "kz", "nb": "no", "nn": "no"}
"""Its own names for languages that have another tag."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A written word as it is spoken; no letters for a dash or a noise in brackets."""

    letters: tuple[str, ...]
    """Letters with their marks, and apostrophes."""
    places: tuple[int, ...]
    """For each, the character of the written word that it stands for, by number."""


SILENT = Reading((), ())


def readings(text: str, language: str | None) -> list[Reading]:
    """One for each whitespace-separated word.

    English, and what is in Latin letters where nobody names its language, is read as `spoken_tokens` has it. Of other
    languages letters are read as they stand, and whole numbers by num2words.
    """
    words = normalise.without_events(text).split()
    tag = None if language is None else language_tag(language).split("-")[0]
    if tag == "en" or (tag is None and latin_share(text) >= 0.5):
        return _in_english(words, text)
    return [_as_it_stands(word, tag) for word in words]


def fold(letter: str) -> str:
    """A letter in plain form: `e` of `é`, `ss` of `ß`, the letters of a ligature or of a Hangul syllable."""
    return normalise.folded(letter)


def clusters(word: str) -> Iterator[tuple[int, str]]:
    """(place, character with the combining marks behind it) of a word."""
    place = 0
    while place < len(word):
        end = place + 1
        while end < len(word) and unicodedata.combining(word[end]):
            end += 1
        yield place, word[place:end]
        place = end


def is_letter(cluster: str) -> bool:
    return cluster[0].isalpha() or unicodedata.category(cluster[0])[0] == "M"


def _in_english(words: Sequence[str], text: str) -> list[Reading]:
    said: list[str] = [""] * len(words)
    for token in spoken_tokens(text, _is_known):
        said[token.word] += _letters(token.text)
    return [_literal(word, reading) or _spread(word, reading) for word, reading in zip(words, said, strict=True)]


def _literal(word: str, said: str) -> Reading | None:
    """The written letters themselves where just they are said, whatever their marks; None for any other reading."""
    letters: list[tuple[int, str]] = []
    heard = 0
    for place, cluster in clusters(word):
        plain = fold(cluster).lower()
        if plain == "'":
            if said[heard : heard + 1] == plain:
                letters.append((place, plain))
                heard += 1
        elif plain and is_letter(cluster):
            if not said.startswith(plain, heard):
                return None
            letters.append((place, cluster))
            heard += len(plain)
    return _reading(letters) if heard == len(said) else None


def _spread(word: str, said: str, places: Sequence[int] = ()) -> Reading:
    """A reading of other letters than are written, evenly over the characters that are more than punctuation."""
    places = places or [i for i, c in enumerate(word) if c.isalnum() or c in SYMBOLS or _is_sign(c)] or [0]
    letters = [cluster for _, cluster in clusters(said)]
    return Reading(tuple(letters), tuple(places[i * len(places) // len(letters)] for i in range(len(letters))))


def _as_it_stands(word: str, tag: str | None) -> Reading:
    numbers = {match.start(): match for match in _NUMBER.finditer(word)}
    letters: list[tuple[int, str]] = []
    behind = 0
    for place, cluster in clusters(word):
        if place < behind:
            continue
        if place in numbers:
            behind = numbers[place].end()
            letters += _number(numbers[place], tag)
        elif is_letter(cluster):
            letters.append((place, cluster))
        elif fold(cluster) == "'":
            letters.append((place, "'"))
        elif cluster in SYMBOLS or _is_sign(cluster):
            letters.append((place, UNREADABLE))
    return _reading(letters) if any(letter != "'" for _, letter in letters) else SILENT


def _number(match: re.Match[str], tag: str | None) -> Iterable[tuple[int, str]]:
    places = [i for i in range(match.start(), match.end()) if match.string[i].isdecimal()]
    digits = "".join(str(unicodedata.decimal(match.string[i])) for i in places)
    said = _named(digits, tag) if len(digits) == len(match[0]) and tag is not None else None
    if said is None:
        return [(place, UNREADABLE) for place in places]
    reading = _spread("", said, places)
    return zip(reading.places, reading.letters, strict=True)


@lru_cache(4096)
def _named(digits: str, tag: str) -> str | None:
    """A whole number's letters in a language; None where num2words does not speak it."""
    from num2words import CONVERTER_CLASSES, num2words

    language = _NUM2WORDS.get(tag, tag)
    if language not in CONVERTER_CLASSES or len(digits) > _LONGEST_NUMBER:
        return None
    for kind in ("year", "cardinal") if len(digits) == 4 and "1100" <= digits < "2000" else ("cardinal",):
        try:
            said = str(num2words(int(digits), lang=language, to=kind))
        except (NotImplementedError, ArithmeticError, LookupError, TypeError, ValueError):
            continue
        return _letters(said) or None
    return None


def _letters(said: str) -> str:
    """Without the spaces and hyphens between words."""
    return "".join(c for c in said if is_letter(c) or c == "'")


def _is_sign(character: str) -> bool:
    return unicodedata.category(character[0]) == "Sc"


def _reading(letters: Sequence[tuple[int, str]]) -> Reading:
    return Reading(tuple(letter for _, letter in letters), tuple(place for place, _ in letters))


def _is_known(word: str) -> bool:
    return word in _dictionary()


@lru_cache(1)
def _dictionary() -> frozenset[str]:
    """The English words that are said as words and not letter by letter: pocketsphinx's."""
    from pocketsphinx import get_model_path

    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    return frozenset(line.split(" ", 1)[0].partition("(")[0] for line in lines)
