"""Lists of evaluation sets: those that are there are made, the others named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.evaluate.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = str(ROOT / "pipelines" / "eval.yaml")
HELLASWAG = {"ind": 4, "ctx": "He sits.", "endings": ["He stands.", "He flies.", "He melts.", "He sings."], "label": 0}


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["build-eval", *map(str, arguments)])
    return result.exit_code, f"{result.output}{result.exception if result.exit_code == 1 else ''}"


def test_of_the_published_benchmarks_those_that_are_there_are_made(built: Path, tmp_path: Path) -> None:
    benchmarks, out = tmp_path / "benchmarks", tmp_path / "sets"
    benchmarks.mkdir()
    (benchmarks / "hellaswag_val.jsonl").write_text(json.dumps(HELLASWAG) + "\n")
    code, said = run(PUBLISHED, out, "--like", built, "--root", benchmarks)
    assert code == 0, said
    assert "hellaswag: 1 items; 1 of 10,042 items that are published\n1 items, 0 recordings" in said
    assert f"not in {benchmarks}: swuggy (sLM21-dataset/lexical/dev), sblimp (" in said
    assert [path.name for path in out.iterdir()] == ["hellaswag"]
    made = json.loads(run(PUBLISHED, out, "--like", built, "--root", benchmarks, "--json")[1])
    assert list(made["sets"]) == ["hellaswag"]
    assert list(made["absent"]) == ["swuggy", "sblimp", "s-storycloze", "t-storycloze", "storycloze"]


def test_what_is_no_list_or_asked_for_twice_is_refused(built: Path, tmp_path: Path) -> None:
    assert "none of its 6 sets is in" in run(PUBLISHED, tmp_path / "sets", "--like", built, "--root", tmp_path)[1]
    assert "stand in the .yaml" in run(PUBLISHED, tmp_path / "sets", "--like", built, "--layout", "swuggy")[1]
    assert "--root is for a .yaml" in run(tmp_path / "items.jsonl", tmp_path / "s", "--like", built, "--root", "x")[1]
    listed = tmp_path / "mine.yaml"
    for text, mistake in (
        ("sets: [{name: a, items: x}, {name: a, items: y}]", "two are called 'a'"),
        ("sets: [{name: ../a, items: x}]", "must be a name for a folder"),
        ("sets: [{name: a, items: x, layout: blimp}]", "`sets.0.layout` must be of auto"),
        ("sets: []", "must list a set or more"),
        ("set: []", "is not an option"),
    ):
        listed.write_text(text)
        with pytest.raises(ConfigError, match=mistake):
            read_catalogue(str(listed))
