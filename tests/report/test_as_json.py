"""`lstdata report OUT --json`: every figure under a documented name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lstdata import cli
from lstdata.records import DeadLetter
from lstdata.report.as_json import numbers_to_json
from lstdata.report.numbers import compute_numbers
from lstdata.shards import STORED_STRATEGIES


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


def names_in(value: Any) -> Iterator[str]:
    """Names of an object and of those in it, but for names that are strategies."""
    for name, one in value.items():
        yield name
        for inner in one if isinstance(one, list) else [one]:
            if isinstance(inner, dict):
                yield from names_in(inner)


def test_every_name_is_documented(run: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z0-9_-]+)`", text))
    undocumented = set(names_in(numbers_to_json(compute_numbers(run)))) - documented - {"name", "shard", "split"}
    assert not undocumented - {*STORED_STRATEGIES, "mixed"}
