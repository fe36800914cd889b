"""The fairseq2 recipe: our model and data under fairseq2's trainer."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from fairseq2.composition import register_dataset_family, register_model_family
from fairseq2.metrics import format_as_float, format_as_int
from fairseq2.metrics.recorders import MetricDescriptor, MetricRecorder
from fairseq2.nn.fsdp import FSDPWrapper
from fairseq2.recipe.base import Recipe, RecipeContext
from fairseq2.recipe.config import (
    AdamWConfig,
    CommonSection,
    CosineAnnealingLRConfig,
    DatasetSection,
    GangSection,
    GradAccumulationConfig,
    LRSchedulerSection,
    MixedPrecisionConfig,
    ModelSection,
    OptimizerSection,
    RegimeSection,
    TorchConfig,
    TrainerSection,
)
from fairseq2.runtime.dependency import DependencyContainer
from fairseq2.task import Task
from torch import Tensor, nn

from lstdata.model.compiling import compile_blocks
from lstdata.model.config import ModelConfig
from lstdata.model.lst import Model, build_model
from lstdata.train.checkpoint_manager import Checkpoints
from lstdata.train.config import OptimizerConfig, TrainConfig, parallelism, required
from lstdata.train.data import TrainingData
from lstdata.train.learning_rate import decay_begins
from lstdata.train.lr_scheduler import CONSTANT_THEN_DECAY, ConstantThenDecayConfig, register_schedule
from lstdata.train.metrics import COUNTS, MEANS, Pace, TimedReader, Totals, device_peak
from lstdata.train.reader import TrainReader, train_reader, validation_reader
from lstdata.train.steps import TrainStep, ValidationStep
from lstdata.train.warm_start import WarmStart

FAMILY = "lst"
DATASET = "lstdata"
THIS_RUN = "run"

ENDS_OF_DATA: Final = 2
"""fairseq2 ends training at the second time that there is no more data, and refuses to resume at one; so the reader,
which ends where `tokens` are read, is asked twice."""


@dataclass(kw_only=True)
class RecipeConfig:
    """The sections that fairseq2 reads."""

    model: ModelSection
    trainer: TrainerSection
    optimizer: OptimizerSection
    lr_scheduler: LRSchedulerSection
    regime: RegimeSection
    common: CommonSection
    dataset: DatasetSection = field(default_factory=lambda: DatasetSection(family=DATASET))
    gang: GangSection = field(default_factory=GangSection)


@dataclass(kw_only=True)
class DataSection:
    """Nothing to choose: run folders are opened, and refused, before fairseq2 starts."""


class LstRecipe(Recipe):
    """Trains one model; `config` is resolved."""

    def __init__(
        self,
        config: TrainConfig,
        model: ModelConfig,
        start: WarmStart | None,
        data: TrainingData,
        out: Path,
        recorder: MetricRecorder,
    ) -> None:
        self._config = config
        self._out = out
        self._model = model
        self._start = start
        self._data = data
        self._recorder = recorder
        self._reader: TrainReader | None = None

    def close(self) -> None:
        """End what runs beside training, however that ended."""
        if self._reader is not None:
            self._reader.close()

    def register(self, container: DependencyContainer) -> None:
        for console in logging.getLogger().handlers:
            console.setLevel(logging.ERROR)
        logging.getLogger("fairseq2").setLevel(logging.INFO)
        register_model_family(
            container,
            FAMILY,
            Model,
            ModelConfig,
            factory=self._build,
            compiler=compile_blocks,
            fsdp_applier=shard_blocks,
        )
        register_schedule(container)
        container.register_instance(ModelConfig, self._model, key=THIS_RUN)
        register_dataset_family(container, DATASET, TrainingData, DataSection, opener=lambda config: self._data)
        container.collection.register_instance(MetricRecorder, self._recorder)
        for descriptor in _descriptors():
            container.collection.register_instance(MetricDescriptor, descriptor)

    def create_task(self, context: RecipeContext) -> Task:
        config = self._config
        gang = context.gangs.dp
        data = context.get_dataset_as(TrainingData)
        model = context.get_data_parallel_model()
        self._reader = train_reader(config, data, gang)
        reader = TimedReader(self._reader)
        pace = Pace(self._model, reader, Totals.read(self._out), device_peak(is_half(config), gang.size))
        checkpoints = Checkpoints(self._out, context.gangs)
        step = TrainStep(
            model,
            data.vocab,
            data.rows,
            pace,
            seed=config.seed,
            rank=gang.rank,
            diverged=self._out / "diverged",
            end_of_data=checkpoints.maybe_complete_save_operation,
        )
        trainer = context.create_trainer(
            step,
            reader,
            [ValidationStep(model, self._model, data.vocab, name) for name in data.held_out],
            [validation_reader(config, corpus, gang) for corpus in data.held_out.values()],
        )
        # fairseq2 has registered its own before a recipe may register anything, and refuses a second.
        trainer._checkpoint_manager = checkpoints
        check_gradients(trainer, step)
        return trainer

    def _build(self, sizes: ModelConfig) -> Model:
        """The model with its first weights; fairseq2 asks for one without any where others will come."""
        model = build_model(sizes)
        if self._start is not None and not model.embedding.weight.is_meta:
            self._start.load(model)
        return model

    @property
    def config_kls(self) -> type[object]:
        return RecipeConfig


def check_gradients(trainer: Any, step: TrainStep) -> None:
    """Have each step's gradient checked where fairseq2 learns its norm: before the weights take the step."""
    facade = trainer._model_dp_facade
    clip = facade.clip_grad_norm

    def clip_and_check(max_norm: float | None) -> Tensor:
        norm: Tensor = clip(max_norm)
        step.check_gradient(float(norm))
        return norm

    facade.clip_grad_norm = clip_and_check


