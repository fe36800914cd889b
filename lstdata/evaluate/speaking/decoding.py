"""Many prompts gone on with, those of similar length at once, and the time that it takes.

A sequence does not see the others of its batch, so what follows a prompt depends on them by rounding only; which are
beside it depends on the lengths of all prompts alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lstdata.errors import ConfigError
from lstdata.model.generation import Generated, Limits, generate
from lstdata.model.sampling import Sampling
from lstdata.model.spans import Kind, Language
from lstdata.patching import DECODABLE
from lstdata.train.trained import Trained

TOKENS: Final = 32_768
"""Of the sequences of a batch, each as long as the longest may become."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Prompt:
    """What is gone on with, and by how much at most."""

    id: str
    """What is drawn depends on it and on the seed."""
    tokens: list[int]
    limits: Limits


@dataclass(frozen=True, eq=False)
class Decoded:
    """What followed each prompt, in their order."""

    made: list[Generated]
    seconds: float
    """Of the wall clock, for prompts and continuations."""


def check_patching(trained: Trained, run: str) -> None:
    """ConfigError where the model needs boundaries that nobody has before the words are known."""
    strategy = trained.patching.strategy
    if strategy not in DECODABLE:
        raise ConfigError(
            f"`{run}` was trained with `{strategy}` patches, whose boundaries nobody knows while speech is recognised "
            "or spoken; fine-tune it with `--set patching.strategy=static` first."
        )


def decode(
    trained: Trained,
    prompts: Sequence[Prompt],
    wanted: Kind,
    sampling: Sampling,
    *,
    tokens: int = TOKENS,
    progress: Progress = lambda done, of: None,
) -> Decoded:
    """One span of the wanted modality after each prompt; the longest first, as many at once as `tokens` holds."""
    language = Language(trained.vocab, trained.tokenizer.special, trained.frames())
    made: dict[int, Generated] = {}
    begun = time.monotonic()
    for batch in _batches([len(prompt.tokens) + prompt.limits.tokens for prompt in prompts], tokens):
        chosen = [prompts[number] for number in batch]
        found = generate(
            trained.model,
            language,
            [prompt.tokens for prompt in chosen],
            patch_size=trained.patching.patch_size,
            wanted=wanted,
            sampling=sampling,
            limits=[prompt.limits for prompt in chosen],
            ids=[prompt.id for prompt in chosen],
        )
        made.update(zip(batch, found, strict=True))
        progress(len(made), len(prompts))
    return Decoded([made[number] for number in range(len(prompts))], time.monotonic() - begun)


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Numbers of sequences by falling length; a batch holds one at least."""
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    while order:
        size = max(1, most // lengths[order[0]])
        yield order[:size]
        order = order[size:]
