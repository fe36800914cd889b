"""What a reproduction will take, before anything is there: by formula, and by experience where a recipe states it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from lstdata.config import override
from lstdata.errors import ConfigError
from lstdata.model.config import ModelConfig
from lstdata.model.flops import Work, training_flops
from lstdata.model.parameters import count_parameters
from lstdata.reproduce.arms import ARMS
from lstdata.reproduce.recipe import MachineConfig, Recipe
from lstdata.reproduce.step import Step
from lstdata.reproduce.steps import list_steps
from lstdata.train.config import TrainConfig, model_of, required, resolve
from lstdata.train.outlook import short
from lstdata.train.peaks import BFLOAT16_PEAKS

UNITS: Final = 0.79
"""Of the tokens of an interleaved document: 9.7 units for a word of speech, and for it two words of text."""

RUN: Final = 60
"""Units of one span of speech."""

PATCHES: Final[dict[str, float]] = {"aligned": 4.7, "aligned-merged": 9.4}
"""Mean units of a patch in the authors' sample of MLS: 9.7 of a word and the silence after it, which most have."""

BYTES: Final = 16
"""Of a parameter in a checkpoint: weights and AdamW's moments in float32, and room for what is around them."""

STORY_SECONDS: Final = 15.0
"""A spoken story of the demo corpus, on average."""

STORED: Final = 0.002
"""Gigabytes of shards for an hour of short recordings."""

TRAINS: Final = ("train", "train-data")
BUDGETS: Final = ("compute", "data")

IDS: Final = 32_506
"""Llama 2's tokenizer, 500 units and the reserved ids: where a recipe does not make its own tokenizer."""


@dataclass(frozen=True, kw_only=True)
class ArmCost:
    """One run of an arm under equal compute or, in `data`, under equal raw tokens."""

    arm: str
    budget: str
    parameters: int
    steps: float
    tokens: float
    """Raw ones in all; of `unit-bpe` pieces."""
    positions: float
    flops: float
    hours: float
    """Of one GPU or, of what a recipe was measured on, of that."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What trains: `count` things, each of so many FLOPs of the model per second."""

    name: str
    flops: float
    count: int = 1
    mfu: float | None = None
    """Of GPUs: the share of their peak that was assumed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of the whole recipe."""

    arms: tuple[ArmCost, ...]
    seeds: int
    speed: Speed
    training_hours: float
    """As `ArmCost.hours`, of all arms, seeds and budgets, and of fine-tuning."""
    audio_hours: float
    core_hours: float
    """Of the recipe's own commands on CPUs."""
    encoding_gpu_hours: float
    """Of its own commands on GPUs."""
    shards_gigabytes: float
    checkpoints_gigabytes: float
    hours_on: dict[str, float]
    """Of all steps, on each machine that the recipe was measured on."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def gpus(count: int, kind: str, mfu: float) -> Speed:
    """By NVIDIA's data sheet; ConfigError with all mistakes."""
    mistakes = []
    if count < 1:
        mistakes.append(f"`--gpus` must be ≥ 1, but is {count}.")
    if kind not in BFLOAT16_PEAKS:
        mistakes.append(f"`--gpu` must be one of {', '.join(BFLOAT16_PEAKS)}, but is {kind!r}.")
    if not 0 < mfu <= 1:
        mistakes.append(f"`--mfu` must be above 0 and at most 1, but is {mfu:g}.")
    if mistakes:
        raise ConfigError(*mistakes)
    return Speed(name=kind, flops=BFLOAT16_PEAKS[kind] * mfu, count=count, mfu=mfu)


def measured(recipe: Recipe) -> Speed | None:
    """Of the first machine that the recipe was measured on."""
    machines = recipe.cost.machines
    return Speed(name=machines[0].name, flops=machines[0].training_gigaflops * 1e9) if machines else None


