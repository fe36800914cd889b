"""A folder of `lstdata reproduce` read again: every figure comes from what its steps wrote, and nothing is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

from lstdata.errors import ConfigError
from lstdata.patching import BY_WORDS
from lstdata.reproduce.arms import ARMS
from lstdata.reproduce.folder import DONE, FORMAT, RECIPE
from lstdata.reproduce.spoken import Spoken, read_spoken
from lstdata.reproduce.trained import Training, read_training
from lstdata.reproduce.tuning_steps import evaluated_steps
from lstdata.storage import read_json

Budget = Literal["compute", "data"]
State = Literal["done", "not evaluated", "not finished", "not begun"]

BASE: Final = "base"
"""The arm that others are compared with."""

_MODES: Final = {"per_token", "raw", "mode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Perplexity:
    """Held-out samples read once, as `lstdata evaluate --data` says it; bits are those of a second of speech."""

    data: str
    interleave: str
    text: float | None
    units: float | None
    bits_per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An arm trained under one budget with one seed."""

    budget: Budget
    arm: str
    seed: int
    folder: str
    """In the folder of the reproduction."""
    state: State
    training: Training | None = None
    tables: Mapping[str, Path]
    """By evaluation set, the table of scores; none where it is not of the run's last step."""
    given_boundaries: bool = False
    """It was told word times of what it was asked or validated on."""
    perplexities: tuple[Perplexity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """All that has been found."""

    out: Path
    size: str
    about: str
    search: tuple[str, ...]
    changed: tuple[str, ...]
    """What was tuned and how often, as the recipe says."""
    commands: tuple[tuple[str, ...], ...]
    seconds: Mapping[str, float]
    """By step that is done."""
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    like: str
    """The arm as many raw tokens as of which the baseline reads under the second budget."""
    runs: tuple[Run, ...]
    """Those that the recipe asks for, done or not; an arm of patches has one for both budgets."""
    asr: tuple[Spoken, ...]
    tts: tuple[Spoken, ...]
    missing: tuple[str, ...]
    """What is asked for and not there, in words."""

    def of(self, budget: Budget, arm: str) -> tuple[Run, ...]:
        """Runs that are done, by seed; of an arm of patches the same ones under either budget."""
        done = [run for run in self.runs if run.arm == arm and run.state == "done"]
        mine = tuple(run for run in done if run.budget == budget)
        return mine or tuple(run for run in done if run.training is not None and run.training.patched)

    @property
    def has_second_budget(self) -> bool:
        """Whether a baseline of it is done."""
        return any(run.budget == "data" and run.state == "done" for run in self.runs)

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the evaluation sets of which there is anything."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.tables))


def read_reproduction(out: Path) -> Reproduction:
    """ConfigError where `out` is no such folder, or a file in it is not what it should be."""
    path = out / RECIPE
    if not path.is_file():
        raise ConfigError(f"`{out}` must be a folder of `lstdata reproduce`, but has no {RECIPE}.")
    with _naming(path):
        recipe = read_json(path)
        if recipe["format"] != FORMAT:
            raise ConfigError(f"`{path}` must have format {FORMAT}, but has {recipe['format']!r}.")
        config, arms, seeds = recipe["config"], tuple(recipe["arms"]), tuple(recipe["seeds"])
        runs = [_read_run(out, *one) for one in _asked(config, arms, seeds)]
        spoken = {task: list(_spoken(out, task, config, arms, seeds)) for task in ("asr", "tts")}
        return Reproduction(
            out=out,
            size=recipe["size"],
            about=recipe["about"].strip(),
            search=_lines(config.get("search", ())),
            changed=_lines(config.get("changed", ())),
            commands=tuple(tuple(step["argv"]) for step in recipe["steps"]),
            seconds=_seconds(out, [step["name"] for step in recipe["steps"]]),
            arms=arms,
            seeds=seeds,
            like=(config.get("data_controlled") or {}).get("like", ""),
            runs=tuple(runs),
            asr=tuple(one for _, found in spoken["asr"] for one in found),
            tts=tuple(one for _, found in spoken["tts"] for one in found),
            missing=(
                *(f"{run.folder}: {what}" for run in runs for what in _missing_of(run, config)),
                *(
                    f"{folder}: {what}"
                    for task, of_task in spoken.items()
                    for folder, found in of_task
                    for what in _unspoken(config.get(task) or {}, found)
                ),
            ),
        )


def _missing_of(run: Run, config: Mapping[str, Any]) -> Iterator[str]:
    """In words, of one training and of what the recipe asks it."""
    if run.state != "done":
        yield run.state
        return
    timed = run.arm in ARMS and ARMS[run.arm].given_boundaries
    for one in config.get("sets") or ():
        if one["name"] not in run.tables and (one.get("texts", True) or not timed):
            yield f"not asked about {one['name']}"
    if (config.get("evaluate") or {}).get("interleave") and not run.perplexities:
        yield "not asked about held-out speech"


def _unspoken(tune: Mapping[str, Any], found: Sequence[Spoken]) -> Iterator[str]:
    """In words, of one fine-tuning."""
    if not found:
        yield "not evaluated"
        return
    there = {(one.step, one.asked.rsplit(" ", 1)[-1]) for one in found}
    for step, split in product(evaluated_steps(tune.get("steps", 0), tune.get("every", 0)), tune.get("splits", ())):
        if (step, split) not in there:
            yield f"not evaluated at step {step} on {split}"


def _asked(config: Mapping[str, Any], arms: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[Budget, str, int]]:
    """Every training of the recipe."""
    for arm in arms:
        yield from (("compute", arm, seed) for seed in seeds)
    second = config.get("data_controlled") or {"arms": [BASE]}
    for arm in arms:
        if arm in second["arms"] and second.get("like", arm) in arms:
            yield from (("data", arm, seed) for seed in seeds)


def _read_run(out: Path, budget: Budget, arm: str, seed: int) -> Run:
    folder = f"runs/{budget}/{arm}-{seed}"
    with _naming(out / folder):
        training = read_training(out / folder)
    state: State = "not begun" if training is None else "not finished"
    if training is None or not training.finished:
        return Run(budget=budget, arm=arm, seed=seed, folder=folder, state=state, training=training, tables={})
    tables, perplexities, given = {}, [], training.strategy in BY_WORDS
    for path in sorted((out / folder / "evaluation").glob("*.json")):
        with _naming(path):
            found = read_json(path)
            if found["step"] != training.end.step:
                continue
            given = given or found.get("given_boundaries", False)
            if all(row.keys() >= _MODES for row in found["results"]) and path.with_suffix(".parquet").is_file():
                tables[path.stem] = path.with_suffix(".parquet")
            perplexities += [_perplexity(row) for row in found["results"] if "interleave" in row]
    return Run(
        budget=budget,
        arm=arm,
        seed=seed,
        folder=folder,
        state="done" if tables or perplexities else "not evaluated",
        training=training,
        tables=tables,
        given_boundaries=given,
        perplexities=tuple(perplexities),
    )


def _perplexity(row: Mapping[str, Any]) -> Perplexity:
    return Perplexity(
        data=Path(row["data"]).name,
        interleave=row["interleave"],
        text=row.get("perplexity_text"),
        units=row.get("perplexity_units"),
        bits_per_second=row.get("bits_per_second"),
    )


def _spoken(
    out: Path, task: str, config: Mapping[str, Any], arms: Sequence[str], seeds: Sequence[int]
) -> Iterator[tuple[str, list[Spoken]]]:
    """By folder, what was recognised or synthesised: of the arms that the recipe tunes, else of those there."""
    tune = config.get(task) or {}
    for arm in arms if "arms" not in tune else [arm for arm in tune["arms"] if arm in arms]:
        for seed in seeds[: tune.get("seeds", len(seeds))]:
            folder = f"{task}/{arm}-{seed}"
            if "arms" in tune or (out / folder).is_dir():
                with _naming(out / folder / "evaluation"):
                    yield folder, list(read_spoken(out / folder / "evaluation", task, arm, seed))


def _seconds(out: Path, names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name in names:
        path = out / DONE / f"{name}.json"
        if path.is_file():
            with _naming(path):
                found[name] = float(read_json(path)["seconds"])
    return found


def _lines(given: Any) -> tuple[str, ...]:
    lines = given.splitlines() if isinstance(given, str) else given
    return tuple(str(line).strip() for line in lines if str(line).strip())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors that a damaged file brings about become one line that names it."""
    try:
        yield
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        raise ConfigError(
            f"`{path}` cannot be read as what `lstdata` writes there: {type(error).__name__} {error}."
        ) from error
