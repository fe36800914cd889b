"""Word times: what every aligner promises, and the ones there are."""

from __future__ import annotations

import math
from typing import Protocol

from lstdata.config import WordsConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.records import SAMPLE_RATE, Alignment, Waveform, Word, sample_at
from lstdata.source_row import TimedWord

TOLERANCE = SAMPLE_RATE // 2
"""Samples by which a manifest's words may lie beyond the audio or overlap: rounding, padding and lossy containers."""


class Aligner(Protocol):
    """Finds where a transcript's words are spoken: a pure function of its arguments, whatever it aligned before."""

    name: str

    def align(self, samples: Waveform, text: str, language: str | None) -> Alignment:
        """Every whitespace-separated word of `text`, in order: monotone, disjoint, inside the audio, maybe empty.

        `samples` is mono at 16 kHz; `language` is a tag such as `en-US`, None where it is not known. Raises Rejected.
        """
        ...


def chosen_aligner(config: WordsConfig) -> str:
    """Who finds the words of a record whose manifest gives no times: files, ctc or sphinx; `auto` by what is given."""
    if config.aligner != "auto":
        return config.aligner
    return "files" if config.files else "ctc" if config.model else "sphinx"


def make_aligner(name: str, config: WordsConfig, device: str = "cpu") -> Aligner:
    """Load an aligner by name; loading takes a moment, so one is made per process and kept."""
    if name == "sphinx":
        from lstdata.align.sphinx import SphinxAligner

        return SphinxAligner(config)
    if name == "ctc":
        from lstdata.align.ctc import CtcAligner, find_ctc_model

        return CtcAligner(find_ctc_model(config), config, device)
    raise ConfigError(f"`words.aligner` must be one of sphinx and ctc to align by, but is {name!r}.")


def from_manifest(words: tuple[TimedWord, ...], samples: int, score: float | None = None) -> Alignment:
    """A manifest's word times as samples of an utterance of `samples` samples: monotone, disjoint, clipped.

    An entry without text is silence. Raises Rejected(`bad_word_times`) where they are no times (NaN, negative, end
    before start), lie beyond the audio or in one another by more than half a second, or where there are no words.
    """
    placed: list[Word] = []
    cursor = 0
    for word in words:
        if not (math.isfinite(word.start) and math.isfinite(word.end) and 0 <= word.start <= word.end):
            raise _bad(word, "must be finite, ≥ 0 and in order")
        start, end = sample_at(word.start), sample_at(word.end)
        if end > samples + TOLERANCE:
            raise _bad(word, f"lies beyond the audio, which ends at {samples / SAMPLE_RATE:.2f} s")
        if start < cursor - TOLERANCE:
            raise _bad(word, f"starts before the word before it ends, at {cursor / SAMPLE_RATE:.2f} s")
        if not word.text.strip():
            continue
        start = min(max(start, cursor), samples)
        cursor = min(max(end, start), samples)
        placed.append(Word(" ".join(word.text.split()), start, cursor))
    if not placed:
        raise Rejected("bad_word_times", "the manifest's word times name no words.")
    return Alignment(words=tuple(placed), aligner="manifest", score=score)


def _bad(word: TimedWord, rule: str) -> Rejected:
    return Rejected("bad_word_times", f"the word {word.text!r} from {word.start} to {word.end} s {rule}.")
