"""The aligner itself: a transcript's letters on the frames of a CTC model."""

from __future__ import annotations

import numpy as np

from lstdata.align.ctc.model import WILDCARD, load_ctc
from lstdata.align.ctc.path import best_path
from lstdata.align.ctc.placing import Scores, gathered, placed, token_edges
from lstdata.align.ctc.remote import RemoteCtcModel
from lstdata.align.ctc.spelling import Speller, Spelling
from lstdata.align.gate import check_score, least_score
from lstdata.checkpoints import Checkpoint
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import SAMPLE_RATE, Alignment, Ints, Waveform

MIN_SCORE = -2.0
"""Least score that is believed by default.

With two small models of the demo corpus, right transcripts of it scored at least -0.7, and those of other utterances of
similar length at most -2.1, nearly all of them below -3.5.
"""


class CtcAligner:
    """Loads the model once; what it returns for a recording depends on that and its transcript alone.

    A letter's score is the log-probability of it less that of the best token, meant over its frames: 0 where the model
    hears what is written. That of a word or transcript is the mean over its letters, however many frames each has: one
    that is held long would hide others that are not heard. Wildcards and silence have none.
    """

    name = "ctc"

    def __init__(
        self, checkpoint: Checkpoint, config: WordsConfig, device: str = "cpu", model: RemoteCtcModel | None = None
    ) -> None:
        self._min_score = least_score(config, MIN_SCORE)
        self._model = model or load_ctc(checkpoint, device)
        self._speller = Speller(self._model.alphabet, checkpoint.name)

    def align(self, samples: Waveform, text: str, language: str | None) -> Alignment:
        """Times of all of the transcript's words, as written; raises Rejected where they cannot be trusted."""
        spelling = self._speller.spell(text, language)
        self._check_length(samples, spelling)
        logs = self._model.emissions(samples, spelling.ids)
        stretches = best_path(logs, spelling.tokens)
        if stretches is None:
            raise Rejected(
                "no_path", f"no path leads through the {len(spelling.tokens)} letters to the end of the audio."
            )
        sums, letters = _scores(logs, spelling, stretches)
        score = float(sums.sum() / letters.sum())
        check_score(score, self._min_score)
        convolutions = self._model.convolutions
        edges = token_edges(gathered(spelling, stretches, convolutions), convolutions, len(samples))
        return Alignment(words=placed(spelling, edges, sums, letters), aligner=self.name, score=score)

    def _check_length(self, samples: Waveform, spelling: Spelling) -> None:
        needed, convolutions = len(spelling.tokens) + spelling.repeats, self._model.convolutions
        if needed > convolutions.frames(len(samples)):
            seconds = ((needed - 1) * convolutions.hop + convolutions.field) / SAMPLE_RATE
            raise Rejected(
                "transcript_too_long",
                f"{len(spelling.tokens)} letters, {spelling.repeats} of them equal to the one before, need at least "
                f"{seconds:.2f} s, but the audio lasts {len(samples) / SAMPLE_RATE:.2f} s.",
            )


def _scores(logs: Waveform, spelling: Spelling, stretches: Ints) -> tuple[Scores, Ints]:
    """(words,) sum of the scores of a word's letters, and how many they are."""
    lengths = stretches[:, 1] - stretches[:, 0]
    begins = np.cumsum(lengths) - lengths
    token = np.repeat(np.arange(len(lengths)), lengths)
    frames = stretches[token, 0] + np.arange(len(token)) - begins[token]
    best = logs[frames, -1] - np.float32(WILDCARD)
    gains = np.minimum(logs[frames, spelling.tokens[token]] - best, 0).astype(np.float64)
    means = np.add.reduceat(gains, begins) / lengths
    spelt = spelling.tokens != spelling.wildcard
    owners, words = spelling.owners[spelt], len(spelling.words)
    sums = np.bincount(owners, weights=means[spelt], minlength=words).astype(np.float64)
    return sums, np.bincount(owners, minlength=words).astype(np.int64)
