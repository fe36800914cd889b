"""Validation by task: one exact pass under each, or a refusal before anything begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.loader.corpus import open_run
from lstdata.train.config import TrainConfig, resolve
from lstdata.train.data import open_data
from tests.conftest import build

SMALL = ("rows.per_step=2", "rows.positions=256", "rows.tokens=512", "optimizer.warmup=2", "steps=1")


def config(built: Path, *sets: str) -> TrainConfig:
    return load(TrainConfig, None, [*SMALL, f"data=[{{path: {built}}}]", *sets])


def last(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "metrics" / f"{name}.jsonl").read_text().splitlines()[-1])
    return found


def test_each_task_has_one_exact_pass_and_figures_of_its_own(built: Path, tmp_path: Path) -> None:
    pytest.importorskip("fairseq2")
    from lstdata.train import train

    out = tmp_path / "out"
    summary = train(config(built, "validate_tasks=[speech, text, asr]"), None, out, lambda line: None)  # type: ignore[arg-type]
    speech, text, asr = (last(out, f"valid/{task}") for task in ("speech", "text", "asr"))
    assert "loss_text" not in speech and "loss_units" not in text
    data = open_data(resolve(config(built)))
    corpus = data.sources[0].held_out
    units = sum(corpus.sample(number).frames for number in range(len(corpus)))
    assert speech["targets_units"] == asr["targets_units"] == units
    assert asr["targets_text"] == text["targets_text"] > 0
    assert summary["loss"] == last(out, "valid")["loss"]


def test_tasks_that_are_not_known_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"`validate_tasks` must be of lst, .*tts, but names mt, st"):
        load(TrainConfig, None, ["validate_tasks=[asr, mt, st]"])


def test_tasks_that_the_samples_do_not_allow_are_refused(
    cuts: Path, text_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    silent = tmp_path_factory.mktemp("silent") / "out"
    build(cuts, silent, "words.aligner=none", "words.missing=speech")
    run = open_run(silent)  # type: ignore[arg-type]
    assert not run.vocab.is_text
    with pytest.raises(ConfigError, match=r"`validate_tasks` lst needs word times, but no validation sample"):
        open_data(resolve(config(silent, "validate_tasks=[lst, speech]")))
    with pytest.raises(ConfigError, match="needs a run folder of speech"):
        open_data(resolve(config(text_run, "validate_tasks=[text]")))
