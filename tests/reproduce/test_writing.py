from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.reproduce.markdown import escaped, table
from lstdata.reproduce.table import Cell, Table
from lstdata.reproduce.writing import write_report
from tests.reproduce.folders import answer, recognised, synthesised, write_recipe, write_run

UNESCAPED = re.compile(r"(?<!\\)\|")


@pytest.fixture(autouse=True)
def _drawn_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What matplotlib draws is looked at elsewhere."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1" />'
    monkeypatch.setattr("lstdata.reproduce.curves.plot", lambda panel: empty)


def a_folder(out: Path) -> None:
    write_recipe(out, asr={"arms": ["base"], "seeds": 1}, tts={"arms": ["base"], "seeds": 1}, search=["lr: 3 values"])
    for arm in ("base", "static-4"):
        answer(write_run(out, arm), {mode: [True, False] * 4 for mode in ("s-s", "t-t", "s-t", "t-s")})
    recognised(out, "base", 0, 100, 0.5)
    synthesised(out, "base", 0, 100, ["The <b>cat</b> | sat."])


def test_every_row_of_every_table_has_as_many_cells_as_its_head(tmp_path: Path) -> None:
    a_folder(tmp_path)
    write_report(tmp_path)
    lines = (tmp_path / "reproduction.md").read_text(encoding="utf-8").splitlines()
    heads = [n for n, line in enumerate(lines) if re.fullmatch(r"\| :--( \| --:)* \|", line)]
    assert len(heads) >= 8
    for head in heads:
        assert not lines[head - 2], "a table begins after an empty line"
        last = next(n for n in range(head, len(lines)) if not lines[n].startswith("|"))
        assert len({len(UNESCAPED.findall(line)) for line in lines[head - 1 : last]}) == 1


def test_names_mean_nothing_to_markdown() -> None:
    found = table(Table(name="a", title="*a*", head=("", "x|y"), rows=((Cell("_n_\n<b>"), Cell("1", "[0, 2]")),)))
    assert found.splitlines() == [
        r"**\*a\***",
        "",
        r"|  | x\|y |",
        "| :-- | --: |",
        "| \\_n\\_ \\<b\\> | 1 \\[0,\N{NO-BREAK SPACE}2\\] |",
    ]
    assert escaped("\x1b[1m") == r"�\[1m"


def test_equal_folders_give_equal_bytes_and_no_path_of_this_machine(tmp_path: Path) -> None:
    written = []
    for name in ("one", "another"):
        a_folder(tmp_path / name)
        write_report(tmp_path / name, tmp_path / f"{name}-docs" / "results.md")
        made = [tmp_path / name / file for file in ("reproduction.html", "reproduction.md", "results.json")]
        made += sorted(path for path in (tmp_path / f"{name}-docs").rglob("*") if path.is_file())
        written.append([(path.name, path.read_bytes()) for path in made])
    assert written[0] == written[1]
    assert all(str(tmp_path).encode() not in content for _, content in written[0])


def test_the_markdown_shows_what_lies_beside_it(tmp_path: Path) -> None:
    a_folder(tmp_path)
    write_report(tmp_path, tmp_path / "docs" / "results.md")
    for document, folder in ((tmp_path / "docs/results.md", "results"), (tmp_path / "reproduction.md", "reproduction")):
        links = re.findall(r"\]\((.*?)\)", document.read_text(encoding="utf-8"))
        beside = {path.name for path in (document.parent / folder).iterdir()}
        assert {Path(link).name for link in links} == beside and len(links) == len(beside) == 13
        assert all((document.parent / link).is_file() for link in links)


def test_what_an_earlier_report_showed_and_this_one_does_not_is_gone(tmp_path: Path) -> None:
    a_folder(tmp_path)
    recognised(tmp_path, "base", 0, 200, 0.4)
    write_report(tmp_path, tmp_path / "docs" / "results.md")
    beside = tmp_path / "docs" / "results"
    assert (beside / "recognition-wer.svg").is_file() and (beside / "sentence-1-base.mp3").is_file()
    for name in ("mine.svg", "sentence-1.mp3", "text-positions.png"):
        (beside / name).touch()
    for folder in ("asr", "tts", "runs"):
        shutil.rmtree(tmp_path / folder)
    write_report(tmp_path, tmp_path / "docs" / "results.md")
    assert sorted(path.name for path in beside.iterdir()) == ["mine.svg", "sentence-1.mp3", "text-positions.png"]
    assert list((tmp_path / "reproduction").iterdir()) == []


def test_the_verb_says_what_was_found_and_what_is_missing(tmp_path: Path) -> None:
    a_folder(tmp_path)
    said = CliRunner().invoke(cli, ["reproduce-report", str(tmp_path)], catch_exceptions=False)
    assert "static-4 − base: 0.0 points [0.0, 0.0]: cannot be told apart." in said.output
    assert "runs/data/base-0: not begun" in said.output
    found = CliRunner().invoke(cli, ["reproduce-report", str(tmp_path), "--json"], catch_exceptions=False)
    results = json.loads(found.output)["results"]
    assert results == json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["search"] == ["lr: 3 values"]
    assert {run["folder"]: run["state"] for run in results["runs"]}["runs/data/base-0"] == "not begun"


def test_a_name_that_its_folder_would_take_is_refused(tmp_path: Path) -> None:
    a_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"`--docs` must be a file NAME\.md"):
        write_report(tmp_path, tmp_path / "results")
    assert not (tmp_path / "results.json").exists()
