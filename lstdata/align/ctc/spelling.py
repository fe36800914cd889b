"""A transcript in the letters of a model: what the path must lead through."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstdata.align.ctc.reading import UNREADABLE, Reading, fold, is_letter, readings
from lstdata.align.normalise import written_words
from lstdata.checkpoints.ctc_alphabet import Alphabet
from lstdata.errors import ConfigError, Rejected
from lstdata.records import Ints

MOST_UNSPELT = 0.5
"""Share of a transcript's letters that wildcards may stand for."""


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """A transcript as tokens, each a column of the emissions: 0 is silence, the last one the wildcard."""

    words: tuple[str, ...]
    """As written."""
    ids: tuple[int, ...]
    """The model's id of each column from 1 on; the wildcard's is the one behind them."""
    tokens: Ints
    """(tokens,) columns."""
    owners: Ints
    """(tokens,) number of the written word that each token belongs to; never falls."""
    places: Ints
    """(tokens,) the character of that word that each stands for."""

    @property
    def wildcard(self) -> int:
        return len(self.ids) + 1

    @property
    def repeats(self) -> int:
        """Tokens that are equal to the one before: silence must lie between."""
        return int(np.count_nonzero(self.tokens[1:] == self.tokens[:-1]))


class Speller:
    """Spells with one model's letters: in the case that the model has, without the marks that it lacks."""

    def __init__(self, alphabet: Alphabet, name: str) -> None:
        silent = {alphabet.blank, *alphabet.silent}
        tokens = {token: id for id, token in enumerate(alphabet.tokens) if id not in silent}
        tokens.pop(alphabet.delimiter or "", None)
        self._ids = {unicodedata.normalize("NFC", token): id for token, id in tokens.items()}
        letters = sum(len(token) == 1 for token in self._ids)
        if 2 * letters <= len(self._ids) or not any(is_letter(token) for token in self._ids if token):
            raise ConfigError(
                f"`words.model` `{name}` must spell by letters, but {letters} of its {len(self._ids)} tokens are such."
            )
        self._known: dict[str, tuple[int, ...] | None] = {UNREADABLE: None}

    def spell(self, text: str, language: str | None) -> Spelling:
        """Raises Rejected(`no_speakable_words`, `out_of_vocabulary`)."""
        words, said = written_words(text), readings(text, language)
        if not any(reading.letters for reading in said):
            raise Rejected("no_speakable_words", f"the transcript {text[:80]!r} holds nothing that is spoken.")
        self._check_letters(words, said)
        columns: dict[int, int] = {}
        wildcard = -1
        tokens, owners, places = list[int](), list[int](), list[int]()
        for word, reading in enumerate(said):
            for letter, place in zip(reading.letters, reading.places, strict=True):
                ids = self._letter(letter)
                if ids is None and tokens and (tokens[-1], owners[-1]) == (wildcard, word):
                    continue
                spelt = [wildcard] if ids is None else [columns.setdefault(id, len(columns) + 1) for id in ids]
                tokens += spelt
                owners += [word] * len(spelt)
                places += [place] * len(spelt)
        ends = np.array(tokens, dtype=np.int64)
        ends[ends == wildcard] = len(columns) + 1
        return Spelling(words, tuple(columns), ends, np.array(owners, np.int64), np.array(places, np.int64))

    def _check_letters(self, words: Sequence[str], said: Sequence[Reading]) -> None:
        letters = unspelt = spelt = 0
        first: tuple[str, str] | None = None
        for word, reading in zip(words, said, strict=True):
            for letter in reading.letters:
                ids = self._letter(letter)
                letters += ids != ()
                spelt += bool(ids)
                unspelt += ids is None
                first = (word, letter) if ids is None and first is None else first
        if first and (unspelt > MOST_UNSPELT * letters or not spelt):
            sign = "its numbers or signs are" if first[1] == UNREADABLE else f"{first[1]!r} is"
            detail = f"the model cannot spell {unspelt} of {letters} letters, first in {first[0]!r}: {sign} not known."
            raise Rejected("out_of_vocabulary", detail)
        if not spelt:
            raise Rejected("no_speakable_words", f"the transcript {' '.join(words)[:80]!r} holds no letters.")

    def _letter(self, letter: str) -> tuple[int, ...] | None:
        """Ids of a letter with its marks: none for an apostrophe or mark that the model lacks; None: it cannot."""
        if letter not in self._known:
            self._known[letter] = self._spelt(unicodedata.normalize("NFC", letter))
        return self._known[letter]

    def _spelt(self, letter: str) -> tuple[int, ...] | None:
        whole = self._in_any_case(letter)
        if whole is not None:
            return (whole,)
        if len(letter) > 1:
            parts = [self._spelt(part) for part in letter]
            return None if None in parts else tuple(id for part in parts for id in part or ())
        if letter == "'" or unicodedata.category(letter)[0] == "M":
            return ()
        ids = [self._in_any_case(plain) for plain in fold(letter)]
        return tuple(id for id in ids if id is not None) if ids and None not in ids else None

    def _in_any_case(self, letter: str) -> int | None:
        forms = (letter, letter.lower(), letter.upper())
        return next((self._ids[form] for form in forms if form in self._ids), None)
