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


def agree_until(optimizer: OptimizerConfig, steps: int, other: OptimizerConfig, other_steps: int) -> float:
    """Steps after which both rates still were the same at every step, where only `decay` and the lengths differ."""
    if optimizer.schedule == "cosine":
        return math.inf if steps == other_steps else required(optimizer.warmup)
    lengths = ((optimizer, steps), (other, other_steps))
    begins = [decay_begins(*length) for length in lengths]
    if steps == other_steps and begins[0] == begins[1]:
        return math.inf
    return min((begun for begun, (_, end) in zip(begins, lengths, strict=True) if begun < end), default=math.inf)
