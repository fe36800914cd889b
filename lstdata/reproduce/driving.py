"""Running a recipe's steps one after another, each a process of its own: any of them may be killed and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

from lstdata.errors import ConfigError, LstDataError
from lstdata.reproduce.cost import duration, step_seconds
from lstdata.reproduce.folder import LOGS, check_unchanged, mark_done, read_done, read_recipe, write_recipe
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step, fingerprints
from lstdata.reproduce.steps import list_steps
from lstdata.terminal import visible

Say = Callable[[str], object]

PATIENCE: Final = 60.0
"""Seconds that a step has to end after it was asked to."""


class StepFailed(LstDataError):
    """A step ended with an error; names it, its log and its last words."""


def reproduce(out: Path, recipe: Recipe, say: Say) -> dict[str, Any]:
    """Run what is not done yet of a recipe's steps in `out`, whose lock the caller holds; say how far it is.

    Raises ConfigError for a recipe that contradicts what is done and for places that are missing, all of them at once;
    StepFailed where a step ends with an error; KeyboardInterrupt once the running step has ended.
    """
    steps = list_steps(recipe)
    done = read_done(out, steps)
    old = read_recipe(out)
    if old is not None:
        check_unchanged(out, old, recipe, steps, done)
    places = find_places(recipe)
    write_recipe(out, recipe, steps)
    marks, expected = fingerprints(steps), {step.name: step_seconds(recipe, step) for step in steps}
    taken = {name: mark.seconds for name, mark in done.items()}
    if done:
        say(f"{len(done)} of {len(steps)} steps are done")
    for number, step in enumerate(steps, 1):
        if step.name in taken:
            continue
        left = remaining(expected, taken)
        say(f"{number}/{len(steps)} {step.title} … about {duration(left)} left")
        began = time.monotonic()
        run_step(step, out, places)
        seconds = time.monotonic() - began
        mark_done(out, step, seconds, marks[step.name])
        taken[step.name] = seconds
        say(f"{number}/{len(steps)} {step.title}: {duration(seconds)}")
    return {"out": str(out), "steps": len(steps), "seconds": round(sum(taken.values()), 1)}


def remaining(expected: Mapping[str, float], taken: Mapping[str, float]) -> float:
    """Seconds, by what is expected of the steps that are left and by how wrong that was of those that are done."""
    foreseen = sum(expected[name] for name in taken)
    pace = sum(taken.values()) / foreseen if foreseen else 1.0
    return pace * sum(seconds for name, seconds in expected.items() if name not in taken)


def find_places(recipe: Recipe) -> dict[str, str]:
    """Paths by name, from the recipe or the environment; ConfigError with all that are missing."""
    found = {place.name: place.path or os.environ.get(place.name) for place in recipe.corpus.places}
    missing = [place for place in recipe.corpus.places if not found[place.name]]
    if missing:
        raise ConfigError(
            *(f"`--place {place.name}=PATH` is missing: {place.what}" for place in missing),
            "With `--dry-run` nothing is needed.",
        )
    return {name: path for name, path in found.items() if path}


def words(step: Step, out: Path, places: Mapping[str, str]) -> list[str]:
    """A step's command with the paths for which `$OUT` and places stand."""
    return [Template(word).substitute(places, OUT=str(out)) for word in step.argv]


def run_step(step: Step, out: Path, places: Mapping[str, str]) -> None:
    """One command, in a group of its own, so that Ctrl-C reaches it through this process alone."""
    log = out / LOGS / f"{step.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "lstdata.reproduce.leash", *words(step, out, places)]
    with open(log, "ab") as output:
        output.write(f"$ lstdata {' '.join(command[3:])}\n".encode())
        output.flush()
        begun = output.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )
        try:
            code = child.wait()
        except BaseException:
            _end(child)
            raise
    if code:
        last = _last_words(log, begun)
        raise StepFailed(f"the step {step.name} ended with exit code {code}: {last}", f"its log is `{log}`.")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end as a terminal would; a second Ctrl-C, or patience at its end, kills it."""
    try:
        child.send_signal(signal.SIGINT)
        child.wait(PATIENCE)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _last_words(log: Path, begun: int) -> str:
    """Its line of error, or else its last line."""
    with open(log, "rb") as file:
        file.seek(begun)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return visible((errors or lines or ["it said nothing"])[-1])
