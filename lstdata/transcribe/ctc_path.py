"""The best path of a CTC model, a token id per frame, to words with frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lstdata.checkpoints.ctc_alphabet import WORD_START, Alphabet


@dataclass(frozen=True, slots=True)
class FramedWord:
    """A word on frames [start, end): from the first frame of its first token through the last of its last."""

    text: str
    start: int
    end: int


def words_on_path(path: Sequence[int], alphabet: Alphabet) -> list[FramedWord]:
    """The words of a path: equal neighbours are one token, a blank between two equal tokens keeps them apart."""
    words: list[FramedWord] = []
    text, begin, stop = "", 0, 0
    delimited = alphabet.is_delimited
    for id, first, end in _runs(path):
        if id == alphabet.blank or id in alphabet.silent or id >= len(alphabet.tokens):
            continue
        token = alphabet.tokens[id]
        if text and (not delimited or token == alphabet.delimiter or token.startswith(WORD_START)):
            words.append(FramedWord(text, begin, stop))
            text = ""
        if token == alphabet.delimiter:
            continue
        if not text:
            begin = first
        text, stop = text + token.removeprefix(WORD_START), end
    return [*words, FramedWord(text, begin, stop)] if text else words


def _runs(path: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(id, first frame, one past the last) of each stretch of equal ids."""
    frame = 0
    for id, run in groupby(path):
        length = sum(1 for _ in run)
        yield id, frame, frame + length
        frame += length
