"""Pronunciations, in the phones of CMUdict, for words that a dictionary does not have."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gruut.g2p import GraphemesToPhonemes
    from gruut.phonemize import SqlitePhonemizer

PHONES = {
    "ɑ": "AA", "æ": "AE", "ə": "AH", "ʌ": "AH", "ɔ": "AO", "aʊ": "AW", "aɪ": "AY", "ɛ": "EH", "ɚ": "ER", "eɪ": "EY",
    "ɪ": "IH", "i": "IY", "oʊ": "OW", "ɔɪ": "OY", "ʊ": "UH", "u": "UW", "b": "B", "t͡ʃ": "CH", "d": "D", "ð": "DH",
    "f": "F", "ɡ": "G", "h": "HH", "d͡ʒ": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R",
    "s": "S", "ʃ": "SH", "t": "T", "θ": "TH", "v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH",
}  # fmt: skip
"""gruut's American English phonemes, without stress, as the phones of CMUdict and of the acoustic model."""

SHORTEST_PART = 4
"""Letters that each part of a compound has at least: with 3, chance splits (`reti-red`) outweigh the real ones."""

_VOICELESS = frozenset({"P", "T", "K", "F", "TH"})
_SIBILANT = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})


class Pronouncer:
    """Speaks words that `lookup` (a word's phones by a dictionary, or None) does not know.

    A pure function of the word and the dictionary, so `lookup` must not learn from what is pronounced here.
    """

    def __init__(self, lookup: Callable[[str], str | None]) -> None:
        self._lookup = lookup

    def pronunciations(self, word: str) -> tuple[str, ...]:
        """Phones, space-separated, likeliest first; empty where letters are none that English spells with.

        A compound of two dictionary words comes before gruut's word for it, which stays as a variant for the aligner
        to choose by ear.
        """
        if word.endswith("'s"):
            return tuple(_possessive(phones) for phones in self._stem(word[:-2]))
        return self._stem(word)

    def _stem(self, word: str) -> tuple[str, ...]:
        known = self._lookup(word)
        if known is not None:
            return (known,)
        letters = word.replace("'", "")
        if not re.fullmatch("[a-z]+", letters):
            return ()
        options = (
            self._lookup(letters) if letters != word else None,
            self._compound(letters),
            spoken_by_gruut(letters),
        )
        return tuple(dict.fromkeys(phones for phones in options if phones))

    def _compound(self, word: str) -> str | None:
        """Of the splits into two dictionary words, the most even one."""
        cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        for cut in sorted(cuts, key=lambda cut: (abs(2 * cut - len(word)), cut)):
            first, second = self._lookup(word[:cut]), self._lookup(word[cut:])
            if first and second:
                return f"{first} {second}"
        return None


@lru_cache(65_536)
def spoken_by_gruut(word: str) -> str:
    """Phones by gruut's lexicon, else by its letter-to-sound model; empty if a letter is unknown to both."""
    lexicon, guess = _gruut()
    phonemes = lexicon(word) or guess(word)
    phones = [PHONES.get(phoneme.lstrip("ˈˌ")) for phoneme in phonemes]
    return " ".join(phone for phone in phones if phone)


def _possessive(phones: str) -> str:
    last = phones.rsplit(" ", 1)[-1]
    return phones + (" IH Z" if last in _SIBILANT else " S" if last in _VOICELESS else " Z")


@lru_cache(1)
def _gruut() -> tuple[SqlitePhonemizer, GraphemesToPhonemes]:
    import sqlite3

    import gruut_lang_en
    from gruut.g2p import GraphemesToPhonemes
    from gruut.phonemize import SqlitePhonemizer

    folder = Path(gruut_lang_en.__file__).parent
    connection = sqlite3.connect(f"{(folder / 'lexicon.db').as_uri()}?mode=ro", uri=True, check_same_thread=False)
    return SqlitePhonemizer(connection), GraphemesToPhonemes(str(folder / "g2p" / "model.crf"))
