"""The folder of a reproduction: its recipe, which steps are done, and what a changed recipe contradicts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lstdata.config import differences, from_dict, to_dict
from lstdata.errors import ConfigError
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step, fingerprints
from lstdata.storage import commit_json, read_json

if TYPE_CHECKING:
    from lstdata.storage import AnyPath

FORMAT: Final = 1
RECIPE: Final = "recipe.json"
DONE: Final = "done"
LOGS: Final = "logs"


@dataclass(frozen=True, slots=True)
class Done:
    """What is on record of a step that is done."""

    argv: tuple[str, ...]
    seconds: float
    fingerprint: str


def read_recipe(out: Path) -> Recipe | None:
    """Of a folder that was begun; None of an empty one, or none. ConfigError where it is something else's."""
    path = out / RECIPE
    if not path.is_file():
        if out.is_dir() and any(entry.name != ".lock" for entry in out.iterdir()):
            raise ConfigError(f"`{out}` must be empty or hold a reproduction, but has no {RECIPE}.")
        return None
    try:
        found = read_json(path)
        stated, config = found["format"], found["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"`{path}` cannot be read: {' '.join(str(error).split())}.") from error
    if stated != FORMAT:
        raise ConfigError(f"`{path}` has the format {stated!r}, but this version reads {FORMAT}.")
    return from_dict(Recipe, config)


def refuse_strangers(out: AnyPath) -> None:
    """ConfigError where the folder is something else's."""
    read_recipe(Path(str(out)))


def write_recipe(out: Path, recipe: Recipe, steps: Sequence[Step]) -> None:
    commit_json(
        out / RECIPE,
        {
            "format": FORMAT,
            "size": recipe.size,
            "about": recipe.about,
            "arms": list(recipe.arms),
            "seeds": list(range(recipe.seeds)),
            "config": to_dict(recipe),
            "steps": [{"name": step.name, "title": step.title, "argv": list(step.argv)} for step in steps],
        },
    )


def read_done(out: Path, steps: Sequence[Step]) -> dict[str, Done]:
    """By name, of those steps that are done and whose product is still there."""
    found = {}
    for step in steps:
        path = out / DONE / f"{step.name}.json"
        if path.is_file() and placed(step.makes, out).exists():
            try:
                mark = json.loads(path.read_bytes())
                found[step.name] = Done(tuple(mark["argv"]), float(mark["seconds"]), str(mark["fingerprint"]))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(f"`{path}` cannot be read: remove it to have the step run again.") from error
    return found


def mark_done(out: Path, step: Step, seconds: float, fingerprint: str) -> None:
    mark = {"argv": list(step.argv), "seconds": round(seconds, 3), "fingerprint": fingerprint}
    commit_json(out / DONE / f"{step.name}.json", mark)


def check_unchanged(out: Path, old: Recipe, new: Recipe, steps: Sequence[Step], done: Mapping[str, Done]) -> None:
    """ConfigError with all differences where a step that is done would now be another one.

    What comes after may change: more arms, more seeds, another evaluation.
    """
    marks = fingerprints(list(steps))
    stale = [step for step in steps if step.name in done and done[step.name].fingerprint != marks[step.name]]
    if stale:
        changed = differences(_compared(old), _compared(new)) or ["the commands of this version of lstdata"]
        names = ", ".join(step.name for step in stale[:5]) + (" …" if len(stale) > 5 else "")
        raise ConfigError(
            f"`{out}` holds a reproduction by another recipe, and {names} would not be what is there; give another "
            f"folder, or no options to go on by {out / RECIPE}, or undo:",
            *changed,
        )


def placed(word: str, out: Path) -> Path:
    """A path below the folder, of one that begins with `$OUT/`."""
    return out / word.removeprefix("$OUT/")


def _compared(recipe: Recipe) -> dict[str, Any]:
    return {key: value for key, value in to_dict(recipe).items() if key not in ("about", "search", "changed", "cost")}
