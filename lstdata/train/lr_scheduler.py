"""`constant-then-decay` for fairseq2: its own schedules hold a rate for no time, or then let it fall exponentially."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from fairseq2.optim.lr_schedulers import AbstractLRScheduler, LRScheduler
from fairseq2.recipe.component import register_component
from fairseq2.runtime.dependency import DependencyContainer, DependencyResolver
from torch import Tensor
from torch.optim import Optimizer

from lstdata.train.learning_rate import decayed

CONSTANT_THEN_DECAY: Final = "constant-then-decay"


@dataclass(kw_only=True)
class ConstantThenDecayConfig:
    """In steps."""

    warmup: int
    decay_begins: int
    steps: int
    start_lr: float
    """Of the first step."""
    final_lr_scale: float
    """Of the optimizer's learning rate."""


@final
class ConstantThenDecayLR(AbstractLRScheduler):
    """Linear warm-up, the full rate, then a linear fall to the final rate, which stays."""

    def __init__(self, optimizer: Optimizer, config: ConstantThenDecayConfig) -> None:
        self._config = config
        super().__init__(optimizer)

    def _compute_lrs(self) -> list[float | Tensor]:
        config, taken = self._config, self.last_epoch
        if taken < config.warmup:
            share = taken / config.warmup
            return [config.start_lr + (lr - config.start_lr) * share for lr in self.base_lrs]
        share = decayed(taken, config.decay_begins, config.steps, config.final_lr_scale)
        return [lr * share for lr in self.base_lrs]

    def state_dict(self) -> dict[str, object]:
        """Plain values: what the config says is not among them."""
        return {name: value for name, value in super().state_dict().items() if name != "_config"}


def register_schedule(container: DependencyContainer) -> None:
    """Make it one of the schedules that a recipe's config may name."""

    def create(resolver: DependencyResolver, config: ConstantThenDecayConfig) -> LRScheduler:
        return ConstantThenDecayLR(resolver.resolve(Optimizer), config)

    register_component(container, LRScheduler, CONSTANT_THEN_DECAY, config_kls=ConstantThenDecayConfig, factory=create)
