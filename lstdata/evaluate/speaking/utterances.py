"""The utterances of a split: what was said, as units and as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.evaluate.speaking.wording import normalised
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.records import SAMPLE_RATE

Units = NDArray[np.uint16]


@dataclass(frozen=True, eq=False, slots=True)
class Utterance:
    """One recording with its transcript."""

    id: str
    key: str
    """Unique, and fit for the name of a file."""
    units: Units
    seconds: float
    text: str
    """As it was written."""
    words: str
    """Of it, normalised: at least one."""


@dataclass(frozen=True, eq=False)
class Utterances:
    """Those of a split that have words, in its order."""

    chosen: list[Utterance]
    left_out: int
    """Without a transcript, or whose transcript says no word."""


def open_speech(root: UPath) -> RunFolder:
    """ConfigError where it is no finished run folder, or one of text."""
    run = open_run(root)
    if run.vocab.is_text:
        raise ConfigError(f"`data` must be a run folder of speech, but `{root}` is one of text.")
    return run


def read_utterances(run: RunFolder, split: str, limit: int | None = None) -> Utterances:
    """The first `limit` with words; ConfigError where the run has no such split, or that no transcripts."""
    corpus = SplitCorpus(run, split, InterleaveConfig(), PatchingConfig())
    chosen: list[Utterance] = []
    left_out = 0
    for number in range(len(corpus)):
        sample = corpus.sample(number)
        text = " ".join(sample.words) if sample.words else sample.text or ""
        words = normalised(text)
        if not words:
            left_out += 1
            continue
        seconds = sample.frames * sample.hop / SAMPLE_RATE
        chosen.append(Utterance(sample.id, sample.key, sample.units, seconds, text, words))
        if len(chosen) == limit:
            break
    if not chosen:
        raise ConfigError(f"`data` must hold transcripts, but no {split} sample of `{run.root}` has one.")
    return Utterances(chosen, left_out)
