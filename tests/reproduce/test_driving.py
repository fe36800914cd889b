"""Steps run when what they need is done; what fails, or is interrupted, leaves nothing that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from lstdata.config import from_dict, override
from lstdata.errors import ConfigError
from lstdata.reproduce import driving
from lstdata.reproduce.driving import How, StepFailed, chains, find_places, ready, remaining, reproduce
from lstdata.reproduce.folder import read_recipe
from lstdata.reproduce.processes import Children
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step, step
from lstdata.reproduce.steps import list_steps

RECIPE = from_dict(Recipe, {"corpus": {"demo": {}}, "sets": [{"name": "completion", "items": "$OUT/items.jsonl"}]})

PYTHON = (sys.executable, "-c")
"""A program whose only word is Python; what it makes is named after it."""


def python(name: str, code: str, *needs: str) -> Step:
    made = f"open(r'$OUT/{name}.made', 'w').close()"
    return step(name, f"do {name}", [f"{code}\n{made}"], f"$OUT/{name}.made", "own", needs)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run steps in place of a recipe's; the lines that were said."""

    def running(*steps: Step, jobs: int = 1, recipe: Recipe = RECIPE) -> list[str]:
        monkeypatch.setattr(driving, "list_steps", lambda _: list(steps))
        monkeypatch.setattr(driving, "Children", lambda out, names, jobs: Children(out, names, jobs, PYTHON))
        said: list[str] = []
        reproduce(tmp_path / "out", recipe, How(jobs=jobs), said.append)
        return said

    return running


def test_a_step_waits_for_what_it_needs() -> None:
    a, b, c = python("a", ""), python("b", "", "a"), python("c", "")
    assert ready([a, b, c], {}, {}) == [a, c]
    assert ready([a, b, c], {}, {"a": 0.0}) == [c]
    assert ready([a, b, c], {"a": 1.0}, {"a": 0.0}) == [b, c]


def test_what_most_waits_for_comes_first() -> None:
    def of(name: str, *needs: str) -> Step:
        return step(name, "a step", ["evaluate"], f"$OUT/{name}", "evaluate", list(needs))

    steps = [of("short"), of("first"), of("second", "first"), of("third", "second", "short"), of("alone")]
    assert chains(steps, {}) == {"short": 2, "first": 3, "second": 2, "third": 1, "alone": 1}
    expected = {"alone": 9.0, "third": 4.0}
    assert chains(steps, expected) == {"short": 5, "first": 6, "second": 5, "third": 4, "alone": 9}


def test_steps_are_listed_after_those_that_they_need() -> None:
    tuned = {"arms": ["base", "static-4"], "every": 500, "recogniser": "static-4", "vocoder": "$OUT/vocoder.npz"}
    asr = {key: tuned[key] for key in ("arms", "every")}
    steps = list_steps(override(RECIPE, [f"asr={json.dumps(asr)}", f"tts={json.dumps(tuned)}"]))
    names = [one.name for one in steps]
    assert len(steps) > 20 and all(names.index(name) < names.index(one.name) for one in steps for name in one.needs)


def test_the_time_left_follows_what_was_taken() -> None:
    expected = {"a": 10.0, "b": 20.0, "c": 30.0}
    assert remaining(expected, {}) == 60
    assert remaining(expected, {"a": 15.0}) == pytest.approx(75)
    assert remaining(expected, {"a": 5.0, "b": 10.0, "c": 1.0}) == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_done_is_not_done_again(run: Any, tmp_path: Path, jobs: int) -> None:
    steps = python("a", ""), python("b", "print('b')", "a"), python("c", "", "a")
    said = run(*steps, jobs=jobs)
    assert [line.split(":")[0] for line in said if "…" not in line and line[0] == "1"] == ["1/3 do a"]
    assert (tmp_path / "out" / "logs" / "b.log").read_text().endswith("b\n")
    assert run(*steps, jobs=jobs) == ["3 of 3 steps are done"]
    (tmp_path / "out" / "b.made").unlink()
    assert run(*steps, jobs=jobs)[0] == "2 of 3 steps are done"
    assert (tmp_path / "out" / "b.made").exists()


def test_a_step_that_fails_says_its_last_words_and_ends_the_others(run: Any, tmp_path: Path) -> None:
    sleeper = python("sleeper", "import time; open(r'$OUT/sleeping', 'w').close(); time.sleep(600)")
    wait = "import os, sys, time\nwhile not os.path.exists(r'$OUT/sleeping'): time.sleep(0.01)\n"
    broken = python("broken", wait + "print('error: `x` must be 1.'); print('bye'); sys.exit(1)")
    with pytest.raises(StepFailed) as failed:
        run(sleeper, broken, jobs=2)
    first, second = str(failed.value.args[0]), str(failed.value.args[1])
    assert first == "the step broken failed with exit code 1: `x` must be 1."
    assert str(failed.value) == f"{first}\n{second}"
    assert second.startswith(f"its log is `{tmp_path / 'out' / 'logs' / 'broken.log'}`")
    assert not any(str(tmp_path) in " ".join(p.cmdline()) for p in psutil.Process().children(recursive=True))
    assert "KeyboardInterrupt" in (tmp_path / "out" / "logs" / "sleeper.log").read_text()
    assert not (tmp_path / "out" / "done").exists()


def test_a_recipe_that_contradicts_what_is_done_is_refused(run: Any, tmp_path: Path) -> None:
    run(python("a", ""))
    other = override(RECIPE, ["build.units.clusters=300"])
    with pytest.raises(ConfigError) as refused:
        run(python("a", "pass"), recipe=other)
    assert "`build.units.clusters` null → 300" in refused.value.mistakes
    assert "and a would not be what is there" in refused.value.mistakes[0]
    run(python("a", ""), python("b", "", "a"), recipe=other)
    assert read_recipe(tmp_path / "out") == other


def test_a_folder_of_something_else_is_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(ConfigError, match=r"must be empty or hold a reproduction, but has no recipe\.json"):
        run(python("a", ""))


def test_places_that_are_missing_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [{"name": name, "what": f"the corpus {name}"} for name in ("ONE_OF_MINE", "TWO_OF_MINE", "THREE_OF_MINE")]
    recipe = from_dict(Recipe, {"corpus": {"demo": {}, "places": places}})
    monkeypatch.setenv("TWO_OF_MINE", "/two")
    with pytest.raises(ConfigError) as refused:
        find_places(recipe)
    assert refused.value.mistakes == (
        "`--place ONE_OF_MINE=PATH` is missing: the corpus ONE_OF_MINE.",
        "`--place THREE_OF_MINE=PATH` is missing: the corpus THREE_OF_MINE.",
    )


def test_a_step_ends_with_the_process_that_runs_it() -> None:
    code = (
        "import runpy, time, lstdata.cli\n"
        "lstdata.cli.main = lambda: (print('runs', flush=True), time.sleep(600))\n"
        "runpy.run_module('lstdata.reproduce.leash', run_name='__main__')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"runs\n"
    process.stdin.close()
    assert process.wait(timeout=60) == -15
    process.stdout.close()
