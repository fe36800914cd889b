from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lstdata.errors import ConfigError
from lstdata.reproduce.results import read_reproduction
from tests.reproduce.folders import answer, read_held_out, recognised, synthesised, write_recipe, write_run

ALL = {"s-s": [True, False], "t-t": [True, True]}


def test_what_a_training_took_is_read_from_its_steps(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    answer(write_run(tmp_path, "static-4"), ALL)
    (run,) = read_reproduction(tmp_path).of("compute", "static-4")
    training = run.training
    assert training is not None
    end = training.end
    assert (end.step, end.positions, end.tokens, end.flops, end.seconds) == (8, 800, 1280, 8e9, 16.0)
    assert (training.saved_positions, training.patched, training.pieces, training.finished) == (
        0.375,
        True,
        False,
        True,
    )


def test_held_out_units_are_those_of_the_speech_and_held_out_text_that_of_the_text(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    answer(write_run(tmp_path, "base"), ALL)
    training = read_reproduction(tmp_path).runs[0].training
    assert training is not None
    assert [(one.at.step, one.at.seconds, one.loss) for one in training.held_out] == [
        (4, 8.0, {"units": pytest.approx(4.6), "text": pytest.approx(5.6)}),
        (8, 16.0, {"units": pytest.approx(4.2), "text": pytest.approx(5.2)}),
    ]


def test_losses_in_training_are_means_over_consecutive_steps(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    write_run(tmp_path, "base", steps=500, last=500)
    training = read_reproduction(tmp_path).runs[0].training
    assert training is not None
    first = training.smoothed[0]
    assert (len(training.smoothed), first.at.step) == (55, 9)
    assert first.loss == {"loss": pytest.approx(5.5), "units": pytest.approx(4.5), "text": pytest.approx(6.5)}


def test_a_set_whose_scores_are_lost_counts_as_not_asked(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "static-4"), sets=[{"name": "completion"}])
    for arm in ("base", "static-4"):
        answer(write_run(tmp_path, arm), ALL)
        read_held_out(tmp_path / "runs" / "compute" / f"{arm}-0", 50.0, 2.0)
    before = read_reproduction(tmp_path).missing
    (tmp_path / "runs" / "compute" / "base-0" / "evaluation" / "completion.parquet").unlink()
    found = read_reproduction(tmp_path)
    assert found.sets == ("completion",)
    assert set(found.missing) - set(before) == {"runs/compute/base-0: not asked about completion"}


def test_runs_that_are_not_there_or_not_finished_or_not_asked_are_listed(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "static-4", "static-6", "mixed"), asr={"arms": ["base"], "seeds": 1})
    answer(write_run(tmp_path, "base"), ALL)
    write_run(tmp_path, "static-4", last=5)
    write_run(tmp_path, "static-6")
    found = read_reproduction(tmp_path)
    assert found.missing == (
        "runs/compute/static-4-0: not finished",
        "runs/compute/static-6-0: not evaluated",
        "runs/compute/mixed-0: not begun",
        "runs/data/base-0: not begun",
        "asr/base-0: not evaluated",
    )


def test_what_a_run_was_not_asked_is_listed(tmp_path: Path) -> None:
    tune = {"arms": ["base"], "seeds": 1, "steps": 200, "every": 100, "splits": ["validation"]}
    sets = [{"name": "completion", "texts": True}, {"name": "words", "texts": False}]
    write_recipe(tmp_path, ("base", "aligned"), sets=sets, evaluate={"interleave": "lst"}, asr=tune)
    answer(write_run(tmp_path, "base"), ALL)
    aligned = write_run(tmp_path, "aligned")
    answer(aligned, ALL)
    read_held_out(aligned, 180.0, 30.0)
    recognised(tmp_path, "base", 0, 100, 0.5)
    assert read_reproduction(tmp_path).missing == (
        "runs/compute/base-0: not asked about words",
        "runs/compute/base-0: not asked about held-out speech",
        "asr/base-0: not evaluated at step 200 on validation",
    )


def test_an_evaluation_that_was_made_anew_of_a_later_step_does_not_count(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    for step in (100, 200):
        recognised(tmp_path, "base", 0, step, 0.5)
    evaluation = tmp_path / "asr" / "base-0" / "evaluation"
    shutil.rmtree(evaluation / "step-100")
    shutil.copytree(evaluation / "step-200", evaluation / "step-100")
    assert [one.step for one in read_reproduction(tmp_path).asr] == [200]


def test_an_evaluation_of_an_earlier_checkpoint_does_not_count(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    answer(write_run(tmp_path, "base"), ALL, step=4)
    assert read_reproduction(tmp_path).missing[0] == "runs/compute/base-0: not evaluated"


def test_a_line_that_is_being_written_is_no_step(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    path = write_run(tmp_path, "base", last=3) / "metrics" / "train.jsonl"
    path.write_text(path.read_text() + '{"Step": 4, "sec')
    training = read_reproduction(tmp_path).runs[0].training
    assert training is not None and training.end.step == 3


def test_of_equal_raw_tokens_an_arm_of_patches_has_the_runs_of_equal_compute(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "unit-bpe", "static-4"))
    for arm in ("base", "unit-bpe", "static-4"):
        answer(write_run(tmp_path, arm), ALL)
    answer(write_run(tmp_path, "base", budget="data"), ALL)
    found = read_reproduction(tmp_path)
    folders = {arm: [run.folder for run in found.of("data", arm)] for arm in found.arms}
    assert folders == {"base": ["runs/data/base-0"], "unit-bpe": [], "static-4": ["runs/compute/static-4-0"]}


def test_perplexities_and_what_was_spoken(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    read_held_out(write_run(tmp_path, "base"), 180.0, 30.0)
    for step in (200, 50, 1000):
        recognised(tmp_path, "base", 0, step, 0.5)
    synthesised(tmp_path, "base", 0, 100, ["A tone."])
    found = read_reproduction(tmp_path)
    (run,) = found.of("compute", "base")
    assert [(one.data, one.interleave, one.text, one.bits_per_second) for one in run.perplexities] == [
        ("speech", "speech", None, 180.0),
        ("speech", "text", 30.0, None),
        ("speech", "lst", 40.0, 190.0),
    ]
    assert [one.step for one in found.asr] == [50, 200, 1000]
    (sentence,) = found.tts[0].sentences
    assert (sentence.text, sentence.recognised, sentence.wav is not None) == ("A tone.", "A TONE.", True)
    assert found.tts[0].recogniser == "base-0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("recipe.json", "{"),
        ("recipe.json", "[]"),
        ("runs/compute/base-0/train.json", "{}"),
        ("runs/compute/base-0/metrics/train.jsonl", "no line\n"),
        ("runs/compute/base-0/evaluation/completion.json", '{"step": 8}'),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    write_recipe(tmp_path, ("base",))
    answer(write_run(tmp_path, "base"), ALL)
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match="cannot be read as what `lstdata` writes") as raised:
        read_reproduction(tmp_path)
    assert str(tmp_path / name).startswith(str(raised.value).split("`")[1])


def test_another_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be a folder of `lstdata reproduce`, but has no recipe\.json"):
        read_reproduction(tmp_path)
    (tmp_path / "recipe.json").write_text(json.dumps({"format": 9}))
    with pytest.raises(ConfigError, match="must have format 1, but has 9"):
        read_reproduction(tmp_path)
