"""Word times for English by pocketsphinx and the acoustic model and dictionary that its package carries."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lstdata.align.gate import check_score, least_score
from lstdata.align.normalise import Token, latin_share, spoken_tokens, written_words
from lstdata.align.pronounce import Pronouncer
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.languages import language_tag
from lstdata.records import SAMPLE_RATE, Alignment, Waveform, Word

if TYPE_CHECKING:
    from pocketsphinx import Decoder

HOP = SAMPLE_RATE // 100
"""Samples per frame of the aligner."""

WINDOW = 410
"""Samples that one frame looks at: 25.6 ms from the frame's first sample on."""

STATES = 3
"""Emitting states of a phone's model, none of which can be skipped: a phone lasts at least as many frames."""

BEAMS = ({"beam": 1e-48, "pbeam": 1e-48, "wbeam": 7e-29}, {"beam": 1e-200, "pbeam": 1e-200, "wbeam": 1e-200})
"""The decoder's own beams, then wide ones for what they lose."""

FOREIGN = 0.3
"""Share of words outside the dictionary above which a text of unstated language may be none in English."""

FUNCTION_WORDS = frozenset(
    {"the", "and", "that", "with", "this", "have", "has", "from", "which", "their", "there", "they", "them", "these",
     "those", "were", "been", "would", "could", "should", "you", "your", "she", "his", "her", "him", "not", "what",
     "who", "when", "where", "how", "by", "but", "it", "its", "if", "than", "then", "into", "out", "our", "we", "my"}
)  # fmt: skip
"""Common English words that are rare in other languages of the Latin script."""

MIN_SCORE = -7.25
"""Least score that is believed by default."""

NATS = 1024.0
"""The decoder's segment scores are likelihoods to the power of 1 / 1024."""


class Segment(NamedTuple):
    """A token or a silence (token None) on the aligner's frames; `score` is the sum over its frames."""

    token: int | None
    start: int
    frames: int
    score: float