def positions_per_token(recipe: Recipe, arm: str) -> float:
    """Of the mix of interleaved speech and text, by raw tokens; 1 for a baseline."""
    speech = 1 / (1 + recipe.text_share)
    return 1 - speech * UNITS * (1 - _patches_per_unit(arm))


def _patches_per_unit(arm: str) -> float:
    if ARMS[arm].plain:
        return 1.0
    if arm in PATCHES:
        return 1 / PATCHES[arm]
    if arm.startswith("static-"):
        size = int(arm.removeprefix("static-"))
        return (RUN / size + (size - 1) / (2 * size)) / RUN  # the last patch of a span is short
    return (_patches_per_unit("static-4") + _patches_per_unit("aligned")) / 2


def step_work(recipe: Recipe, arm: str) -> Work:
    """Of one step under equal compute, with documents as long as `cost` says."""
    config, model = _config(recipe, arm), _model(recipe, arm)
    positions = float(required(config.rows.per_step) * required(config.rows.positions))
    ratio = positions_per_token(recipe, arm)
    tokens = positions / ratio
    length = min(recipe.cost.document_tokens, required(config.rows.positions) / ratio)
    seen = min(length, model.window)
    if model.architecture == "plain":
        return Work(tokens=tokens, positions=positions, global_pairs=positions * (length + 1) / 2)
    return Work(
        tokens=tokens,
        positions=positions,
        local_pairs=tokens * seen * (1 - seen / (2 * length)),
        encoder_pairs=tokens * model.queries,
        global_pairs=positions * (length * ratio + 1) / 2,
        decoder_pairs=tokens * model.queries * min(model.visible, (length * ratio + 1) / 2),
    )


def steps_of(recipe: Recipe, arm: str, budget: str) -> float:
    """Of a run: the schedule's or, of equal raw tokens, so many more as the other arm reads more in each."""
    steps = float(required(resolve(recipe.train).steps))
    if budget == "compute":
        return steps
    return steps * positions_per_token(recipe, arm) / positions_per_token(recipe, recipe.data_controlled.like)


def step_seconds(recipe: Recipe, step: Step, machine: MachineConfig) -> float:
    """What a step will take on a machine that the recipe was measured on."""
    work = 0.0
    if step.arm is not None and step.kind in ("train", "train-data", "tune"):
        steps = step.amount
        if step.kind == "train-data":
            steps += steps_of(recipe, step.arm, "data") - steps_of(recipe, step.arm, "compute")
        work = steps * step_flops(recipe, step.arm) / (machine.training_gigaflops * 1e9)
    elif step.kind in ("corpus", "build"):
        work = 3600 * audio_hours(recipe) / machine.speech_hours_per_hour
    elif step.kind == "evaluate":
        work = step.amount * _items(recipe) / machine.items_per_second
    elif step.kind == "ask":
        work = (step.amount or 100) / machine.utterances_per_second
    return machine.step_seconds + work


def step_flops(recipe: Recipe, arm: str) -> float:
    """Forward and backward."""
    return training_flops(_model(recipe, arm), step_work(recipe, arm))


def audio_hours(recipe: Recipe) -> float:
    demo = recipe.corpus.demo
    return recipe.corpus.hours if demo is None else demo.utterances * STORY_SECONDS / 3600


def estimate(recipe: Recipe, speed: Speed) -> Cost:
    """Of all steps of a recipe."""
    steps = list_steps(recipe)
    runs = {(s.arm, "data" if s.kind == "train-data" else "compute") for s in steps if s.kind in TRAINS}
    arms = [_arm_cost(recipe, arm, budget, speed) for budget in BUDGETS for arm in ARMS if (arm, budget) in runs]
    tuning = sum(s.amount * step_flops(recipe, s.arm) for s in steps if s.kind == "tune" and s.arm)
    ended = [s.arm for s in steps if s.kind == "tune" and s.arm and s.makes.endswith("summary.json")]
    stored = sum(arm.parameters for arm in arms) * recipe.seeds
    stored += sum(count_parameters(_model(recipe, arm)) for arm in ended)
    commands = recipe.corpus.commands
    return Cost(
        arms=tuple(arms),
        seeds=recipe.seeds,
        speed=speed,
        training_hours=sum(arm.hours for arm in arms) * recipe.seeds + tuning / speed.flops / 3600,
        audio_hours=audio_hours(recipe),
        core_hours=sum(c.core_hours for c in commands),
        encoding_gpu_hours=sum(c.gpu_hours for c in commands),
        shards_gigabytes=recipe.corpus.stored_gigabytes or audio_hours(recipe) * STORED,
        checkpoints_gigabytes=stored * BYTES * resolve(recipe.train).keep_checkpoints / 1e9,
        hours_on={m.name: sum(step_seconds(recipe, s, m) for s in steps) / 3600 for m in recipe.cost.machines},
    )


