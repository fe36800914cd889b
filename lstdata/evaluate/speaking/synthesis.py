"""From text to units: `BOS <t> text <s>`, then units until EOS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lstdata.evaluate.speaking.decoding import TOKENS, Decoded, Progress, Prompt, decode
from lstdata.evaluate.speaking.utterances import Units, Utterance
from lstdata.model.generation import Generated, Limits
from lstdata.model.sampling import Sampling
from lstdata.train.trained import Trained

SECONDS_PER_CHARACTER: Final = 0.2
SECONDS_AT_LEAST: Final = 2.0
"""What speech may last, for each character of its text and beside that, before it is cut off: three times what reading
aloud takes (chosen here)."""

TEMPERATURE: Final = 0.8
TOP_P: Final = 0.95
"""Of sampling where nothing else is asked for (chosen here)."""


def tts_sampling(temperature: float | None = None, top_p: float | None = None, seed: int = 0) -> Sampling:
    """How units are drawn; None: the default."""
    return Sampling(
        temperature=TEMPERATURE if temperature is None else temperature,
        top_p=TOP_P if top_p is None else top_p,
        seed=seed,
    )


def synthesise(
    trained: Trained,
    utterances: Sequence[Utterance],
    sampling: Sampling,
    *,
    tokens: int = TOKENS,
    progress: Progress = lambda done, of: None,
) -> Decoded:
    """The texts of utterances spoken; each draws from (seed, its id) alone. `spoken` makes units of the tokens."""
    vocab = trained.vocab
    prompts = [
        Prompt(
            one.id,
            [vocab.bos, vocab.text_marker, *trained.tokenizer.encode(one.text)],
            _limits(len(one.text), trained),
        )
        for one in utterances
    ]
    return decode(trained, prompts, "speech", sampling, tokens=tokens, progress=progress)


def spoken(trained: Trained, made: Generated) -> Units:
    """The units of what was spoken."""
    units = [trained.units(span.ids) for span in made.spans if span.kind == "speech"]
    return np.concatenate([np.zeros(0, dtype=np.uint16), *units])


def _limits(characters: int, trained: Trained) -> Limits:
    vocab = trained.vocab
    frames = round((SECONDS_AT_LEAST + SECONDS_PER_CHARACTER * characters) * vocab.sample_rate / vocab.hop)
    return Limits(tokens=frames, seconds=frames * vocab.hop / vocab.sample_rate)
