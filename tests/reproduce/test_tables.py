from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lstdata.evaluate.statistics import Resampled
from lstdata.reproduce.chapters import chapters, findings, limits
from lstdata.reproduce.measured import measure
from lstdata.reproduce.results import read_reproduction
from lstdata.reproduce.scores import Answers, Difference
from lstdata.reproduce.table import Table
from lstdata.reproduce.written import points, signed, verdict
from lstdata.train.outlook import short
from tests.reproduce.folders import answer, read_held_out, recognised, synthesised, write_recipe, write_run

HALF = [True, False] * 10
"""Of each pair one: an interval without width."""


def tables(out: Path) -> dict[str, Table]:
    found = read_reproduction(out)
    told = chapters(found, measure(found))
    return {table.name: table for chapter in told for table in (*chapter.tables, *chapter.more)}


def rows(table: Table) -> dict[str, list[str]]:
    return {row[0].text: [" ".join(filter(None, (cell.text, cell.small))) for cell in row[1:]] for row in table.rows}


def two_arms(out: Path) -> None:
    """Half right and all right, and a second budget in which the baseline is all right too."""
    write_recipe(out)
    answer(write_run(out, "base"), {"s-s": HALF, "t-t": HALF})
    answer(write_run(out, "static-4"), {"s-s": [True] * 20, "t-t": HALF})
    answer(write_run(out, "base", budget="data"), {"s-s": [True] * 20, "t-t": HALF})


def test_the_main_tables(tmp_path: Path) -> None:
    two_arms(tmp_path)
    found = tables(tmp_path)
    main = found["completion-compute"]
    assert main.head == ("", "seeds", "S→S", "− base", "T→T", "− base", "no prompt", "paper S→S", "paper T→T")
    assert rows(main) == {
        "chance": ["", "50.0", "", "50.0", "", "", "25.0", "25.0"],
        "base": ["1", "50.0 [50.0, 50.0]", "–", "50.0 [50.0, 50.0]", "–", "50.0 / 50.0", "39.0", "47.0"],
        "static-4": [
            *("1", "100.0 [100.0, 100.0]", "+50.0 [+50.0, +50.0]", "50.0 [50.0, 50.0]", "0.0 [0.0, 0.0]"),
            *("50.0 / 50.0", "44.3", "51.1"),
        ],
    }
    assert rows(found["completion-data"])["static-4"][2] == "0.0 [0.0, 0.0]"
    assert rows(found["completion-data"])["base"][-2:] == ["40.2", "49.6"]


def test_findings_say_what_can_be_told_apart(tmp_path: Path) -> None:
    two_arms(tmp_path)
    found = read_reproduction(tmp_path)
    said = {one.title: tuple(map(str, one.sentences)) for one in findings(found, measure(found))}
    assert said["completion, S→S, compute-controlled"] == (
        "static-4 − base: +50.0 points [+50.0, +50.0]: the interval excludes 0.",
    )
    assert said["completion, S→S, data-controlled"] == (
        "static-4 − base: 0.0 points [0.0, 0.0]: cannot be told apart.",
    )
    assert next(limits(found, measure(found))).startswith("There is one training seed")


def test_a_difference_between_guesses_is_called_one() -> None:
    same = {"set": "topic", "budget": "compute", "ours": "a", "theirs": "b", "mode": "s-s", "convention": "raw"}
    found = Difference(**same, runs=(1, 1), mean=0.02, low=0.01, high=0.03, above_chance=False)
    assert verdict(found) == "the interval excludes 0, but neither is above chance"
    assert not found.told_apart and replace(found, above_chance=True).told_apart
    assert verdict(replace(found, above_chance=True)) == "the interval excludes 0"
    assert verdict(replace(found, low=-0.01)) == "cannot be told apart"
    drawn = Resampled.draw(np.array([[0.0, 1, 0, 1] * 9, [1, 1, 1, 1] * 9, [1, 0, 1, 0] * 9]), range(36))
    runs = tuple(SimpleNamespace(folder=name) for name in "abc")
    answers = Answers("topic", "s-s", "raw", runs, 36, 0.5, drawn, (None, None, None))  # type: ignore[arg-type]
    told = [answers.difference("compute", ("", ""), runs[:1], (other,)) for other in runs[1:]]  # type: ignore[arg-type]
    assert [one.above_chance for one in told if one] == [True, False]


