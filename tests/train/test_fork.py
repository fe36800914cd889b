"""Forks: what a run of their length would have been, or refused."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from lstdata.config import load
from lstdata.errors import ConfigError, LstDataError
from lstdata.storage import place
from lstdata.train import TrainConfig, checkpoint, train
from lstdata.train.checkpoint import read_weights, step_folder, steps
from lstdata.train.claim import claim
from lstdata.train.run import Prepared, prepare
from tests.train.test_train import SMALL, published, run

HELD = ("optimizer.schedule=constant-then-decay", "optimizer.decay=0.5", "checkpoint_every=3")
CURRICULUM = ("patching.strategy=curriculum", "patching.aligned_until=0.5")


def fork(data: Path, out: Path, of: Path, *sets: str) -> dict[str, Any]:
    config = load(TrainConfig, None, [*SMALL, *HELD, *sets, f"data=[{{path: {data}}}]"])
    return train(config, None, place(out), lambda line: None, fork=of)


def prepared(data: Path, out: Path, of: Path, *sets: str) -> Prepared:
    return prepare(load(TrainConfig, None, [*SMALL, *HELD, *sets, f"data=[{{path: {data}}}]"]), place(out), fork=of)


@pytest.fixture(scope="module")
def trunk(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps that was ended after three, where its decay would have begun; leave it as it is."""
    out = tmp_path_factory.mktemp("trunk") / "trunk"
    run(built, out, *HELD, "steps=6", "stop_at=3")
    return out


def same(one: Path, other: Path) -> bool:
    """Whether both have the same figures at every step, and the same weights at the last, bit by bit."""
    keys = ("Step", "loss", "Learning Rate", "Gradient Norm", "total_tokens", "epochs")
    figures = [[[row[key] for key in keys] for row in published(out)] for out in (one, other)]
    weights = [read_weights(out)[1] for out in (one, other)]
    return figures[0] == figures[1] and all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_fork_is_the_run_of_its_length(built: Path, tmp_path: Path) -> None:
    """Of a run whose figures go on after the checkpoint, as where it was killed; and which ends as it would have."""
    base, straight, forked = (tmp_path / name for name in ("base", "straight", "forked"))
    run(built, base, *HELD, "steps=6", "stop_at=3")
    with open(base / "metrics" / "train.jsonl", "a") as file:
        file.write('{"Step": 4, "loss": 0.0}\n{"Step": 5, "lo')
    fork(built, forked, base, "steps=8", "stop_at=5", "keep_checkpoints=1")
    run(built, base, *HELD, "steps=6")
    fork(built, forked, base, "steps=8")
    run(built, straight, *HELD, "steps=8")
    assert same(forked, straight)
    assert [row["Step"] for row in published(base)] == [1, 2, 3, 4, 5, 6]
    card = json.loads((forked / "train.json").read_text())
    assert card["forked_from"]["name"] == "base" and card["forked_from"]["step"] == 3
    assert card["config"]["steps"] == 8
    again = prepare(load(TrainConfig, None, [*SMALL, *HELD, "steps=8", f"data=[{{path: {built}}}]"]), place(forked))
    claim(forked, again.card, again.files)
    assert json.loads((forked / "train.json").read_text()) == card, "also where the option is left out"


def test_a_fork_may_end_by_tokens_and_have_a_curriculum_and_a_cosine(built: Path, tmp_path: Path) -> None:
    """As long as all documents were aligned, and the learning rate warmed up, in either run."""
    base, straight, forked = (tmp_path / name for name in ("base", "straight", "forked"))
    sets = (*CURRICULUM, "optimizer.schedule=cosine", "optimizer.warmup=3")
    run(built, base, *HELD, *sets, "steps=6", "stop_at=3")
    fork(built, forked, base, *sets, "tokens=2200")
    run(built, straight, *HELD, *sets, "tokens=2200")
    assert same(forked, straight)
    assert published(forked)[-1]["Step"] > 6


