"""The steps of one seed: every arm's training, under one budget or two, and what it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

from lstdata.reproduce.arms import ARMS
from lstdata.reproduce.data_steps import shards_of
from lstdata.reproduce.options import of_seed, sets
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Kind, Step, set_words, step
from lstdata.train.config import required, resolve
from lstdata.train.learning_rate import decay_begins

Budget = Literal["compute", "data"]


def model_steps(recipe: Recipe, seed: int) -> Iterator[Step]:
    """The arm whose tokens others are to read comes first; then each arm's training and what it is asked."""
    data = recipe.data_controlled
    for arm in sorted(recipe.arms, key=lambda name: (bool(data.arms) and name != data.like, list(ARMS).index(name))):
        if arm not in data.arms:
            yield _training(recipe, "compute", arm, seed, shards_of(recipe, arm))
            yield _evaluation(recipe, "compute", arm, seed)
            continue
        yield from _two_budgets(recipe, arm, seed)
        yield _evaluation(recipe, "compute", arm, seed)
        yield _evaluation(recipe, "data", arm, seed)


def _two_budgets(recipe: Recipe, arm: str, seed: int) -> Iterator[Step]:
    """Where the learning rate stays constant for long, both budgets of a baseline share that part of one run."""
    needs = shards_of(recipe, arm)
    whole = _training(recipe, "compute", arm, seed, needs)
    like = f"train-compute-{recipe.data_controlled.like}-{seed}"
    forked = fork_step(recipe)
    if not forked:
        yield whole
        yield _training(recipe, "data", arm, seed, [*needs, like])
        return
    trunk = f"train-trunk-{arm}-{seed}"
    yield dataclasses.replace(
        whole,
        name=trunk,
        title=f"{whole.title}, to step {forked}",
        argv=(*whole.argv, "--set", f"stop_at={forked}"),
        makes=f"$OUT/runs/compute/{arm}-{seed}/train.json",
        amount=forked,
    )
    other = _training(recipe, "data", arm, seed, [trunk, like], fork=f"$OUT/runs/compute/{arm}-{seed}")
    yield dataclasses.replace(other, amount=other.amount - forked)
    yield dataclasses.replace(whole, needs=(other.name,), amount=whole.amount - forked)


def fork_step(recipe: Recipe) -> int:
    """The step until which a baseline's learning rate is that of a longer run too; 0: it is worth no fork."""
    train = resolve(recipe.train)
    return decay_begins(train.optimizer, required(train.steps)) if train.optimizer.schedule != "cosine" else 0


def _training(recipe: Recipe, budget: Budget, arm: str, seed: int, needs: list[str], fork: str | None = None) -> Step:
    run = f"$OUT/runs/{budget}/{arm}-{seed}"
    train, title = recipe.train, f"train {arm}, seed {seed}"
    argv = ["train", "--out", run, "--processes", "$PROCESSES"]
    argv += [] if fork is None else ["--fork", fork]
    if budget == "data":
        like = recipe.data_controlled.like
        argv += ["--tokens-of", f"$OUT/runs/compute/{like}-{seed}"]
        train, title = dataclasses.replace(train, steps=None), f"{title}, as many raw tokens as {like}"
    argv += ["--data", "$OUT/speech=1", "--data", f"$OUT/text={recipe.text_share:g}"]
    argv += set_words([*sets(train), *ARMS[arm].sets, *of_seed(seed)])
    kind: Kind = "train" if budget == "compute" else "train-data"
    steps = required(resolve(recipe.train).steps)
    return step(f"train-{budget}-{arm}-{seed}", title, argv, f"{run}/metrics/summary.json", kind, needs, steps, arm)


def _evaluation(recipe: Recipe, budget: Budget, arm: str, seed: int) -> Step:
    run, how = f"$OUT/runs/{budget}/{arm}-{seed}", recipe.evaluate
    asked = [one.name for one in recipe.sets if one.texts or not ARMS[arm].given_boundaries]
    argv = ["evaluate", run, *(f"$OUT/sets/{name}" for name in asked), "--modes", how.modes]
    argv += ["--data", "$OUT/speech", "--interleave", how.interleave] if how.interleave else []
    argv += [] if how.limit is None else ["--limit", str(how.limit)]
    needs = [f"train-{budget}-{arm}-{seed}", *(f"build-set-{name}" for name in asked)]
    title = f"evaluate {arm}, seed {seed}" + (", data-controlled" if budget == "data" else "")
    amount = len(asked) * len(how.modes.split(","))
    last = "speech-validation" if how.interleave else asked[-1]
    made = f"{run}/evaluation/{last}.json"
    return step(f"evaluate-{budget}-{arm}-{seed}", title, argv, made, "evaluate", needs, amount, arm)