def shard_blocks(model: Model, granularity: str, wrap: FSDPWrapper) -> Model:
    """FSDP2: each block is gathered alone when it is needed; what is in none is the root's, which fairseq2 wraps."""
    for block in blocks(model):
        wrap(block)
    return model


def blocks(model: Model) -> Iterator[nn.Module]:
    """All that the model has a stack of."""
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList):
            yield from stack


def recipe_config(config: TrainConfig, model: ModelConfig) -> RecipeConfig:
    """A resolved config in fairseq2's terms."""
    steps, optimizer = required(config.steps), config.optimizer
    parallel = parallelism(config, model)
    return RecipeConfig(
        model=ModelSection(
            family=FAMILY,
            arch=THIS_RUN,
            compile=torch.cuda.is_available() if config.compile is None else config.compile,
        ),
        trainer=TrainerSection(
            data_parallelism=parallel,
            # Under FSDP2 it would keep whole gradients between the passes of a step.
            grad_accumulation=GradAccumulationConfig(no_sync=parallel == "ddp"),
            mixed_precision=MixedPrecisionConfig(mode="auto" if is_half(config) else "off", dtype=torch.bfloat16),
            max_grad_norm=optimizer.clip,
        ),
        optimizer=OptimizerSection(
            config=AdamWConfig(
                lr=required(optimizer.lr),
                betas=(optimizer.beta1, optimizer.beta2),
                weight_decay=required(optimizer.weight_decay),
            )
        ),
        lr_scheduler=_schedule(optimizer, steps),
        regime=RegimeSection(
            num_steps=config.stop_at if config.tokens else min(steps, config.stop_at or steps),
            num_data_epochs=ENDS_OF_DATA,
            validate_every_n_steps=config.validate_every,
            checkpoint_every_n_steps=config.checkpoint_every,
            keep_last_n_checkpoints=config.keep_checkpoints,
            publish_metrics_every_n_steps=1,
        ),
        common=CommonSection(torch=TorchConfig(num_threads=_threads()), seed=config.seed, no_sweep_dir=True),
    )


def _schedule(optimizer: OptimizerConfig, steps: int) -> LRSchedulerSection:
    """`tokens` may end later than the `steps` that are expected: the learning rate then does not rise again."""
    lr, warmup = required(optimizer.lr), required(optimizer.warmup)
    if optimizer.schedule == "cosine":
        return LRSchedulerSection(
            config=CosineAnnealingLRConfig(
                cycle_len=max(1, steps - warmup),
                num_warmup_steps=warmup,
                start_lr=lr / max(1, warmup),
                final_lr_scale=optimizer.final_lr,
                lr_mul=optimizer.final_lr,  # of a second cycle
            )
        )
    return LRSchedulerSection(
        name=CONSTANT_THEN_DECAY,
        config=ConstantThenDecayConfig(
            warmup=warmup,
            decay_begins=decay_begins(optimizer, steps),
            steps=steps,
            start_lr=lr / max(1, warmup),
            final_lr_scale=optimizer.final_lr,
        ),
    )


def is_half(config: TrainConfig) -> bool:
    """Whether products are of bfloat16."""
    return config.precision == "bfloat16" or (config.precision == "auto" and torch.cuda.is_available())


def _threads() -> int:
    """The cores that this process may use, shared fairly with the processes beside it."""
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _descriptors() -> list[MetricDescriptor]:
    """The order of our figures in fairseq2's files: the total loss before the others."""
    return [
        *(MetricDescriptor(name, name, 90 + place, format_as_float) for place, name in enumerate(MEANS)),
        *(MetricDescriptor(name, name, 90 + len(MEANS), format_as_int) for name in COUNTS),
    ]