def test_a_fork_that_was_killed_has_begun_nothing(
    built: Path, trunk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, never = tmp_path / "out", LstDataError("killed")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "commit", lambda folder: (_ for _ in ()).throw(never))
        with pytest.raises(LstDataError, match="killed"):
            fork(built, out, trunk, "steps=8")
    assert steps(out) == [] and published(out)
    again = prepared(built, out, trunk, "steps=8")
    assert again.fork is not None and again.fork.step == 3
    alone = prepare(load(TrainConfig, None, [*SMALL, "steps=8", f"data=[{{path: {built}}}]"]), place(out))
    claim(out, alone.card, alone.files)
    assert published(out) == [] and json.loads((out / "train.json").read_text())["forked_from"] is None


@pytest.mark.parametrize("links", [True, False])
def test_a_checkpoint_is_linked_or_copied(
    trunk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    ours, theirs = step_folder(tmp_path, 3), step_folder(trunk, 3)
    checkpoint.copy(theirs, ours)
    files = [path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file()]
    assert len(files) == 4 and all((ours / file).read_bytes() == (theirs / file).read_bytes() for file in files)
    assert all(os.path.samefile(ours / file, theirs / file) == links for file in files)
    with pytest.raises(LstDataError, match="was removed"):
        checkpoint.copy(step_folder(trunk, 4), step_folder(tmp_path, 4))
    assert steps(tmp_path) == [3]


@pytest.mark.parametrize(
    ("sets", "rule"),
    [
        (["steps=4"], r"checkpoint of step 2 or before.*6 and 4 steps.*same learning rate.*has those of 3"),
        (["steps=9", "optimizer.decay=0.9"], "checkpoint of step 2 or before"),
        (["tokens=100"], "checkpoint of step"),
        (["steps=8", "optimizer.lr=0.5"], r"`optimizer\.lr` 0\.01 → 0\.5"),
        (["steps=8", "rows.per_step=4"], r"fork another run, or undo:.*`rows\.per_step` 2 → 4"),
        (["steps=8", "patching.strategy=aligned"], r"`patching\.strategy`"),
        (["steps=8", "optimizer.schedule=cosine"], r"`optimizer\.schedule`"),
    ],
)
def test_what_is_not_the_same_run_so_far_is_refused(
    built: Path, trunk: Path, tmp_path: Path, sets: list[str], rule: str
) -> None:
    with pytest.raises(ConfigError) as error:
        prepared(built, tmp_path / "out", trunk, *sets)
    assert re.search(rule, " ".join(error.value.mistakes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("schedule", "strategy", "rule"),
    [
        ("cosine", "static", "checkpoint of step 2 or before.*same learning rate.*has those of 3"),
        ("constant-then-decay", "curriculum", "step 2 or before.*same documents of `patching.strategy` curriculum"),
    ],
)
def test_what_depends_on_the_length_is_refused(
    built: Path, tmp_path: Path, schedule: str, strategy: str, rule: str
) -> None:
    sets = (f"optimizer.schedule={schedule}", f"patching.strategy={strategy}", "patching.aligned_until=0.4")
    run(built, tmp_path / "base", *HELD, *sets, "steps=6", "stop_at=3")
    with pytest.raises(ConfigError, match=rule):
        prepared(built, tmp_path / "out", tmp_path / "base", *sets, "steps=8")


def test_the_last_checkpoint_before_either_decay_is_taken(built: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    run(built, base, *HELD, "steps=6", "keep_checkpoints=3", "checkpoint_every=2")
    assert steps(base) == [2, 4, 6]
    found = prepared(built, tmp_path / "out", base, "steps=40").fork
    assert found is not None and found.step == 2


def test_a_run_without_a_decay_is_not_forked_from_where_its_data_ended(built: Path, tmp_path: Path) -> None:
    base, sets = tmp_path / "base", "optimizer.decay=0"
    run(built, base, *HELD, sets, "tokens=300", "checkpoint_every=20")
    with pytest.raises(ConfigError, match=r"`tokens` of `.*base` must be > \d+, which were read until step 2"):
        prepared(built, tmp_path / "out", base, sets, "tokens=2000", "checkpoint_every=20")


def test_what_is_no_run_and_a_folder_that_is_no_fork_are_refused(built: Path, trunk: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`--fork` must be a run of `lstdata train` with a checkpoint"):
        prepared(built, tmp_path / "out", tmp_path, "steps=8")
    with pytest.raises(ConfigError, match=r"must be a fork of .*, but is no fork"):
        prepared(built, trunk, trunk, "steps=6")
