"""The recipes of this project: each is a script that a shell runs, of commands that there are; what they cost."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docs.recipes import REPRODUCTIONS
from lstdata.cli.verbs import cli
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.reproduce import pipelines
from lstdata.reproduce.asking import Asked, choose
from lstdata.reproduce.cost import estimate, gpus, positions_per_token
from lstdata.reproduce.folder import write_recipe
from lstdata.reproduce.pipelines import find_recipe
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.script import shell_script
from lstdata.reproduce.steps import list_steps
from lstdata.train.config import TrainConfig, resolve

ROOT = Path(__file__).resolve().parents[2]


def recipe(size: str, *sets: str) -> Recipe:
    return load(Recipe, str(ROOT / "pipelines" / f"reproduce-{size}.yaml"), sets)


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_the_script_of_a_recipe_runs_commands_that_there_are(name: str, tmp_path: Path) -> None:
    """As a shell reads it, with a program in place of lstdata that writes down how it was called."""
    chosen = recipe(name.removeprefix("reproduce-"))
    steps = list_steps(chosen)
    (tmp_path / "lstdata").write_text('#!/usr/bin/env bash\nprintf "%q " "$@" >> "$CALLS"; echo >> "$CALLS"\n')
    (tmp_path / "lstdata").chmod(0o755)
    places = {place.name: f"/corpora/{place.name} here" for place in chosen.corpus.places if place.path is None}
    environment = {**os.environ, **places, "LSTDATA": str(tmp_path / "lstdata"), "CALLS": str(tmp_path / "calls")}
    script = shell_script(chosen, steps, "/out of mine", ["an estimate"])
    subprocess.run(["bash", "-c", script], env=environment, check=True, capture_output=True)
    calls = [shlex.split(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert [call[0] for call in calls] == [*(step.argv[0] for step in steps), "reproduce-report"]
    for verb, *rest in calls:
        command = cli.commands[verb]
        if verb == "prepare":
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), rest.pop(0))
            assert found is not None
            command = found
        values, left, _ = command.make_parser(click.Context(command)).parse_args(rest)
        assert not left
        if verb == "train":
            load(TrainConfig, None, list(values["sets"]))
        if verb == "build-shards" and "config_path" in values:
            load(BuildConfig, str(ROOT / values["config_path"]), list(values.get("sets") or ()))


def test_recipes_are_found_in_the_package_then_in_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recipe("tiny") == str(ROOT / "pipelines" / "reproduce-tiny.yaml")
    monkeypatch.setattr(pipelines, "_PACKAGE", tmp_path / "site" / "lstdata")
    with pytest.raises(ConfigError, match=r"`pipelines/reproduce-tiny\.yaml` came neither with the package nor"):
        find_recipe("tiny")
    for folder in (tmp_path / "site" / "pipelines", tmp_path / "site" / "lstdata" / "pipelines"):
        folder.mkdir(parents=True)
        (folder / "reproduce-tiny.yaml").touch()
        assert find_recipe("tiny") == str(folder / "reproduce-tiny.yaml")


@pytest.mark.parametrize("size", ["420m", "1b"])
def test_a_large_recipe_trains_as_the_paper_s_does(size: str) -> None:
    ours, theirs = recipe(size).train, load(TrainConfig, str(ROOT / "pipelines" / f"train-{size}.yaml"))
    ours, theirs = resolve(ours), resolve(theirs)
    assert (ours.preset, ours.model, ours.rows) == (theirs.preset, theirs.model, theirs.rows)
    assert (ours.optimizer, ours.steps, ours.dropout) == (theirs.optimizer, theirs.steps, theirs.dropout)


@pytest.mark.parametrize("size", ["420m", "1b"])
def test_a_script_names_the_place_that_is_missing(size: str) -> None:
    script = shell_script(recipe(size), list_steps(recipe(size)), "out", [])
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "QUANTIZER: mhubert_base_25hz" in done.stderr


def test_the_savings_and_sizes_are_the_paper_s() -> None:
    chosen = recipe("1b")
    assert 1 - positions_per_token(chosen, "static-4") == pytest.approx(0.195, abs=0.005)  # the paper: 19 to 20 %
    assert positions_per_token(chosen, "base") == 1
    cost = estimate(chosen, gpus(8, "H100", 0.4))
    by_arm = {(arm.arm, arm.budget): arm for arm in cost.arms}
    base, static = by_arm["base", "compute"], by_arm["static-4", "compute"]
    assert base.positions == static.positions == 200_000 * 128 * 4096
    assert base.parameters == pytest.approx(1.42e9, rel=0.01)
    assert static.parameters == pytest.approx(1.53e9, rel=0.01)
    assert by_arm["base", "data"].tokens == pytest.approx(static.tokens)
    # 6 FLOPs for each parameter but those of the embedding, and attention besides
    assert base.flops / base.tokens == pytest.approx(6 * (base.parameters - 32_506 * 2048), rel=0.05)
    assert base.hours == pytest.approx(base.flops / (0.4 * 989e12) / 3600)
    more = estimate(choose(Path("none"), Asked(size="1b", seeds=3)), gpus(8, "H100", 0.4))
    assert more.training_hours == pytest.approx(3 * cost.training_hours, rel=0.02)  # but for fine-tuning


def test_items_that_the_corpus_cannot_have_are_said_before_anything_runs(tmp_path: Path) -> None:
    for changed, said in (("topic_items=7", "must be even"), ("plots=[pet]", "need two plots")):
        command = ["reproduce", str(tmp_path / "out"), "--size", "tiny", "--dry-run", "--set", f"corpus.demo.{changed}"]
        with pytest.raises(ConfigError, match=said):
            CliRunner().invoke(cli, command, catch_exceptions=False)


def test_a_dry_run_is_a_script_or_an_object_and_writes_nothing(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    command = ["reproduce", out, "--size", "tiny", "--arms", "static-4,base", "--dry-run"]
    script = CliRunner().invoke(cli, command, catch_exceptions=False).stdout
    assert f"\nexport OUT={out}\n" in script
    assert "\nall steps on two CPU cores, one step at a time: about " in script.replace("# ", "")
    said = json.loads(CliRunner().invoke(cli, [*command, "--json", "--gpus", "2"], catch_exceptions=False).stdout)
    assert [step["name"] for step in said["steps"]][:2] == ["corpus", "build-speech"]
    assert [arm["arm"] for arm in said["cost"]["arms"]] == ["base", "static-4", "base"]
    assert said["cost"]["speed"] == {"name": "H100", "flops": 0.4 * 989e12, "count": 2, "mfu": 0.4}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "holds no reproduction to go on with: say which by `--size` or `--recipe`."),
        (["--size", "tiny", "--recipe", "mine.yaml"], "`--size` and `--recipe` must not be given together."),
        (["--size", "tiny", "--arms", "basis"], "`--arms` must be of base, unit-bpe"),
        (["--size", "tiny", "--seeds", "0"], "`--seeds` must be ≥ 1, but is 0."),
        (["--size", "tiny", "--place", "MLS=/mls"], "`--place` must name one of no place of this recipe"),
        (["--size", "1b", "--place", "/mls"], "`--place` must have the form NAME=PATH, but is '/mls'."),
        (["--size", "1b", "--dry-run", "--gpu", "Z80"], "`--gpu` must be one of A100"),
        (["--size", "1b"], "`--place QUANTIZER=PATH` is missing"),
    ],
)
def test_what_cannot_be_is_said(options: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["reproduce", str(tmp_path / "out"), *options])
    assert said in str(done.exception)
    assert not (tmp_path / "out" / "recipe.json").exists()


def test_what_the_command_line_changes_is_on_record_once_and_stays(tmp_path: Path) -> None:
    asked = Asked(size="tiny", arms=("base", "static-4"), sets=("train.steps=30",))
    recipe = choose(tmp_path, asked)
    written = choose(tmp_path, Asked(size="tiny"))
    assert written.changed == ()
    assert recipe.changed == (
        f"`arms` {json.dumps(list(written.arms))} → {json.dumps(['base', 'static-4'])}",
        f"`train.steps` {written.train.steps} → 30",
    )
    write_recipe(tmp_path, recipe, [])
    assert choose(tmp_path, Asked()).changed == recipe.changed
    assert choose(tmp_path, Asked(seeds=2)).changed == (*recipe.changed, f"`seeds` {written.seeds} → 2")
