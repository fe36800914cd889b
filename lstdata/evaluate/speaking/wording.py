"""Two transcripts as the words that they say, and the errors by which one misses the other."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from lstdata.align.normalise import latin_share, spoken_tokens
from lstdata.errors import MissingExtra

NORMALISATION: Final = (
    "lstdata.align.normalise: lower case; without punctuation, accents and marks of noises; numbers, symbols and "
    "abbreviations as English says them; words joined by hyphens apart; texts mostly of another script than the Latin: "
    "lower case, without punctuation, every mark of a letter kept"
)
"""What both sides go through before they are compared; it stands in every result."""

_LATIN: Final = 0.5
"""Share of Latin letters from which a text is read as alignment reads it, where a mark is an accent; elsewhere, as in
Hindi and Thai, marks are vowels and tones."""

_OF_WORDS: Final = "LMN"
"""Categories of Unicode: letters, their marks, digits."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Of one hypothesis: the fewest edits that make it the reference."""

    words: int
    """Of the reference."""
    substitutions: int
    insertions: int
    deletions: int
    characters: int
    """Of the reference, with one space between words."""
    character_errors: int

    @property
    def word_errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions


def normalised(text: str) -> str:
    """The words as they are said, a space between each two; the same of any spelling by case and punctuation."""
    if latin_share(text) < _LATIN:
        plain = unicodedata.normalize("NFKC", text).lower()
        return " ".join("".join(c if unicodedata.category(c)[0] in _OF_WORDS else " " for c in plain).split())
    return " ".join(token.text for token in spoken_tokens(text, str.isalpha))


def count_errors(reference: str, hypothesis: str) -> Errors:
    """Of normalised texts; MissingExtra without jiwer."""
    try:
        import jiwer
    except ImportError as error:
        raise MissingExtra("counting errors", "jiwer", "train") from error
    words = jiwer.process_words(reference, hypothesis)
    characters = jiwer.process_characters(reference, hypothesis)
    return Errors(
        words=len(reference.split()),
        substitutions=words.substitutions,
        insertions=words.insertions,
        deletions=words.deletions,
        characters=len(reference),
        character_errors=characters.substitutions + characters.insertions + characters.deletions,
    )
