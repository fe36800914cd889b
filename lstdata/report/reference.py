"""What the paper and the authors' sample have where a report has its own figures."""

from __future__ import annotations

from typing import Final

from lstdata.records import HOP
from lstdata.report.figures import decimal, share
from lstdata.report.numbers import Numbers
from lstdata.report.speech import PIECES, SILENCES, WORDS

WORD_MEAN: Final = 5.8
WORD_MEDIAN: Final = 5
WORD_MAX: Final = 22
SILENCE_MEAN: Final = 3.7
SILENCE_MAX: Final = 31
MERGED_MEAN: Final = 9.4
PIECE_MEAN: Final = 5.0
TOKENS_PER_WORD: Final = 9.7
SILENCE_SHARE: Final = 0.4
"""Of ten utterances of MLS, aligned by CTC, that the authors of arXiv 2510.06195 released with it (25 Hz units)."""

SAVED: Final = (0.19, 0.20)
"""Positions that patching saves of the paper's whole mix, at equal raw tokens."""

MEANS: Final = {WORDS: WORD_MEAN, SILENCES: SILENCE_MEAN, "aligned-merged": MERGED_MEAN, PIECES: PIECE_MEAN}
"""Of patches, by the name under which a report counts them."""


def comparison(numbers: Numbers) -> list[tuple[str, str, str]]:
    """(figure, here, in the reference sample, as it would be in frames of this length)."""
    speech, scale = numbers.speech, HOP / numbers.hop
    words, silences = speech.patches[WORDS], speech.patches[SILENCES]
    merged, pieces = speech.patches["aligned-merged"], speech.patches[PIECES]
    return [
        ("Word patch, mean", decimal(words.mean), decimal(WORD_MEAN * scale)),
        ("Word patch, median", decimal(words.median), decimal(WORD_MEDIAN * scale)),
        ("Word patch, longest", decimal(words.high), decimal(WORD_MAX * scale)),
        ("Silence patch, mean", decimal(silences.mean), decimal(SILENCE_MEAN * scale)),
        ("Silence patch, longest", decimal(silences.high), decimal(SILENCE_MAX * scale)),
        ("Word with its silence, mean", decimal(merged.mean), decimal(MERGED_MEAN * scale)),
        ("Piece of a word, mean", decimal(pieces.mean), decimal(PIECE_MEAN * scale)),
        ("Units per word in all", decimal(speech.tokens_per_word), decimal(TOKENS_PER_WORD * scale)),
        ("Silence between words", share(speech.silence_between_words), f"≈ {SILENCE_SHARE:.0%}"),
    ]
