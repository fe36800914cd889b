"""What the ids of a CTC model stand for, and how many samples its frames are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.finding import Checkpoint
from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE

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


def convolutions(checkpoint: Checkpoint, config: Any, option: str = "model") -> ConvStack:
    """Of a model of `transformers`; ConfigError where frames are made in another way."""
    kernels, strides = getattr(config, "conv_kernel", None), getattr(config, "conv_stride", None)
    if not kernels or not strides or getattr(config, "add_adapter", False):
        known = "Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC, UniSpeechSatForCTC or Data2VecAudioForCTC without adapter"
        raise ConfigError(f"`{option}` `{checkpoint.name}` ({checkpoint.architecture}) must be one of {known}.")
    return ConvStack(tuple(kernels), tuple(strides))


def check_rate(checkpoint: Checkpoint, rate: object, option: str = "model") -> None:
    if rate != SAMPLE_RATE:
        raise ConfigError(f"`{option}` `{checkpoint.name}` must hear {SAMPLE_RATE} Hz, but hears {rate} Hz.")


def alphabet_of(checkpoint: Checkpoint, tokenizer: Any) -> Alphabet:
    """By a tokenizer of `transformers`."""
    if tokenizer.pad_token_id is None:
        raise ConfigError(f"the tokenizer of `{checkpoint.name}` must have a `pad_token`: it is the blank of CTC.")
    delimiter = getattr(tokenizer, "word_delimiter_token", None)
    tokens = tuple(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    silent = {id for id in tokenizer.all_special_ids if tokens[id] != delimiter}
    return Alphabet(tokens, int(tokenizer.pad_token_id), delimiter, frozenset(silent))
