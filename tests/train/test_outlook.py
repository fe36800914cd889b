"""A dry run says what training would take, and what it says is what training then publishes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.model.parameters import count_parameters
from lstdata.model.presets import model_config
from lstdata.train.config import TrainConfig
from lstdata.train.outlook import Machine, Outlook, dry_run, lines
from tests.build.test_text import build_text

H100 = Machine(gpus=2, gpu="H100", mfu=0.4)
SMALL = ("rows.per_step=4", "rows.positions=64", "rows.tokens=128", "steps=6")


@pytest.fixture(scope="module")
def text(built: Path, documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of text with the tokenizer of the run of speech."""
    out = tmp_path_factory.mktemp("text") / "text"
    build_text(documents, out, f"tokenizer.path={built}")
    return out


def outlook(built: Path, *sets: str, machine: Machine = H100) -> Outlook:
    return dry_run(load(TrainConfig, None, [f"data=[{{path: {built}}}]", *SMALL, *sets]), machine)


def test_what_is_foreseen_is_what_is_published(built: Path, tmp_path: Path) -> None:
    pytest.importorskip("fairseq2")
    from lstdata.train import train

    config = load(TrainConfig, None, [f"data=[{{path: {built}}}]", *SMALL])
    foreseen = dry_run(config, H100)
    assert list(tmp_path.iterdir()) == []
    train(config, None, tmp_path / "out", lambda line: None)  # type: ignore[arg-type]
    rows = [json.loads(line) for line in (tmp_path / "out" / "metrics" / "train.jsonl").read_text().splitlines()]
    means = {name: sum(row[name] for row in rows) / len(rows) for name in ("tokens", "positions", "flops")}
    assert foreseen.tokens == pytest.approx(means["tokens"], rel=0.1)
    assert foreseen.model.positions == pytest.approx(means["positions"], rel=0.1)
    assert foreseen.model.flops == pytest.approx(means["flops"], rel=0.1)
    source = foreseen.sources[0]
    assert source.epochs * source.tokens == pytest.approx(rows[-1]["total_tokens"], rel=0.1)


def test_the_baseline_has_the_same_tokens_and_more_positions(built: Path) -> None:
    lst, plain = outlook(built), outlook(built, "patching.strategy=none")
    assert lst.baseline is not None and plain.baseline is None
    assert lst.baseline.positions == pytest.approx(lst.tokens)
    assert lst.saved_positions == pytest.approx(1 - lst.model.positions / lst.tokens) and lst.saved_positions > 0.2
    assert plain.saved_positions == 0 and plain.model.architecture == "plain"
    assert lst.baseline.parameters == plain.model.parameters
    assert lst.baseline.flops / lst.tokens == pytest.approx(plain.model.flops / plain.tokens, rel=0.05)


def test_days_are_flops_by_what_the_gpus_are_taken_to_do(built: Path) -> None:
    found = outlook(built)
    assert found.model.days == pytest.approx(6 * found.model.flops / (2 * 0.4 * 989e12) / 86_400)
    assert outlook(built, machine=Machine(gpus=4, gpu="A100", mfu=0.2)).model.days > found.model.days


def test_shares_hold_in_tokens_whatever_the_rows(built: Path, text: Path) -> None:
    data = f"data=[{{path: {built}, share: 1}}, {{path: {text}, share: 2}}]"
    speech, written = outlook(built, data).sources
    assert (speech.share, written.share) == pytest.approx((1 / 3, 2 / 3))
    assert speech.row_share < 1 / 3


def test_mistakes_of_the_machine_and_of_the_data_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        outlook(tmp_path, machine=Machine(gpus=3, gpu="Z1", mfu=0.0))
    assert [mistake.split("`")[1] for mistake in error.value.mistakes] == ["--gpus", "--gpu", "--mfu", "data"]


def test_the_command_prints_it_and_writes_nothing(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["train", "--data", str(built), "--preset", "1b", "--dry-run", "--gpus", "8"]
    said = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert said.exit_code == 0
    lst, plain = (count_parameters(model_config("1b", 306, a)) for a in ("lst", "plain"))  # type: ignore[arg-type]
    first, second, *_, last = said.stdout.splitlines()
    assert first.startswith("1b, lst: ") and second.startswith("its baseline: ")
    assert last.startswith("time on 8 × H100 at 40% of 989 TFLOP/s: ")
    as_json: dict[str, Any] = json.loads(CliRunner().invoke(cli, [*command, "--json"]).stdout)
    assert as_json["steps"] == 200_000 and as_json["shards"] == 8
    assert sum(as_json["model"]["parameters"].values()) > sum(as_json["baseline"]["parameters"].values())
    assert abs(sum(as_json["model"]["parameters"].values()) / lst - 1) < 0.01 and plain < lst
    assert list(tmp_path.iterdir()) == []


def test_lines_have_no_figure_of_what_there_is_not(built: Path) -> None:
    said = "\n".join(lines(outlook(built, "patching.strategy=none")))
    assert "baseline" not in said and "of the rows" not in said and "None" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpus", "2"], "--gpus is for --dry-run"),
        ([], "Missing option '--out'"),
    ],
)
def test_options_of_one_mode_are_not_taken_in_the_other(built: Path, options: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["train", "--data", str(built), *options])
    assert done.exit_code == 2 and said in done.output
