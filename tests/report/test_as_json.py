"""`lstdata report OUT --json`: every figure under a documented name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata import cli
from lstdata.records import DeadLetter
from lstdata.report.as_json import numbers_to_json
from lstdata.report.numbers import compute_numbers


def test_it_is_json_without_what_json_has_not(tmp_path: Path, make_run: Callable[..., Path], run: Path) -> None:
    for out in (run, make_run(tmp_path / "empty", {}, [DeadLetter("a", "decode", "undecodable", "m", "x")])):
        value = numbers_to_json(compute_numbers(out))
        assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_figures_under_their_names(run: Path) -> None:
    value = numbers_to_json(compute_numbers(run))
    assert value["totals"]["samples"] == 3
    assert value["units"]["counts"] == [14, 14, 27, 0]
    assert value["positions"]["speech"]["static"]["saved"] == 1 - 24 / 64
    assert value["corpus"]["align_score_cdf"] == [[-14.99, 1.0]]
    assert value["rejects"][0]["kind"] == "failed"


def test_the_verb(built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["lstdata", "report", str(built), "--json"])
    cli.main()
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == str(built / "report.html")
    assert said["numbers"]["totals"]["samples"] == said["numbers"]["corpus"]["seconds"]["count"] > 0
