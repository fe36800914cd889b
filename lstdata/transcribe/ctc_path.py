"""The best path of a CTC model, a token id per frame, to words with frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

WORD_START = "▁"
"""What pieces that begin a word begin with, where words are not delimited by a token of their own."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What the ids of a CTC model stand for."""

    tokens: tuple[str, ...]
    """By id."""
    blank: int
    delimiter: str | None = None
    """The token between words."""
    silent: frozenset[int] = frozenset()
    """Ids that are no part of any word: begin, end, unknown."""

    @property
    def is_delimited(self) -> bool:
        """Whether tokens say where words begin; where none does, every token is a word."""
        return self.delimiter in self.tokens or any(token.startswith(WORD_START) for token in self.tokens)


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


def frames_after(samples: int, kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Frames that a stack of convolutions without padding makes of `samples` samples."""
    length = samples
    for kernel, stride in zip(kernels, strides, strict=True):
        length = (length - kernel) // stride + 1 if length >= kernel else 0
    return length


def _runs(path: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(id, first frame, one past the last) of each stretch of equal ids."""
    frame = 0
    for id, run in groupby(path):
        length = sum(1 for _ in run)
        yield id, frame, frame + length
        frame += length
