"""The steps of fine-tuning for recognition and synthesis, stopped and evaluated every so many steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

from lstdata.reproduce.arms import ARMS
from lstdata.reproduce.data_steps import VOCODER
from lstdata.reproduce.options import of_seed, sets
from lstdata.reproduce.recipe import Recipe, SynthesisConfig, TuneConfig
from lstdata.reproduce.step import Step, set_words, step
from lstdata.train.config import TrainConfig

Task = Literal["asr", "tts"]


def tuning_steps(recipe: Recipe, task: Task, tune: TuneConfig) -> Iterator[Step]:
    for seed in range(min(tune.seeds, recipe.seeds)):
        for arm in tune.arms:
            yield from _tuning(recipe, task, tune, arm, seed)


def _tuning(recipe: Recipe, task: Task, tune: TuneConfig, arm: str, seed: int) -> Iterator[Step]:
    """Fine-tuning, stopped and evaluated every so many steps."""
    run, trained = f"$OUT/{task}/{arm}-{seed}", f"train-compute-{arm}-{seed}"
    options = [
        *sets(_tuned(recipe.train, task, tune)),
        *(ARMS[arm].tuned or ARMS[arm].sets),
        *of_seed(seed),
    ]
    argv = ["train", "--out", run, "--processes", "$PROCESSES"]
    argv += ["--init-from", f"$OUT/runs/compute/{arm}-{seed}", "--data", tune.data]
    argv += set_words(options)
    before, done = [trained], 0
    for end in evaluated_steps(tune.steps, tune.every):
        name, title = f"{task}-{arm}-{seed}-{end}", f"{task.upper()} of {arm}, seed {seed}, to step {end}"
        stop = [] if end == tune.steps else ["--set", f"stop_at={end}"]
        made = f"{run}/metrics/summary.json" if end == tune.steps else f"{run}/train.json"
        yield step(f"tune-{name}", title, [*argv, *stop], made, "tune", before, end - done, arm)
        before = [f"tune-{name}"]
        for split in tune.splits:
            yield _asked(recipe, task, tune, arm, seed, end, split)
            before.append(f"evaluate-{name}-{split}")
        done = end


def _asked(recipe: Recipe, task: Task, tune: TuneConfig, arm: str, seed: int, end: int, split: str) -> Step:
    """Recognition or synthesis of a split, by the model at the step `end`."""
    run, name = f"$OUT/{task}/{arm}-{seed}", f"{task}-{arm}-{seed}-{end}"
    out, needs = f"{run}/evaluation/step-{end}", [f"tune-{name}"]
    argv = ["evaluate", run, "--data", tune.data, "--split", split, "--tasks", task, "--out", out]
    argv += [] if tune.utterances is None else ["--limit", str(tune.utterances)]
    if isinstance(tune, SynthesisConfig):
        argv += ["--keep", str(tune.keep)]
        argv += [] if tune.vocoder is None else ["--vocoder", tune.vocoder]
        needs += ["fit-vocoder"] if tune.vocoder == VOCODER else []
        if tune.recogniser is not None:
            argv += ["--recogniser", f"$OUT/asr/{tune.recogniser}-0"]
            needs.append(f"tune-asr-{tune.recogniser}-0-{recipe.asr.steps}")
    made = f"{out}/{tune.data.rsplit('/', 1)[-1]}-{split}-{task}.json"
    title = f"evaluate {task.upper()} of {arm}, seed {seed}, at step {end}: {split}"
    return step(f"evaluate-{name}-{split}", title, argv, made, "ask", needs, float(tune.utterances or 0), arm)


def _tuned(train: TrainConfig, task: Task, tune: TuneConfig) -> TrainConfig:
    optimizer = train.optimizer
    return dataclasses.replace(
        train,
        steps=tune.steps,
        optimizer=dataclasses.replace(optimizer, warmup=tune.warmup, lr=tune.lr or optimizer.lr),
        interleave=dataclasses.replace(train.interleave, strategy=task),
        validate_tasks=(),
    )


def evaluated_steps(steps: int, every: int) -> list[int]:
    """The steps of fine-tuning after which it is evaluated; the last is one."""
    return [*range(every, steps, every), steps] if every else [steps]