def test_costs_of_training(tmp_path: Path) -> None:
    two_arms(tmp_path)
    training = tables(tmp_path)["training"]
    told = [[cell.text for cell in row] for row in training.rows]
    assert [line[:3] + line[4:] for line in told] == [
        ["base", "compute", "1", "8", "800", "800", "0.0", "8 GFLOP", "1.00", "16.0 s"],
        ["static-4", "compute", "1", "8", "800", "1.28 k", "37.5", "8 GFLOP", "1.00", "16.0 s"],
        ["base", "data", "1", "8", "1.28 k", "1.28 k", "0.0", "8 GFLOP", "1.00", "16.0 s"],
    ]
    assert training.notes[1] == (
        "static-4 read 1.00 times the raw tokens of the data-controlled base in 37.5 % fewer positions and with 1.00 "
        "times its compute."
    )


def test_sizes_and_strategies_stand_beside_static_patches_of_four(tmp_path: Path) -> None:
    arms = ("base", "static-4", "static-9", "aligned", "curriculum")
    write_recipe(tmp_path, arms)
    for arm in arms:
        credits = HALF if arm == "static-9" else [True] * 20
        answer(write_run(tmp_path, arm), {"s-s": credits, "t-t": HALF}, given_boundaries=arm == "aligned")
    found = tables(tmp_path)
    assert rows(found["completion-sizes"])["static-9"] == [
        *("37.5", "50.0 [50.0, 50.0]", "−50.0 [−50.0, −50.0]", "50.0 [50.0, 50.0]", "0.0 [0.0, 0.0]", "37.2", "49.4"),
    ]
    strategies = rows(found["completion-strategies"])
    assert list(strategies) == ["static-4", "aligned †", "curriculum"]
    assert strategies["aligned †"][1] == "–"


def test_held_out_perplexities_over_seeds(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",), (0, 1))
    for seed, bits in ((0, 180.0), (1, 182.0)):
        read_held_out(write_run(tmp_path, "base", seed), bits, 30.0)
    assert rows(tables(tmp_path)["held-out"])["base"] == [
        *("compute", "181.0 ± 1.4", "191.0 ± 1.4", "30.00 ± 0.00", "40.00 ± 0.00"),
    ]


def test_recognition_and_inference(tmp_path: Path) -> None:
    write_recipe(tmp_path, asr={"arms": ["base", "static-4"], "seeds": 1}, tts={"arms": ["static-4"], "seeds": 1})
    for arm, wer in (("base", 0.8), ("static-4", 0.4)):
        recognised(tmp_path, arm, 0, 100, wer)
    recognised(tmp_path, "base", 0, 200, 0.6)
    synthesised(tmp_path, "static-4", 0, 100, [], recorded_wer={"mean": 0.25, "low": 0.2, "high": 0.3})
    found = tables(tmp_path)
    assert found["recognition"].head == ("steps", "base", "static-4")
    assert rows(found["recognition"]) == {
        "100": ["80.0 [70.0, 90.0]", "40.0 [30.0, 50.0]"],
        "200": ["60.0 [50.0, 70.0]", "–"],
    }
    said = [[cell.text for cell in row] for row in found["inference"].rows]
    assert said == [
        ["base", "recognition", "6", "300", "90", "120", "40", "75.0", "3.0 s", "60.0", "30.0"],
        ["static-4", "recognition", "6", "300", "90", "120", "40", "75.0", "3.0 s", "40.0", "20.0"],
        ["static-4", "synthesis", "6", "300", "90", "120", "40", "75.0", "3.0 s", "50.0", "25.0"],
    ]
    assert re.search("recogniser base-0 .* gets 25.0 %", found["inference"].notes[-1])


def test_each_split_that_was_asked_has_its_own_table_and_rows(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    for split, wer in (("test-clean", 0.4), ("test-other", 0.8)):
        recognised(tmp_path, "base", 0, 100, wer, split=split)
    found = tables(tmp_path)
    assert [(found[name].title, rows(found[name])) for name in ("recognition", "recognition-1")] == [
        ("Recognition of speech test-clean, by steps of fine-tuning", {"100": ["40.0 [30.0, 50.0]"]}),
        ("Recognition of speech test-other, by steps of fine-tuning", {"100": ["80.0 [70.0, 90.0]"]}),
    ]
    assert [row[1].small for row in found["inference"].rows] == ["speech test-clean", "speech test-other"]


def test_a_folder_in_which_nothing_is_done_yet(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    assert list(tables(tmp_path)) == ["paper"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (999.6, "1 k"), (16_640, "16.6 k"), (2e21, "2 Z"), (0.25, "0.25"), (38_400_000, "38.4 M")],
)
def test_three_digits_that_matter(value: float, text: str) -> None:
    assert short(value) == text


def test_points() -> None:
    assert (points(0.1234, 0.01), signed(0.031), signed(-0.031), signed(-0.0001)) == (
        "12.3 ± 1.0",
        "+3.1",
        "−3.1",
        "0.0",
    )
