from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.config import load
from lstdata.errors import ConfigError, CorruptShard, LstDataError, MissingExtra
from lstdata.loader.corpus import open_run
from lstdata.loader.unit_pieces import fit_run_pieces
from lstdata.storage import place, sha256_file
from lstdata.train import TrainConfig, checkpoint, train
from lstdata.train.checkpoint import steps
from lstdata.train.data import with_data
from lstdata.train.run import prepare

SMALL = ("rows.per_step=2", "rows.positions=64", "rows.tokens=128", "optimizer.warmup=2", "checkpoint_every=2")


def run(data: Path, out: Path, *sets: str) -> tuple[dict[str, Any], list[str]]:
    lines: list[str] = []
    summary = train(load(TrainConfig, None, [*SMALL, *sets]), data, out, lines.append)
    return summary, lines


def published(out: Path, name: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics" / f"{name}.jsonl").read_text().splitlines()]


def test_six_steps_equal_three_and_three_more(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One run in one go; another stopped at step 3, killed as if at step 5, then ended: equal losses, a line a step."""
    monkeypatch.setenv("SOME_TOKEN", "the-secret-of-this-test")
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    summary, lines = run(built, straight, "steps=6")
    run(built, parted, "steps=6", "stop_at=3")
    with open(parted / "metrics" / "train.jsonl", "a") as file:
        file.write('{"Step": 4, "loss": 0.0}\n{"Step": 5, "lo')
    again, _ = run(built, parted, "steps=6")
    assert [(row["Step"], row["loss"]) for row in published(parted)] == [
        (row["Step"], row["loss"]) for row in published(straight)
    ]
    assert [row["Step"] for row in published(straight)] == [1, 2, 3, 4, 5, 6]
    assert again == summary

    tokens = positions = flops = 0.0
    for row in published(straight):
        tokens, positions, flops = tokens + row["tokens"], positions + row["positions"], flops + row["flops"]
        assert (row["total_tokens"], row["total_positions"], row["total_flops"]) == (tokens, positions, flops)
        assert row["saved_positions"] == 1 - row["positions"] / row["tokens"] > 0
        assert row["seconds"] >= row["data_wait"] > 0 and row["tokens_per_second"] == row["tokens"] / row["seconds"]
        assert "mfu" not in row, "no peak is known of this machine"
    assert published(parted)[-1]["total_flops"] == flops

    for row in published(straight):
        losses = [key for key in row if "loss" in key.lower()]
        assert losses == ["loss", "loss_text", "loss_units"]
        assert row["loss"] < 2 * math.log(300)
    last = published(straight, "valid")[-1]
    assert {name: entry["loss"] for name, entry in summary["held_out"].items()} == {
        "text": last["loss_text"],
        "units": last["loss_units"],
    }
    assert json.loads((straight / "metrics" / "summary.json").read_text()) == summary
    assert all(e["bigram"] > 0 and e["unigram"] > 0 for e in summary["held_out"].values())
    assert "bigram" in lines[-1]

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    captured = capfd.readouterr()
    assert not any(b"the-secret-of-this-test" in path.read_bytes() for path in files)
    assert "the-secret-of-this-test" not in captured.out + captured.err

    with pytest.raises(ConfigError, match=r"`optimizer\.lr` 0\.01 → 0\.5"):
        run(built, parted, "steps=6", "optimizer.lr=0.5")


def test_a_run_without_a_validation_says_where_it_is(built: Path, tmp_path: Path) -> None:
    """It was interrupted before its first, and is asked to stop where it already was."""
    out = tmp_path / "out"
    run(built, out, "steps=6", "stop_at=2")
    (out / "metrics" / "valid.jsonl").unlink()
    summary, lines = run(built, out, "steps=6", "stop_at=1")
    assert summary == {"step": 2}
    assert lines[-1] == f"{out} is at step 2 of 6, and was not validated yet"


def test_the_baseline_trains_in_the_same_family(built: Path, tmp_path: Path) -> None:
    summary, _ = run(built, tmp_path / "out", "steps=2", "patching.strategy=none")
    assert math.isfinite(summary["loss"])


def test_the_baseline_of_pieces_trains_by_its_own_model(built: Path, tmp_path: Path) -> None:
    model, other, out = (tmp_path / name for name in ("units.model", "other.model", "out"))
    clusters = open_run(place(built)).vocab.units
    assert CliRunner().invoke(cli, ["fit-units-bpe", str(built), str(model), "--pieces", "400"]).exit_code == 0
    chosen = ("patching.strategy=unit-bpe", "steps=2")
    summary, _ = run(built, out, *chosen, f"patching.unit_bpe={model}")
    assert math.isfinite(summary["loss"]) and "bits_per_second" not in published(out)[-1]
    card = json.loads((out / "train.json").read_text())["vocab"]
    assert card["units"] == 400 > clusters and card["pieces_sha256"] == sha256_file(model)
    fit_run_pieces(place(built), place(other), 390, lambda done, of: None)
    with pytest.raises(ConfigError, match="`units` is 400 here, but 390 there"):
        run(built, out, *chosen, f"patching.unit_bpe={other}")


@pytest.mark.parametrize("strategy", ["aligned-merged", "mixed", "curriculum"])
def test_a_model_trains_with_patches_that_change(built: Path, tmp_path: Path, strategy: str) -> None:
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    summary, _ = run(built, straight, "steps=4", f"patching.strategy={strategy}")
    assert math.isfinite(summary["loss"])
    run(built, parted, "steps=4", "stop_at=2", f"patching.strategy={strategy}")
    assert run(built, parted, "steps=4", f"patching.strategy={strategy}")[0] == summary


def test_half_precision_trains(built: Path, tmp_path: Path) -> None:
    summary, _ = run(built, tmp_path / "out", "steps=2", "precision=bfloat16")
    assert math.isfinite(summary["loss"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
@pytest.mark.parametrize(("option", "rule"), [("attention=flex", "no gradient on a CPU"), ("compile=true", "dense")])
def test_what_a_cpu_cannot_do_is_said(built: Path, tmp_path: Path, option: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        run(built, tmp_path / "out", "steps=2", option)


def test_a_damaged_shard_ends_training_with_its_name(built: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(built, tmp_path / "data"))
    for path in (data / "shards").glob("train-*.tar"):
        path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(CorruptShard, match=r"train-.*\.tar"):
        run(data, tmp_path / "out", "steps=2")


def test_a_loss_that_is_no_number_ends_training_and_its_batch_is_kept(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sets = ("steps=4", "optimizer.lr=1e30", "optimizer.clip=1e30", "optimizer.warmup=0", "checkpoint_every=1")
    with pytest.raises(LstDataError, match=r"step 2 on rank 0 is nan: .*step_2_rank_0\.pt") as error:
        run(built, out, *sets)
    assert len(str(error.value).splitlines()) == 1
    saved = torch.load(out / "diverged" / "step_2_rank_0.pt", weights_only=True)
    (batch,) = saved["batches"]
    assert (saved["step"], saved["rank"], len(batch["tokens"])) == (2, 0, batch["num_tokens"])
    assert steps(out) == [1] and [row["Step"] for row in published(out)] == [1]


def test_a_gradient_that_is_no_number_ends_training_before_the_weights_take_it(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a loss that is one: the second step's gradient of the embedding is made infinite."""
    from lstdata.train.steps import TrainStep

    out, begin = tmp_path / "out", TrainStep.set_step_nr

    def spoil(self: TrainStep, step: int) -> None:
        begin(self, step)
        weight: Any = self._model.embedding.weight
        if step == 2:
            weight.register_hook(lambda gradient: gradient.index_fill(0, torch.tensor([0]), math.inf))

    monkeypatch.setattr(TrainStep, "set_step_nr", spoil)
    with pytest.raises(LstDataError, match="norm of the gradient of step 2 is inf: training has diverged"):
        run(built, out, "steps=4", "checkpoint_every=1", "rows.per_batch=1")
    saved = torch.load(out / "diverged" / "step_2_rank_0.pt", weights_only=True)
    assert len(saved["batches"]) == 2 and all(math.isfinite(batch["loss"]) for batch in saved["batches"])
    assert steps(out) == [1] and [row["Step"] for row in published(out)] == [1]


def test_a_checkpoint_that_the_disk_did_not_take_is_never_resumed_from(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, straight = tmp_path / "out", tmp_path / "straight"
    run(built, straight, "steps=6")
    write = checkpoint.write

    def full(path: Path, state: dict[str, Any]) -> None:
        if "step_4" in str(path) and "optimizer" in str(path):
            path.write_bytes(b"the beginning")
            raise LstDataError("no space left")
        write(path, state)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write", full)
        with pytest.raises(LstDataError, match="no space left"):
            run(built, out, "steps=6")
    assert steps(out) == [2]
    run(built, out, "steps=6")
    assert [(row["Step"], row["loss"]) for row in published(out)] == [
        (row["Step"], row["loss"]) for row in published(straight)
    ]
    assert {path.name for path in (out / "checkpoints").glob("step_*")} == {"step_4", "step_6"}


def test_all_mistakes_are_found_before_a_process_is_started(built: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    config = load(TrainConfig, None, [*SMALL, "rows.per_step=3", "rows.lanes=1000"])
    with pytest.raises(ConfigError) as error:
        train(config, place(built), place(tmp_path), processes=2)
    assert [mistake.split(",")[0] for mistake in error.value.mistakes] == [
        "`rows.per_step` must be a multiple of the 2 processes",
        "`lanes` must be ≤ the number of samples (11)",
        "`out` must be empty or a run of `lstdata train`",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_of_something_else_is_left_alone(built: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="must be empty or a run"):
        run(built, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_the_first_process_is_claiming_does_not_stop_the_others(built: Path, tmp_path: Path) -> None:
    """torchrun's processes prepare themselves at their own pace."""
    (tmp_path / "tokenizer.json").write_text("{}")
    chosen = with_data(load(TrainConfig, None, ["rows.per_step=2"]), str(built))
    assert prepare(chosen, UPath(tmp_path), 2, first=False).out == tmp_path
    with pytest.raises(ConfigError, match="must be empty or a run"):
        prepare(chosen, UPath(tmp_path), 2)


def test_data_that_is_no_run_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(ConfigError, match="must be a finished run folder"):
        run(tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_fairseq2_the_extra_is_named(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fairseq2", None)
    with pytest.raises(MissingExtra, match=r"lstdata\[train\]"):
        run(built, tmp_path / "out")
