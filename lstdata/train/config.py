"""What a user may choose for a training run; a preset fills in what is left open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.interleave import STRATEGIES
from lstdata.model.config import Kind, ModelConfig
from lstdata.model.parameters import count_parameters
from lstdata.model.presets import PRESETS as MODELS
from lstdata.packing import RowBudget
from lstdata.train.presets import PRESETS

T = TypeVar("T")

SHARDED_FROM: Final = 10**9
"""Parameters from which on `parallel: auto` shards: 16 GB of weights, gradients and moments (chosen here)."""

PLAIN: Final = ("none", "unit-bpe")
"""Strategies that train the baseline, whose every token is a position: a plain transformer."""


@dataclass(frozen=True, kw_only=True)
class RowsConfig:
    """How documents become batches; a step is `per_step` rows, whatever the number of processes."""

    per_step: int | None = None
    per_batch: int | None = None
    """Rows of one pass through the model in each process, of which a step may take several; None: all in one."""
    positions: int | None = None
    """Positions that a row may hold."""
    tokens: int | None = None
    """Raw tokens that a row may hold."""
    lanes: int | None = None
    """Independent orders of samples; None: by the size of the data, at most 256."""
    seed: int = 0
    workers: int = 0
    """Processes of each training process that make its rows ahead; 0: it makes them itself, between its steps."""

    def mistakes(self) -> Iterator[str]:
        yield from _at_least(self, 0, "workers")
        yield from _at_least(self, 1, "per_step", "per_batch", "lanes")
        yield from _at_least(self, 4, "positions")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """A run folder that is trained on."""

    path: str = ""
    share: float | None = None
    """Of all raw tokens, in proportion to the other shares; None for all: as many epochs of each."""
    interleave: InterleaveConfig | None = None
    """In place of the run's."""
    patching: PatchingConfig | None = None
    """In place of the run's."""

    def mistakes(self) -> Iterator[str]:
        if not self.path:
            yield "`path` must name a run folder, but is empty."
        if self.share is not None and self.share <= 0:
            yield f"`share` must be > 0, but is {self.share}."


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW under a schedule with linear warm-up."""

    lr: float | None = None
    schedule: Literal["cosine", "constant-then-decay"] = "cosine"
    """After the warm-up: a cosine from `lr` down to the last step, or `lr` itself until it falls linearly."""
    decay: float = 0.2
    """Of `constant-then-decay`: the share of all steps, the last ones, in which it falls; 0: it never does."""
    final_lr: float = 0.01
    """The last learning rate, as a share of `lr`."""
    warmup: int | None = None
    """Steps."""
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float | None = None
    """Of all parameters, norms and tables too."""
    clip: float = 1.0
    """Greatest norm of the gradient."""

    def mistakes(self) -> Iterator[str]:
        yield from _at_least(self, 0, "warmup", "weight_decay")
        for name in ("lr", "clip"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                yield f"`{name}` must be > 0, but is {value}."
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                yield f"`{name}` must be in [0, 1), but is {getattr(self, name)}."
        for name in ("decay", "final_lr"):
            if not 0 <= getattr(self, name) <= 1:
                yield f"`{name}` must be in [0, 1], but is {getattr(self, name)}."


@dataclass(frozen=True, kw_only=True)
class SizesConfig:
    """The model's dimensions, as `ModelConfig` explains them; what is None is the preset's."""

    global_width: int | None = None
    global_layers: int | None = None
    global_heads: int | None = None
    global_theta: float | None = None
    local_width: int | None = None
    local_heads: int | None = None
    local_theta: float | None = None
    encoder_layers: int | None = None
    decoder_layers: int | None = None
    queries: int | None = None
    window: int | None = None
    visible: int | None = None
    feedforward_multiple: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All of `lstdata train`. What is None is the preset's."""

    about: str = ""
    data: tuple[DataConfig, ...] = ()
    preset: Literal["tiny", "60m", "420m", "630m", "810m", "1b", "1.1b", "1.4b", "1.8b", "7b"] = "tiny"
    dropout: float | None = None
    model: SizesConfig = field(default_factory=SizesConfig)
    init_from: str | None = None
    """Weights to begin with: a folder, or a name on the hub, of a Llama of `transformers`; or a run of ours."""
    patching: PatchingConfig = field(default_factory=PatchingConfig)
    """`none` trains the baseline: the plain transformer over tokens."""
    interleave: InterleaveConfig = field(default_factory=InterleaveConfig)
    rows: RowsConfig = field(default_factory=RowsConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    steps: int | None = None
    """Length of the schedule."""
    tokens: int | None = None
    """In place of `steps`: training ends with the step in which so many raw tokens have been read."""
    stop_at: int | None = None
    """End this invocation after so many steps; the next one goes on from there."""
    validate_every: int | None = None
    """Steps between passes over the validation split; there is always one at the end."""
    validate_tasks: tuple[str, ...] = ()
    """Interleavings under which the validation split is read too, each with figures of its own."""
    validate_rows: int | None = None
    """Rows at most of each source in a pass over its validation split; None: all of them."""
    checkpoint_every: int | None = None
    """Steps between checkpoints; there is always one at the end."""
    keep_checkpoints: int = 2
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 autocast on a GPU, float32 on a CPU."""
    parallel: Literal["auto", "ddp", "fsdp"] = "auto"
    """How several processes hold the model: each all of it, or (FSDP2) its share of every block. `auto`: shares from a
    billion parameters on, which with gradients and moments are 16 GB."""
    compile: bool | None = None
    """Compile each block; None: on a GPU."""
    recompute: bool = False
    """Forget what is inside a block and compute it again for the gradient: less memory, a third more work."""
    attention: Kind = "auto"
    """FlexAttention on a GPU and blocks of queries elsewhere; or one of them, or a dense mask."""
    seed: int = 0
    """Of the initial weights and of dropout."""

    def mistakes(self) -> Iterator[str]:
        counts = ("steps", "tokens", "stop_at", "validate_every", "validate_rows")
        yield from _at_least(self, 1, *counts, "checkpoint_every", "keep_checkpoints")
        if self.steps is not None and self.tokens is not None:
            yield f"`tokens` must not be given beside `steps`, but is {self.tokens}."
        if self.dropout is not None and not 0 <= self.dropout < 1:
            yield f"`dropout` must be in [0, 1), but is {self.dropout}."
        yield from (
            m.replace("`", "`model.", 1)
            for m in _model(dataclasses.replace(self, dropout=None), vocabulary=1).mistakes()
        )
        unknown = [task for task in self.validate_tasks if task not in STRATEGIES]
        if unknown:
            yield f"`validate_tasks` must be of {', '.join(STRATEGIES)}, but names {', '.join(unknown)}."
        yield from self._data_mistakes()
        tokens = resolve(self).rows.tokens or 0
        longest = max(map(_longest_patch, (self.patching, *(d.patching for d in self.data if d.patching))))
        if tokens < longest + 3:
            yield f"`rows.tokens` must be ≥ {longest + 3} (a patch beside BOS and markers), but is {tokens}."

    def _data_mistakes(self) -> Iterator[str]:
        if len({data.share is None for data in self.data}) > 1:
            yield "`data.share` must be given for all run folders or for none."
        if len({data.path for data in self.data}) < len(self.data):
            yield "`data` must name each run folder once."
        for number, data in enumerate(self.data):
            if data.patching is not None and (data.patching.strategy in PLAIN) != (self.patching.strategy in PLAIN):
                yield (
                    f"`data.{number}.patching.strategy` must be of the same model as `patching.strategy` "
                    f"{self.patching.strategy}, but is {data.patching.strategy}."
                )


def resolve(config: TrainConfig) -> TrainConfig:
    """The config with the preset's values where it has None; `steps` stays open where `tokens` ends the training."""
    filled: TrainConfig = _filled(config, PRESETS[config.preset])
    return filled if config.tokens is None else dataclasses.replace(filled, steps=config.steps)


def model_of(config: TrainConfig, vocabulary: int) -> ModelConfig:
    """The model that a config asks for."""
    return _model(resolve(config), vocabulary)


def parallelism(config: TrainConfig, model: ModelConfig) -> Literal["ddp", "fsdp"]:
    if config.parallel == "auto":
        return "fsdp" if count_parameters(model) >= SHARDED_FROM else "ddp"
    return config.parallel


def required(value: T | None) -> T:
    """A value that `resolve` has filled in."""
    if value is None:
        raise ValueError("The config must be resolved.")
    return value


def row_budget(config: TrainConfig) -> RowBudget:
    return RowBudget(positions=required(config.rows.positions), tokens=required(config.rows.tokens))


def _longest_patch(patching: PatchingConfig) -> int:
    if patching.strategy in PLAIN:
        return 1
    return patching.patch_size if patching.strategy == "static" else patching.max_patch


def _model(config: TrainConfig, vocabulary: int) -> ModelConfig:
    changes = {name: value for name, value in dataclasses.asdict(config.model).items() if value is not None}
    return dataclasses.replace(
        MODELS[config.preset],
        vocabulary=vocabulary,
        architecture="plain" if config.patching.strategy in PLAIN else "lst",
        dropout=config.dropout or 0.0,
        attention=config.attention,
        recompute=config.recompute,
        **changes,
    )


def _filled(config: Any, defaults: dict[str, Any]) -> Any:
    changes = {
        name: _filled(getattr(config, name), value) if isinstance(value, dict) else value
        for name, value in defaults.items()
        if isinstance(value, dict) or getattr(config, name) is None
    }
    return dataclasses.replace(config, **changes)


def _at_least(config: object, least: int, *names: str) -> Iterator[str]:
    for name in names:
        value = getattr(config, name)
        if value is not None and value < least:
            yield f"`{name}` must be ≥ {least}, but is {value}."
