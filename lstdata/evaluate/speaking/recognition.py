"""From units to text: `BOS <s> units <t>`, then the likeliest token after each until EOS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from lstdata.evaluate.speaking.decoding import TOKENS, Decoded, Progress, Prompt, decode
from lstdata.evaluate.speaking.utterances import Units
from lstdata.model.generation import Generated, Limits
from lstdata.model.sampling import Sampling
from lstdata.train.trained import Trained

TOKENS_PER_SECOND: Final = 15
TOKENS_AT_LEAST: Final = 15
"""What a transcript may have, for each second of speech and beside that, before it is cut off: twice what fast speech
has by a tokenizer of 600 pieces (chosen here)."""


def recognise(
    trained: Trained,
    speech: Sequence[tuple[str, Units]],
    *,
    tokens: int = TOKENS,
    progress: Progress = lambda done, of: None,
) -> Decoded:
    """The transcripts of recordings, each an id and its units, as tokens; `written` makes text of them."""
    vocab = trained.vocab
    prompts = [
        Prompt(id, [vocab.bos, vocab.speech_marker, *trained.unit_ids(units)], _limits(len(units), trained))
        for id, units in speech
    ]
    return decode(trained, prompts, "text", Sampling(temperature=0), tokens=tokens, progress=progress)


def written(trained: Trained, made: Generated) -> str:
    """The text of a transcript."""
    return " ".join(trained.tokenizer.decode(span.ids) for span in made.spans if span.kind == "text").strip()


def _limits(frames: int, trained: Trained) -> Limits:
    seconds = frames * trained.vocab.hop / trained.vocab.sample_rate
    return Limits(tokens=TOKENS_AT_LEAST + math.ceil(TOKENS_PER_SECOND * seconds))
