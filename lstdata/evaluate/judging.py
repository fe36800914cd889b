"""A model's answers to the items of an evaluation set, in each mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lstdata.errors import ConfigError
from lstdata.evaluate.endings import Coding, Ending, Side
from lstdata.evaluate.items import MODES, Item, Part
from lstdata.evaluate.results import Answered
from lstdata.evaluate.scoring import TOKENS, score
from lstdata.evaluate.sets import EvaluationSet
from lstdata.model.lst import Model
from lstdata.patching import BY_WORDS

Progress = Callable[[int, int], None]
"""Hears of endings scored in a mode, of all."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One mode: the answers, and how many items lack a part that it needs."""

    answered: Answered
    left_out: int


def judge(
    model: Model,
    coding: Coding,
    chosen: EvaluationSet,
    modes: Sequence[str] = MODES,
    *,
    limit: int | None = None,
    tokens: int = TOKENS,
    progress: Progress = lambda done, of: None,
) -> list[Judged]:
    """Score the first `limit` items in each of `modes` that any has the parts for; ConfigError where none has.

    Under patches by words, speech without word times is a part that is lacking.
    A model of text alone is asked in the mode t-t only.
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise ConfigError(f"`modes` must be of {', '.join(MODES)}, but has {unknown[0]!r}.")
    able = [mode for mode in modes if mode == "t-t" or not coding.vocab.is_text]
    if not able:
        raise ConfigError(f"A model of text alone can be asked in the mode t-t, but is in {', '.join(modes)}.")
    items, timed = chosen.items[:limit], coding.patching.strategy in BY_WORDS
    found = []
    for mode in able:
        sides = [_sides(item, mode, chosen, timed) for item in items]
        complete = [(item, parts) for item, parts in zip(items, sides, strict=True) if parts is not None]
        if complete:
            answered = _answer(model, coding, chosen.name, mode, complete, tokens, progress)
            found.append(Judged(answered, len(items) - len(complete)))
    if not found:
        raise ConfigError(f"`{chosen.root}` has no item with the parts that {', '.join(able)} needs.")
    return found


def _answer(
    model: Model,
    coding: Coding,
    task: str,
    mode: str,
    complete: Sequence[tuple[Item, tuple[Side | None, Sequence[Side]]]],
    tokens: int,
    progress: Progress,
) -> Answered:
    whole: list[Ending] = []
    alone: list[Ending] = []
    for _, (prompt, endings) in complete:
        whole += [coding.ending(prompt, ending) for ending in endings]
        alone += [coding.ending(None, ending) for ending in endings]
    prompted = any(prompt is not None for _, (prompt, _) in complete)
    total = len(whole) + prompted * len(alone)
    scores = score(model, whole, tokens=tokens, progress=lambda done, of: progress(done, total))
    control = None
    if prompted:
        control = score(model, alone, tokens=tokens, progress=lambda done, of: progress(len(whole) + done, total))
    return Answered(task, mode, [item for item, _ in complete], scores, control)


def _sides(item: Item, mode: str, chosen: EvaluationSet, timed: bool) -> tuple[Side | None, Sequence[Side]] | None:
    """Prompt and endings as the mode wants them; None where a part is not there so. `timed`: speech with word times."""
    first, second = mode.split("-")
    prompt = None if item.prompt is None else _side(item.prompt, first, chosen, timed)
    endings = [side for part in item.endings if (side := _side(part, second, chosen, timed)) is not None]
    lacking = first != second if item.prompt is None else prompt is None
    return None if lacking or len(endings) < len(item.endings) else (prompt, endings)


def _side(part: Part, modality: str, chosen: EvaluationSet, timed: bool) -> Side | None:
    if modality == "t":
        return part.text
    if chosen.recordings is None or part.recording not in chosen.recordings.places:
        return None
    sample = chosen.recordings.sample(part.recording)
    return None if timed and sample.word_frames is None else sample