class SphinxAligner:
    """Loads the model once; what it returns for an utterance does not depend on what it was given before.

    Scores are natural log-likelihoods per 10 ms frame, relative to the best of all states of the model in each frame
    (`compallsen`: without it the best of only those that the transcript lets in, which hides a wrong transcript); an
    utterance's score is the mean over the frames of its words. On real clips right transcripts scored above -7.0, and
    98 % of the transcripts of other clips of similar length below -7.4.

    A boundary that the decoder puts before frame i is placed midway between the centres of frames i-1 and i, which is
    (WINDOW - HOP) / 2 = 125 samples (7.8 ms) after the first sample of frame i. Against reference times this takes the
    median signed error of word starts from -10 ms to -2 ms (LJSpeech, aligned by MFA) and from -7 to 1 ms (by hand).
    """

    name = "sphinx"

    def __init__(self, config: WordsConfig) -> None:
        from pocketsphinx import Decoder

        self._min_score = least_score(config, MIN_SCORE)
        self._decoder: Decoder = Decoder(lm=None, bestpath=False, compallsen=True, loglevel="FATAL")
        self._taught: set[str] = set()
        self._pronouncer = Pronouncer(self._lookup)

    def align(self, samples: Waveform, text: str, language: str | None) -> Alignment:
        """Times of all of the transcript's words, as written; raises Rejected where they cannot be trusted."""
        _check_language(text, language)
        words = written_words(text)
        tokens = spoken_tokens(text, self._is_known)
        if not tokens:
            raise Rejected("no_speakable_words", f"the transcript {text[:80]!r} holds nothing that is spoken.")
        if language is None:
            self._check_english(tokens)
        self._check_length(samples, words, tokens)
        segments = self._segments(pcm16(samples), tokens)
        score = _mean_score([s for s in segments if s.token is not None])
        check_score(score, self._min_score)
        return Alignment(words=_placed(words, tokens, segments, len(samples)), aligner=self.name, score=score)

    def _lookup(self, word: str) -> str | None:
        """A word's phones by the package's dictionary alone."""
        phones: str | None = None if word in self._taught else self._decoder.lookup_word(word)
        return phones

    def _is_known(self, word: str) -> bool:
        return bool(word) and self._lookup(word) is not None

    def _check_english(self, tokens: tuple[Token, ...]) -> None:
        """Names alone make no text foreign: many unknown words do, if not one function word is English."""
        unknown = sum(not self._is_known(token.text) for token in tokens)
        if 2 <= unknown > FOREIGN * len(tokens) and not any(token.text in FUNCTION_WORDS for token in tokens):
            raise Rejected(
                "language_unsupported",
                f"`sphinx` aligns English only, but {unknown} of {len(tokens)} words are not in its dictionary "
                "and no word is an English function word; a record whose language is given is not asked this.",
            )

    def _check_length(self, samples: Waveform, words: tuple[str, ...], tokens: tuple[Token, ...]) -> None:
        phones = sum(
            min(len(phones.split()) for phones in self._variants(token.text, words[token.word])) for token in tokens
        )
        if STATES * phones > len(samples) // HOP:
            raise Rejected(
                "transcript_too_long",
                f"{len(tokens)} spoken words need at least {STATES * phones / 100:.2f} s, "
                f"but the audio lasts {len(samples) / SAMPLE_RATE:.2f} s.",
            )

    def _variants(self, spelling: str, written: str) -> list[str]:
        """The decoder's pronunciations of a token, which it is taught first if it has none."""
        if self._decoder.lookup_word(spelling) is None:
            pronunciations = self._pronouncer.pronunciations(spelling)
            if not pronunciations:
                raise Rejected("out_of_vocabulary", f"the word {written!r} cannot be pronounced in English.")
            self._taught.add(spelling)
            for i, phones in enumerate(pronunciations, start=1):
                self._decoder.add_word(spelling if i == 1 else f"{spelling}({i})", phones, update=False)
        names = itertools.chain([spelling], (f"{spelling}({i})" for i in itertools.count(2)))
        return list(itertools.takewhile(lambda phones: phones is not None, map(self._decoder.lookup_word, names)))

    def _segments(self, pcm: bytes, tokens: tuple[Token, ...]) -> list[Segment]:
        transcript = " ".join(token.text for token in tokens)
        for beams in BEAMS:
            for key, value in beams.items():
                self._decoder.config[key] = value
            self._decoder.set_align_text(transcript)
            self._decode(pcm)
            segments = self._path()
            if sum(segment.token is not None for segment in segments) == len(tokens):
                return segments
        raise Rejected("no_path", f"no path leads through the {len(tokens)} spoken words to the end of the audio.")

    def _decode(self, pcm: bytes) -> None:
        self._decoder.reinit_feat()  # else the noise estimate of the utterance before would carry over
        self._decoder.start_utt()
        try:
            self._decoder.process_raw(pcm, full_utt=True)
        finally:
            self._decoder.end_utt()

    def _path(self) -> list[Segment]:
        """The decoder's best path; empty if none reached the end."""
        segments: list[Segment] = []
        token = 0
        for entry in self._decoder.seg() or ():
            filler = entry.word[0] in "<["
            score = NATS * math.log(entry.ascore) if entry.ascore > 0 else -math.inf
            frames = entry.end_frame - entry.start_frame + 1
            segments.append(Segment(None if filler else token, entry.start_frame, frames, score))
            token += not filler
        return segments


def pcm16(samples: Waveform) -> bytes:
    """Little-endian 16-bit samples: scaled by 32768, rounded half to even, clipped, never wrapped; NaN is silence."""
    scaled = np.rint(np.nan_to_num(samples.astype(np.float64)) * 32768.0)
    return np.clip(scaled, -32768, 32767).astype("<i2").tobytes()


def _check_language(text: str, language: str | None) -> None:
    if language is not None:
        if language_tag(language).split("-")[0] != "en":
            raise Rejected("language_unsupported", f"`sphinx` aligns English only, but the language is {language!r}.")
    elif latin_share(text) < 0.5:
        raise Rejected("language_unsupported", "`sphinx` aligns English only, but most letters are not Latin.")


def _placed(
    words: tuple[str, ...], tokens: tuple[Token, ...], segments: list[Segment], samples: int
) -> tuple[Word, ...]:
    """Each written word from its first token to its last; one without tokens is empty, at the end of the one before."""
    owned: list[list[Segment]] = [[] for _ in words]
    for segment in segments:
        if segment.token is not None:
            owned[tokens[segment.token].word].append(segment)
    placed: list[Word] = []
    cursor = 0
    for text, parts in zip(words, owned, strict=True):
        if not parts:
            placed.append(Word(text, cursor, cursor))
            continue
        start = max(cursor, _boundary(parts[0].start, samples))
        cursor = max(start, _boundary(parts[-1].start + parts[-1].frames, samples))
        placed.append(Word(text, start, cursor, _mean_score(parts)))
    return tuple(placed)


def _mean_score(segments: list[Segment]) -> float:
    return sum(segment.score for segment in segments) / sum(segment.frames for segment in segments)


def _boundary(frame: int, samples: int) -> int:
    """The sample where frame `frame` begins to be the nearest one."""
    return min(frame * HOP + (WINDOW - HOP) // 2, samples) if frame else 0
