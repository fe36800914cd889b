from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.records import DeadLetter
from lstdata.report.advice import ADVICE, advice_for
from lstdata.report.numbers import compute_numbers
from lstdata.report.threshold import Threshold
from tests.test_documentation import documented


def test_every_reason_has_advice_and_no_other() -> None:
    assert set(ADVICE) == set(documented()) - FILTER_REASONS
    for reason in documented():
        assert advice_for(reason).endswith((".", ")"))
    assert "filter.min_snr_db" in advice_for("filtered_min_snr_db")
    assert "See the message" in advice_for("of_a_later_version")


def test_failures_filters_and_the_machine_are_told_apart(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    letters = [
        DeadLetter("a", "decode", "missing_audio", "m", "x"),
        DeadLetter("f", "filter", "filtered_languages", "", ""),
    ]
    letters += [DeadLetter(f"e{i}", "decode", "missing_audio", "m", "x", environmental=True) for i in range(2)]
    numbers = compute_numbers(make_run(tmp_path, {}, letters))
    assert [(r.reason, r.kind, r.count) for r in numbers.rejects] == [
        ("missing_audio", "environmental", 2),
        ("missing_audio", "failed", 1),
        ("filtered_languages", "filtered", 1),
    ]
    assert (numbers.rejected, numbers.filtered) == (4, 1)


@pytest.mark.parametrize(
    ("words", "filtered", "aligners", "least"),
    [
        ("default", None, ["sphinx"], -7.25),
        ("default", None, ["ctc"], -2.0),
        ("default", None, ["manifest"], None),
        ("default", None, ["ctc", "sphinx"], None),
        (-5.0, None, ["sphinx", "manifest"], -5.0),
        (None, None, ["sphinx"], None),
        ("default", -3.0, ["sphinx"], -3.0),
        ("default", 0.5, ["manifest"], 0.5),
    ],
)
def test_the_threshold_that_was_used(
    words: object, filtered: float | None, aligners: list[str], least: float | None
) -> None:
    config = {"words": {"min_score": words}, "filter": {"min_score": filtered}}
    assert Threshold.of(config, aligners, []).least == least


def test_the_share_below_it(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    letters = [DeadLetter("a", "words", "low_score", "m", "x"), DeadLetter("b", "words", "no_path", "m", "x")]
    threshold = compute_numbers(make_run(tmp_path, {}, letters)).threshold
    assert (threshold.below, threshold.share_below(3), threshold.share_below(0)) == (1, 0.25, 1.0)
    assert Threshold((), None, 0).share_below(0) == 0.0
