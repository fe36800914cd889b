"""Interleaving: which words of an utterance a document speaks and which it writes.

A draw is a pure function of (seed, epoch, id), so every epoch sees another one and nothing has to be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lstdata.errors import ConfigError
from lstdata.randomness import rng
from lstdata.records import Ints

Kind = Literal["s", "t"]
Cut = tuple[Kind, int]
"""A span before frames are known: its kind and one past its last word."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words [first_word, end_word) as speech ("s") or as text ("t"), and the frames [start_frame, end_frame).

    The spans of a draw partition the words and the frames; a text span's frames are the ones left out. Only `asr` and
    `tts` have everything twice: a span of all words as speech, and one of all words, and no frames, as text.
    """

    kind: Kind
    first_word: int
    end_word: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the spans of `lst`; by default the paper's."""

    text: tuple[int, int] = (5, 30)
    """Words of the shortest and of the longest text span, where the utterance is long enough."""
    speech: float = 0.5
    """Words of a speech span, for each of the text span before it."""

    def spoken(self, written: int) -> int:
        """Words of speech for so many of text, rounded down as decimals are: 0.29 · 100 is 29."""
        return int(written * self.speech + 1e-9)


PAPER: Final = Lengths()


def draw(
    strategy: str,
    word_frames: Ints | None,
    frames: int,
    *,
    seed: int,
    epoch: int,
    id: str,
    lengths: Lengths = PAPER,
) -> tuple[Span, ...]:
    """Draw the spans of one document: alternating, in order, at least one.

    `lengths` are for `lst` alone. Without word times (`word_frames` None or empty) spans have no words, and but for
    `asr` and `tts` there is one: text for `text`, else speech.
    """
    if strategy not in STRATEGIES:
        raise ConfigError(f"`interleave.strategy` must be one of {', '.join(STRATEGIES)}, but is {strategy!r}.")
    words = 0 if word_frames is None else len(word_frames)
    if strategy in WHOLE:
        spans = Span("s", 0, words, 0, frames), Span("t", 0, words, frames, frames)
        return spans if strategy == "asr" else spans[::-1]
    if word_frames is None or not words:
        return (Span("t" if strategy == "text" else "s", 0, 0, 0, frames),)
    return _spans(_CUTS[strategy](words, seed, epoch, id, lengths), word_frames.tolist(), frames)


def _speech(words: int, seed: int, epoch: int, id: str, lengths: Lengths) -> list[Cut]:
    return [("s", words)]


def _text(words: int, seed: int, epoch: int, id: str, lengths: Lengths) -> list[Cut]:
    return [("t", words)]


def _lst(words: int, seed: int, epoch: int, id: str, lengths: Lengths) -> list[Cut]:
    """Text of U{lower…upper} words, then speech of half as many, rounded down, at least 2 (arXiv 2510.06195).

    upper = min(30, ⌊0.6·words⌋), lower = min(5, upper), neither below 2. A fair coin chooses the first modality;
    speech that begins a document has U{⌊lower/2⌋…⌊upper/2⌋} words. The last span is trimmed to fit, and a tail of
    fewer than 3 words joins the span before it: up to 3 words are always one modality. `lengths` may have other numbers
    in place of 5, 30 and the half; speech that begins a document then has at least one word.
    """
    shortest, longest = lengths.text
    upper = max(2, min(longest, 3 * words // 5))
    lower = max(2, min(shortest, upper))
    generator = rng(seed, epoch, id, "interleave")
    kind: Kind = "s" if generator.integers(2) else "t"
    text = 0
    end = 0
    cuts: list[Cut] = []
    while end < words:
        if kind == "t":
            text = length = int(generator.integers(lower, upper + 1))
        elif text:
            length = max(2, lengths.spoken(text))
        else:
            length = int(generator.integers(max(1, lengths.spoken(lower)), max(1, lengths.spoken(upper)) + 1))
        end = _without_tail(end + length, words)
        cuts.append((kind, end))
        kind = "t" if kind == "s" else "s"
    return cuts


def _spirit(words: int, seed: int, epoch: int, id: str, lengths: Lengths) -> list[Cut]:
    """Text of U{10…30} words and speech of U{5…15} in turn, as Spirit LM has them (arXiv 2402.05755).

    A fair coin chooses the first. The last span is trimmed to fit, and a tail of fewer than 3 words joins the span
    before it (chosen here, as for `lst`).
    """
    generator = rng(seed, epoch, id, "interleave")
    kind: Kind = "s" if generator.integers(2) else "t"
    end = 0
    cuts: list[Cut] = []
    while end < words:
        shortest, longest = (10, 30) if kind == "t" else (5, 15)
        end = _without_tail(end + int(generator.integers(shortest, longest + 1)), words)
        cuts.append((kind, end))
        kind = "t" if kind == "s" else "s"
    return cuts


def _poisson(words: int, seed: int, epoch: int, id: str, lengths: Lengths) -> list[Cut]:
    """Speech spans of Poisson(10) words, at least 1, until they hold 30 % of the words; the last is trimmed to fit.

    Every way to lay the text around them is equally likely (chosen here); where none comes between two, they are one.
    """
    generator = rng(seed, epoch, id, "interleave")
    left = (3 * words + 5) // 10
    written = words - left
    spoken: list[int] = []
    while left:
        spoken.append(min(left, max(1, int(generator.poisson(10)))))
        left -= spoken[-1]
    places = np.sort(generator.choice(written + len(spoken), len(spoken), replace=False)).tolist()
    cuts: list[Cut] = []
    end = 0
    for number, (place, length) in enumerate(zip(places, spoken, strict=True)):
        begin = place - number + sum(spoken[:number])
        if begin > end:
            cuts.append(("t", begin))
        end = begin + length
        cuts.append(("s", end))
    return cuts if end == words else [*cuts, ("t", words)]


def _without_tail(end: int, words: int) -> int:
    return words if words - end < 3 else end


_CUTS: Final[Mapping[str, Callable[[int, int, int, str, Lengths], list[Cut]]]] = {
    "lst": _lst,
    "spirit": _spirit,
    "poisson": _poisson,
    "speech": _speech,
    "text": _text,
}

WHOLE: Final = ("asr", "tts")
"""All of the speech and all of the text, in this order or the other: they need no word times."""

STRATEGIES: Final = (*_CUTS, *WHOLE)


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
