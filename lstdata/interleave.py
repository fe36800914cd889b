"""Interleaving: which words of an utterance a document speaks and which it writes.

A draw is a pure function of (seed, epoch, id), so every epoch sees another one and nothing has to be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from lstdata.errors import ConfigError
from lstdata.randomness import rng
from lstdata.records import Ints

Kind = Literal["s", "t"]
Cut = tuple[Kind, int]
"""A span before frames are known: its kind and one past its last word."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words [first_word, end_word) as speech ("s") or as text ("t"), and the frames [start_frame, end_frame).

    The spans of a draw partition the words and the frames. A text span's frames are the ones left out.
    """

    kind: Kind
    first_word: int
    end_word: int
    start_frame: int
    end_frame: int


def draw(strategy: str, word_frames: Ints | None, frames: int, *, seed: int, epoch: int, id: str) -> tuple[Span, ...]:
    """Draw the spans of one document: alternating, in order, at least one.

    Without word times (`word_frames` None or empty) there is one span of no words: text for `text`, else speech.
    """
    cut = STRATEGIES.get(strategy)
    if cut is None:
        raise ConfigError(f"`interleave.strategy` must be one of {', '.join(STRATEGIES)}, but is {strategy!r}.")
    if word_frames is None or len(word_frames) == 0:
        return (Span("t" if strategy == "text" else "s", 0, 0, 0, frames),)
    cuts = cut(len(word_frames), seed, epoch, id)
    return _spans(cuts, word_frames.tolist(), frames)


def _speech(words: int, seed: int, epoch: int, id: str) -> list[Cut]:
    return [("s", words)]


def _text(words: int, seed: int, epoch: int, id: str) -> list[Cut]:
    return [("t", words)]


def _lst(words: int, seed: int, epoch: int, id: str) -> list[Cut]:
    """Text of U{lower…upper} words, then speech of half as many, rounded down, at least 2 (arXiv 2510.06195).

    upper = min(30, ⌊0.6·words⌋), lower = min(5, upper), neither below 2. A fair coin chooses the first modality;
    speech that begins a document has U{⌊lower/2⌋…⌊upper/2⌋} words. The last span is trimmed to fit, and a tail of
    fewer than 3 words joins the span before it: up to 3 words are always one modality.
    """
    upper = max(2, min(30, 3 * words // 5))
    lower = max(2, min(5, upper))
    generator = rng(seed, epoch, id, "interleave")
    kind: Kind = "s" if generator.integers(2) else "t"
    text = 0
    end = 0
    cuts: list[Cut] = []
    while end < words:
        if kind == "t":
            text = length = int(generator.integers(lower, upper + 1))
        elif text:
            length = max(2, text // 2)
        else:
            length = int(generator.integers(lower // 2, upper // 2 + 1))
        end += length
        if words - end < 3:
            end = words
        cuts.append((kind, end))
        kind = "t" if kind == "s" else "s"
    return cuts


STRATEGIES: Final[Mapping[str, Callable[[int, int, int, str], list[Cut]]]] = {
    "lst": _lst,
    "speech": _speech,
    "text": _text,
}


def _spans(cuts: list[Cut], words: list[list[int]], frames: int) -> tuple[Span, ...]:
    """Give each span its frames: of a gap of g frames between speech and text the ⌈g/2⌉ nearest the speech are speech.

    The outer silences belong to the first and the last span. A speech span that comes out without a frame (all its
    words are empty) becomes text and joins its neighbours, so that no word is lost and no marker stands alone.
    """
    spans: list[Span] = []
    word = frame = 0
    for kind, end_word in cuts:
        end_frame = frames if end_word == len(words) else _border(kind, words[end_word - 1][1], words[end_word][0])
        if kind == "s" and end_frame == frame and len(cuts) > 1:
            kind = "t"
        if spans and spans[-1].kind == kind:
            before = spans.pop()
            word, frame = before.first_word, before.start_frame
        spans.append(Span(kind, word, end_word, frame, end_frame))
        word, frame = end_word, end_frame
    return tuple(spans)


def _border(kind: Kind, end: int, start: int) -> int:
    """The frame at which a span of this kind, whose last word ends at `end`, gives way to a word from `start` on."""
    kept = (start - end + 1) // 2
    return end + kept if kind == "s" else start - kept
