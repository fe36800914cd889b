"""Which recipe is meant: one of this project, a file, or what a folder was begun with, changed as asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstdata.config import differences, load, override, to_dict
from lstdata.errors import ConfigError
from lstdata.reproduce.arms import ARMS, unknown
from lstdata.reproduce.corpus import PlaceConfig
from lstdata.reproduce.folder import read_recipe
from lstdata.reproduce.pipelines import find_recipe
from lstdata.reproduce.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    size: str | None = None
    path: str | None = None
    arms: tuple[str, ...] = ()
    seeds: int | None = None
    places: tuple[str, ...] = ()
    """`NAME=PATH`."""
    sets: tuple[str, ...] = ()


def choose(out: Path, asked: Asked) -> Recipe:
    """The recipe of a size or a file; without these, that of `out`. ConfigError with all mistakes of one kind."""
    if asked.size is not None and asked.path is not None:
        raise ConfigError("`--size` and `--recipe` must not be given together.")
    if asked.size is None and asked.path is None:
        begun = read_recipe(out)
        if begun is None:
            raise ConfigError(f"`{out}` holds no reproduction to go on with: say which by `--size` or `--recipe`.")
        written, recipe = begun, override(begun, asked.sets)
    else:
        path = asked.path or find_recipe(asked.size or "")
        written, recipe = load(Recipe, path), load(Recipe, path, asked.sets)
    wrong = list(unknown("--arms", asked.arms))
    if asked.seeds is not None and asked.seeds < 1:
        wrong.append(f"`--seeds` must be ≥ 1, but is {asked.seeds}.")
    wrong += _wrong_places(recipe, asked.places)
    if wrong:
        raise ConfigError(*wrong)
    chosen = dataclasses.replace(
        recipe,
        arms=tuple(name for name in ARMS if name in (asked.arms or recipe.arms)),
        seeds=asked.seeds or recipe.seeds,
        corpus=dataclasses.replace(recipe.corpus, places=_placed(recipe, asked.places)),
    )
    changed = [*written.changed, *differences(_shown(written), _shown(chosen))]
    return dataclasses.replace(chosen, changed=tuple(dict.fromkeys(changed)))


def _shown(recipe: Recipe) -> dict[str, Any]:
    """All of it but the user's paths and words."""
    told = to_dict(recipe)
    told["corpus"].pop("places")
    return {key: value for key, value in told.items() if key not in ("about", "search", "changed")}


def _wrong_places(recipe: Recipe, given: tuple[str, ...]) -> Iterator[str]:
    known = [place.name for place in recipe.corpus.places]
    for item in given:
        name, equals, path = item.partition("=")
        if not equals or not path:
            yield f"`--place` must have the form NAME=PATH, but is {item!r}."
        elif name not in known:
            yield f"`--place` must name one of {', '.join(known) or 'no place'} of this recipe, but names {name!r}."


def _placed(recipe: Recipe, given: tuple[str, ...]) -> tuple[PlaceConfig, ...]:
    paths = dict(item.split("=", 1) for item in given)
    return tuple(dataclasses.replace(place, path=paths.get(place.name, place.path)) for place in recipe.corpus.places)
