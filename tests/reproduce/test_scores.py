from __future__ import annotations

import random
from pathlib import Path

import pytest

from lstdata.errors import ConfigError
from lstdata.evaluate.comparing import compare
from lstdata.reproduce.measured import Measured, measure
from lstdata.reproduce.results import read_reproduction
from lstdata.reproduce.scores import Accuracy
from tests.reproduce.folders import answer, write_recipe, write_run


def measured(out: Path) -> Measured:
    return measure(read_reproduction(out))


def accuracy(found: Measured, arm: str, mode: str = "s-s") -> Accuracy:
    (one,) = [
        a for a in found.accuracies if (a.budget, a.arm, a.mode, a.convention) == ("compute", arm, mode, "per_token")
    ]
    return one


def test_an_accuracy_over_two_seeds(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("static-4",), (0, 1))
    answer(write_run(tmp_path, "static-4", 0), {"s-s": [True, True, True, False]})
    answer(write_run(tmp_path, "static-4", 1), {"s-s": [True, False, True, False]})
    one = accuracy(measured(tmp_path), "static-4")
    assert (one.items, one.chance, one.of_seeds, one.mean, one.no_prompt) == (4, 0.5, (0.75, 0.5), 0.625, 0.5)
    assert one.std == pytest.approx(0.125 * 2**0.5)
    assert one.low == 0.5 and one.high == 1.0, "pairs are (2, 1) and (1, 1) of 2 right"


def test_one_seed_has_no_standard_deviation_and_items_without_prompts_no_control(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    answer(write_run(tmp_path, "base"), {"s-s": [True, False]}, control=False)
    one = accuracy(measured(tmp_path), "base")
    assert (one.std, one.no_prompt) == (None, None)


def test_differences_are_those_that_compare_says(tmp_path: Path) -> None:
    write_recipe(tmp_path, seeds=(0, 1))
    flips = random.Random(0)
    for arm, right in (("base", 0.5), ("static-4", 0.7)):
        for seed in (0, 1):
            credits = {mode: [flips.random() < right for _ in range(60)] for mode in ("s-s", "t-t")}
            answer(write_run(tmp_path, arm, seed), credits)
    paths = [
        [str(tmp_path / f"runs/compute/{arm}-{seed}/evaluation/completion.parquet") for seed in (0, 1)]
        for arm in ("static-4", "base")
    ]
    found = measured(tmp_path)
    for convention in ("per_token", "raw"):
        for said in compare(paths[0], paths[1], convention):
            by = found.difference("completion", "compute", "static-4", "base", said["mode"], convention)
            assert by is not None
            assert (by.mean, by.low, by.high) == pytest.approx(
                (said["difference"], said["low"], said["high"]), abs=1e-12
            )


def test_an_arm_that_was_told_boundaries_is_compared_with_none_that_was_not(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "aligned", "aligned-merged"))
    for arm in ("base", "aligned", "aligned-merged"):
        answer(write_run(tmp_path, arm), {"s-s": [True, False]}, given_boundaries=arm != "base")
    assert measured(tmp_path).differences == ()


def test_an_arm_that_needs_word_times_may_be_asked_less_and_keeps_its_place(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "aligned", "curriculum"))
    for arm in ("base", "curriculum"):
        answer(write_run(tmp_path, arm), {"s-s": [True, False, True, True]})
    answer(write_run(tmp_path, "aligned"), {"s-s": [True, False]}, given_boundaries=True)
    found = measured(tmp_path)
    said = [(one.arm, one.items, one.mean) for one in found.accuracies if one.convention == "raw"]
    assert said == [("base", 4, 0.75), ("aligned", 2, 0.5), ("curriculum", 4, 0.75)]
    assert {(by.ours, by.theirs) for by in found.differences} == {("curriculum", "base")}


def test_runs_that_were_asked_different_items_are_named(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    answer(write_run(tmp_path, "base"), {"s-s": [True, False]})
    answer(write_run(tmp_path, "static-4"), {"s-s": [True, False, True, True]})
    with pytest.raises(ConfigError, match="`runs/compute/base-0` and `runs/compute/static-4-0` were not"):
        measured(tmp_path)
