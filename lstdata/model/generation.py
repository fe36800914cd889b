"""Going on with prompts: which token is drawn, when a sequence ends, and how many steps that took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from lstdata.errors import ConfigError
from lstdata.model.lst import Model
from lstdata.model.sampling import Sampling, choose
from lstdata.model.session import Session, open_session
from lstdata.model.spans import Kind, Language, Span, Wanted
from lstdata.randomness import rng

End = Literal["eos", "tokens", "seconds", "spans"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ends a sequence beside EOS."""

    tokens: int = 256
    """Drawn ones."""
    seconds: float | None = None
    """Of drawn speech."""
    spans: int | None = None
    """That were gone on with or opened; the marker of one more is not kept."""

    def mistakes(self) -> Iterator[str]:
        for name in ("tokens", "spans"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"`{name}` must be ≥ 1, but is {value}."
        if self.seconds is not None and not self.seconds > 0:
            yield f"`seconds` must be > 0, but is {self.seconds}."


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What follows a prompt."""

    prompt_tokens: int
    """Of the prompt as it was read, with the marker that follows it."""
    prompt_positions: int
    """Of it: steps that the global transformer takes at once."""
    tokens: list[int]
    """Without EOS."""
    spans: list[Span]
    ended: End
    seconds: float
    """Of speech."""
    global_steps: int
    """Positions that closed after the prompt."""
    local_steps: int
    """Tokens that were read after the prompt: as many global steps as the baseline takes."""


@dataclass
class _Sequence:
    prompt: list[int]
    kind: Kind | None
    random: np.random.Generator
    limits: Limits
    positions: int = 0
    """Of the prompt."""
    spans: int = 0
    tokens: list[int] = field(default_factory=list)
    ended: End | None = None


def generate(
    model: Model,
    language: Language,
    prompts: Sequence[Sequence[int]],
    *,
    patch_size: int,
    wanted: Wanted = "free",
    sampling: Sampling | None = None,
    limits: Limits | Sequence[Limits] | None = None,
    ids: Sequence[str] | None = None,
) -> list[Generated]:
    """Go on with prompts, each `BOS …` without EOS, by a model in evaluation mode.

    Where `wanted` is a modality, its marker follows every prompt that does not end in a span of it. Prompt number i
    draws its tokens from (seed, i) alone or, where prompts have ids, from (seed, its id). `limits` are those of all, or
    each prompt's own. ConfigError with all mistakes at once.
    """
    sampling = sampling or Sampling()
    of_each = [limits or Limits()] * len(prompts) if isinstance(limits, Limits | None) else list(limits)
    mistakes = [*sampling.mistakes(), *dict.fromkeys(mistake for one in of_each for mistake in one.mistakes())]
    if wanted == "speech" and language.vocab.is_text:
        mistakes.append("A model of text alone has no speech to go on with.")
    if mistakes:
        raise ConfigError(*mistakes)
    randoms = (
        [rng(sampling.seed, number, "", "generate") for number in range(len(prompts))]
        if ids is None
        else [rng(sampling.seed, 0, id, "generate") for id in ids]
    )
    all_ = [_begin(*one, language, wanted) for one in zip(prompts, randoms, of_each, strict=True)]
    may = {kind: language.allowed(kind, wanted) for kind in (None, "text", "speech")}
    session = open_session(model, [one.prompt for one in all_], language.vocab.first_unit, patch_size)
    for one, positions in zip(all_, session.positions.tolist(), strict=True):
        one.positions = positions
    logits, active = session.logits, list(range(len(all_)))
    while active:
        allowed = torch.stack([may[all_[row].kind] for row in active]).to(logits.device)
        uniform = np.array([all_[row].random.random() for row in active])
        for row, token in zip(active, choose(logits, allowed, sampling, uniform), strict=True):
            _take(all_[row], token, language)
        active = [row for row in active if all_[row].ended is None]
        if active:
            logits = session.advance([all_[row].tokens[-1] for row in active], active)
    return [_result(one, row, language, session) for row, one in enumerate(all_)]


def _begin(
    prompt: Sequence[int], random: np.random.Generator, limits: Limits, language: Language, wanted: Wanted
) -> _Sequence:
    if not len(prompt) or language.vocab.eos in prompt:
        raise ValueError("A prompt must hold BOS and no EOS.")
    tokens, kind = list(prompt), language.kind_of(prompt)
    if wanted != "free" and kind != wanted:
        tokens.append(language.marker(wanted))
        kind = wanted
    return _Sequence(tokens, kind, random, limits, spans=int(kind is not None))


def _take(one: _Sequence, token: int, language: Language) -> None:
    """Add a drawn token, or end without it."""
    limits = one.limits
    if token == language.vocab.eos:
        one.ended = "eos"
        return
    opened = language.kind_of([token])
    if opened is not None:
        if one.spans == limits.spans:
            one.ended = "spans"
            return
        one.kind = opened
        one.spans += 1
    one.tokens.append(token)
    if len(one.tokens) >= limits.tokens:
        one.ended = "tokens"
    elif limits.seconds is not None and language.seconds(one.tokens) >= limits.seconds:
        one.ended = "seconds"


def _result(one: _Sequence, row: int, language: Language, session: Session) -> Generated:
    assert one.ended is not None
    return Generated(
        prompt_tokens=len(one.prompt),
        prompt_positions=one.positions,
        tokens=one.tokens,
        spans=language.spans(one.tokens, language.kind_of(one.prompt)),
        ended=one.ended,
        seconds=language.seconds(one.tokens),
        global_steps=int(session.positions[row]) - one.positions,
        local_steps=int(session.tokens[row]) - len(one.prompt),
    )