def lines(cost: Cost) -> Iterator[str]:
    """For people."""
    speed, seeds = cost.speed, "1 seed" if cost.seeds == 1 else f"{cost.seeds} seeds"
    hours = "hours" if speed.mfu is None else "GPU-hours"
    heads = (f"{'arm':16}{'budget':9}", "parameters", "steps", "tokens", "positions", "FLOP", hours)
    yield "".join(head.rjust(width) for head, width in zip(heads, (25, 14, 9, 9, 11, 9, 11), strict=True))
    for arm in cost.arms:
        cells = (f"{arm.parameters:,}", f"{arm.steps:,.0f}", *map(short, (arm.tokens, arm.positions, arm.flops)))
        row = (f"{arm.arm:16}{arm.budget:9}", *cells, _amount(arm.hours))
        yield "".join(cell.rjust(width) for cell, width in zip(row, (25, 14, 9, 9, 11, 9, 11), strict=True))
    if speed.mfu is None:
        yield f"hours of training on {speed.name}, for one seed"
    else:
        days = cost.training_hours / speed.count / 24
        yield (
            f"training in all ({seeds}, fine-tuning too): {_amount(cost.training_hours)} GPU-hours of {speed.name} at "
            f"{speed.mfu:.0%} of its peak, {days:.3g} days on {speed.count}"
        )
    if cost.core_hours or cost.encoding_gpu_hours:
        yield f"shards: about {cost.core_hours:,.0f} core-hours and {cost.encoding_gpu_hours:,.0f} GPU-hours"
    yield (
        f"speech: {_amount(cost.audio_hours)} h · shards: {_amount(cost.shards_gigabytes)} GB · checkpoints: "
        f"{_amount(cost.checkpoints_gigabytes)} GB"
    )
    for name, on in cost.hours_on.items():
        yield f"all steps on {name}: about {duration(3600 * on)}"


def duration(seconds: float) -> str:
    """As people say it."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"


def _arm_cost(recipe: Recipe, arm: str, budget: str, speed: Speed) -> ArmCost:
    work, steps = step_work(recipe, arm), steps_of(recipe, arm, budget)
    flops = steps * step_flops(recipe, arm)
    return ArmCost(
        arm=arm,
        budget=budget,
        parameters=count_parameters(_model(recipe, arm)),
        steps=steps,
        tokens=steps * work.tokens,
        positions=steps * work.positions,
        flops=flops,
        hours=flops / speed.flops / 3600,
    )


def _config(recipe: Recipe, arm: str) -> TrainConfig:
    return resolve(override(recipe.train, ARMS[arm].sets))


def _model(recipe: Recipe, arm: str) -> ModelConfig:
    build = recipe.build
    ids = IDS if recipe.corpus.demo is None else build.tokenizer.vocab_size + (build.units.clusters or 500) + 6
    return model_of(_config(recipe, arm), ids)


def _items(recipe: Recipe) -> float:
    """Of a set, on average."""
    demo = recipe.corpus.demo
    if demo is None:
        return recipe.evaluate.limit or 1000.0
    found = (demo.items + demo.topic_items) / max(1, len(recipe.sets))
    return min(recipe.evaluate.limit or found, found)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
