"""The learning rate as a function of the step: what two schedules of different lengths have in common."""

from __future__ import annotations

import math

from lstdata.train.config import OptimizerConfig, required


def decay_begins(optimizer: OptimizerConfig, steps: int) -> int:
    """Steps taken at the full rate, warm-up included, of a resolved `constant-then-decay` over `steps` steps."""
    return max(required(optimizer.warmup), steps - round(optimizer.decay * steps))


def decayed(taken: int, begins: int, steps: int, final: float) -> float:
    """The rate after `taken` steps as a share of the full one: from `begins` on a line to `final` at `steps`."""
    if taken <= begins or begins >= steps:
        return 1.0
    return final + (1.0 - final) * max(0, steps - taken) / (steps - begins)


def agree_until(optimizer: OptimizerConfig, steps: int, other: int) -> float:
    """Steps after which the rates over `steps` and over `other` steps still were the same, at every one of them."""
    if steps == other:
        return math.inf
    if optimizer.schedule == "cosine":
        return required(optimizer.warmup)
    decays = [begins for length in (steps, other) if (begins := decay_begins(optimizer, length)) < length]
    return min(decays, default=math.inf)
