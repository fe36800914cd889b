"""Running a recipe's steps, each a process of its own: any of them may be killed, and goes on when it is run again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstdata.errors import ConfigError, LstDataError
from lstdata.reproduce.cost import duration, step_seconds
from lstdata.reproduce.folder import check_unchanged, mark_done, read_done, read_recipe, write_recipe
from lstdata.reproduce.pipelines import PLACE, recipes_folder
from lstdata.reproduce.processes import Children, Ended
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step, fingerprints
from lstdata.reproduce.steps import list_steps

Say = Callable[[str], object]


class StepFailed(LstDataError):
    """A step ended with an error; names it, its log and its last words."""


@dataclass(frozen=True, slots=True)
class How:
    """How steps are carried out; nothing of it changes what they make."""

    jobs: int = 1
    """Steps at once, of those that do not need each other."""
    processes: int = 1
    """Of each training."""

    def mistakes(self) -> list[str]:
        return [
            f"`--{name}` must be ≥ 1, but is {value}."
            for name, value in (("jobs", self.jobs), ("processes", self.processes))
            if value < 1
        ]


def reproduce(out: Path, recipe: Recipe, how: How, say: Say) -> dict[str, Any]:
    """Run what is not done yet of a recipe's steps in `out`, whose lock the caller holds; say how far it is.

    Raises ConfigError for a recipe that contradicts what is done and for places that are missing, all of them at once;
    StepFailed where a step ends with an error; KeyboardInterrupt. Whatever it raises, no step goes on.
    """
    steps = list_steps(recipe)
    done = read_done(out, steps)
    old = read_recipe(out)
    if old is not None:
        check_unchanged(out, old, recipe, steps, done)
    own = {"OUT": str(out.absolute()), "PROCESSES": str(how.processes), PLACE: str(recipes_folder())}
    names = {**find_places(recipe), **own}
    write_recipe(out, recipe, steps)
    taken = {name: mark.seconds for name, mark in done.items()}
    if done:
        say(f"{len(done)} of {len(steps)} steps are done")
    with Children(out, names, how.jobs) as children:
        _run(out, recipe, steps, children, taken, how.jobs, say)
    return {"out": str(out), "steps": len(steps), "seconds": round(sum(taken.values()), 1)}


def _run(
    out: Path, recipe: Recipe, steps: Sequence[Step], children: Children, taken: dict[str, float], jobs: int, say: Say
) -> None:
    """Start what is ready while there is room, and note what has ended, in `taken` too."""
    marks = fingerprints(list(steps))
    expected = {step.name: step_seconds(recipe, step, m) for m in recipe.cost.machines[:1] for step in steps}
    numbers = {step.name: f"{number}/{len(steps)}" for number, step in enumerate(steps, 1)}
    chain = chains(steps, expected)
    began: dict[str, float] = {}
    while len(taken) < len(steps):
        startable = ready(steps, taken, began)
        if jobs > 1:
            startable.sort(key=lambda step: -chain[step.name])
        for step in startable[: jobs - len(children)]:
            left = f"about {duration(remaining(expected, taken) / jobs)} left" if expected else ""
            say(f"{numbers[step.name]} {step.title} … {left}".rstrip())
            began[step.name] = time.monotonic()
            children.start(step)
        ended = children.wait()
        step, seconds = ended.step, time.monotonic() - began[ended.step.name]
        if ended.code:
            raise StepFailed(_failure(ended), f"its log is `{ended.log}`; run the same command again to go on there.")
        mark_done(out, step, seconds, marks[step.name])
        taken[step.name] = seconds
        say(f"{numbers[step.name]} {step.title}: {duration(seconds)}")


def ready(steps: Sequence[Step], done: Mapping[str, float], begun: Mapping[str, float]) -> list[Step]:
    """Steps that are neither done nor begun, and of which all is done that they need."""
    return [
        step
        for step in steps
        if step.name not in done and step.name not in begun and all(name in done for name in step.needs)
    ]


def chains(steps: Sequence[Step], expected: Mapping[str, float]) -> dict[str, float]:
    """Seconds that a step and the longest chain of those that wait for it are expected to take, one after another.

    Whoever runs several steps at once starts the longest first. `steps` come after those that they need; where nothing
    is expected of a step it counts as one.
    """
    waiting: dict[str, float] = {}
    found = {}
    for step in reversed(steps):
        found[step.name] = expected.get(step.name, 1.0) + waiting.get(step.name, 0.0)
        for name in step.needs:
            waiting[name] = max(waiting.get(name, 0.0), found[step.name])
    return found


def remaining(expected: Mapping[str, float], taken: Mapping[str, float]) -> float:
    """Seconds, by what is expected of the steps that are left and by how wrong that was of those that are done."""
    known = [name for name in taken if name in expected]
    foreseen = sum(expected[name] for name in known)
    pace = sum(taken[name] for name in known) / foreseen if foreseen else 1.0
    return pace * sum(seconds for name, seconds in expected.items() if name not in taken)


def find_places(recipe: Recipe) -> dict[str, str]:
    """Paths by name, from the recipe or the environment; ConfigError with all that are missing."""
    found = {place.name: place.path or os.environ.get(place.name) for place in recipe.corpus.places}
    missing = [place for place in recipe.corpus.places if not found[place.name]]
    if missing:
        raise ConfigError(*(f"`--place {place.name}=PATH` is missing: {place.what}." for place in missing))
    return {name: path for name, path in found.items() if path}


def _failure(ended: Ended) -> str:
    how = f"was ended by signal {-ended.code}" if ended.code < 0 else f"failed with exit code {ended.code}"
    return f"the step {ended.step.name} {how}: {ended.last_words()}"
