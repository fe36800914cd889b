"""Every pipeline of training loads, and the commands that it quotes parse; its dry run is run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docs.recipes import FINE_TUNINGS, TRAININGS
from lstdata.cli.verbs import cli
from lstdata.config import load
from lstdata.train.config import OptimizerConfig, TrainConfig, required, resolve
from lstdata.train.presets import PRESETS
from tests.build.test_text import build_text

ROOT = Path(__file__).resolve().parents[2]


def quoted(name: str) -> list[list[str]]:
    about = load(TrainConfig, str(ROOT / "pipelines" / f"{name}.yaml")).about
    return [shlex.split(line)[1:] for line in about.splitlines() if line.startswith("  lstdata ")]


@pytest.fixture(scope="module")
def work(built: Path, documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder as the pipelines take it for granted."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "speech").symlink_to(built)
    (folder / "pipelines").symlink_to(ROOT / "pipelines")
    build_text(documents, folder / "text", f"tokenizer.path={built}")
    return folder


@pytest.mark.parametrize("name", TRAININGS)
def test_the_optimiser_is_the_paper_s(name: str) -> None:
    config = resolve(load(TrainConfig, str(ROOT / "pipelines" / f"{name}.yaml")))
    assert config.optimizer == OptimizerConfig(lr=4e-4, warmup=2000, weight_decay=0.1)
    assert (config.steps, config.rows.per_step, config.rows.positions) == (200_000, 128, 4096)


@pytest.mark.parametrize("name", FINE_TUNINGS)
def test_fine_tuning_takes_the_paper_s_steps_and_is_warm_before_its_end(name: str) -> None:
    for preset in PRESETS:
        config = resolve(load(TrainConfig, str(ROOT / "pipelines" / f"{name}.yaml"), [f"preset={preset}"]))
        assert (config.steps, config.interleave.strategy, config.optimizer.lr) == (1000, name, 1e-4)
        assert required(config.optimizer.warmup) < 1000


@pytest.mark.parametrize("name", [*TRAININGS, *FINE_TUNINGS])
def test_the_commands_of_a_training_parse(name: str) -> None:
    for verb, *rest in quoted(name):
        context = click.Context(cli.commands[verb])
        values, left, _ = cli.commands[verb].make_parser(context).parse_args(list(rest))
        assert not left
        if verb == "train":
            assert values["config_path"] == f"pipelines/{name}.yaml"
            load(TrainConfig, str(ROOT / values["config_path"]), list(values.get("sets") or ()))


@pytest.mark.parametrize("name", TRAININGS)
def test_a_dry_run_reads_one_third_of_speech(name: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    (command,) = [command for command in quoted(name) if "--dry-run" in command]
    done = CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert [source["share"] for source in said["sources"]] == pytest.approx([1 / 3, 2 / 3])
    assert said["preset"] == name.removeprefix("train-").removeprefix("baseline-")
    assert (said["baseline"] is None) == name.startswith("train-baseline")
    assert said["machine"] == {"gpus": 8, "gpu": "H100", "mfu": 0.4}
