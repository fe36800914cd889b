from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lstdata.cli.verbs import cli
from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.evaluate.comparing import compare
from lstdata.evaluate.running import evaluate
from tests.conftest import WORDS, write_cuts

pytest.importorskip("fairseq2")

from lstdata.train import TrainConfig, train

SMALL = ("rows.per_step=2", "rows.positions=64", "rows.tokens=128", "optimizer.warmup=1", "steps=1")


@pytest.fixture(scope="module")
def folder(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run-0`, `run-1` (another seed), `words` (patches by words) and the evaluation set `stories`."""
    folder = tmp_path_factory.mktemp("evaluated")
    for name, sets in (("run-0", ()), ("run-1", ("seed=1",)), ("words", ("patching.strategy=aligned",))):
        train(load(TrainConfig, None, [*SMALL, *sets]), built, folder / name, lambda line: None)
    corpus = write_cuts(folder / "items", 6, first=700)
    parts = [{"recording": f"utt-{700 + n}", "text": " ".join(WORDS[: n + 3])} for n in range(6)]
    items = [
        {
            "id": f"i{n}",
            "pair": f"p{n // 2}",
            "prompt": parts[n % 2],
            "endings": parts[2 + n // 2 :][:2],
            "answer": n % 2,
            "by": {"plot": "rain" if n < 4 else "sun"},
        }
        for n in range(6)
    ]
    (corpus / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    made = invoke("build-eval", corpus / "items.jsonl", folder / "stories", "--like", built, "--workers", 1, "--json")
    assert json.loads(made.stdout) | {"out": ""} == {
        "items": 6, "recordings": 6, "rejected": 0, "incomplete": 0, "out": ""
    }  # fmt: skip
    return folder


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result


def test_a_run_is_evaluated_in_every_mode_and_runs_are_compared_item_by_item(folder: Path) -> None:
    results = []
    for name in ("run-0", "run-1"):
        said = json.loads(invoke("evaluate", folder / name, folder / "stories", "--json").stdout)["results"]
        results.append(said)
        written = json.loads((folder / name / "evaluation" / "stories.json").read_text())
        assert written["results"] == said
        assert written["step"] == 1
    assert [row["mode"] for row in results[0]] == ["s-s", "t-t", "s-t", "t-s"]
    for row in results[0]:
        assert (row["items"], row["chance"], row["left_out"], row["given_boundaries"]) == (6, 0.5, 0, False)
        assert row["raw"]["accuracy"]["low"] <= row["raw"]["accuracy"]["mean"] <= row["raw"]["accuracy"]["high"]
        assert row["per_token"]["no_prompt"]["mean"] == 0.5
        kinds = row["by"]["plot"]
        assert [(name, kind["items"], kind["pairs"]) for name, kind in kinds.items()] == [("rain", 4, 2), ("sun", 2, 1)]
        whole = (2 * kinds["rain"]["raw"]["mean"] + kinds["sun"]["raw"]["mean"]) / 3
        assert row["raw"]["accuracy"]["mean"] == pytest.approx(whole, abs=1e-5)

    asked = ("evaluate", folder / "run-0", folder / "stories", "--modes", "t-t", "--out", folder / "o")
    shown = [line.split()[:3] for line in invoke(*asked, "--by", "plot").stdout.splitlines()]
    assert shown[2:4] == [["plot", "rain", "4"], ["plot", "sun", "2"]]
    with pytest.raises(ConfigError, match="`by` must be of plot, but is 'type'"):
        evaluate(folder / "run-0", [folder / "stories"], ["t-t"], folder / "o", by="type", quiet=True)  # type: ignore[list-item]

    tables = [str(folder / name / "evaluation" / "stories.parquet") for name in ("run-0", "run-1")]
    for convention in ("raw", "per_token"):
        found = {row["mode"]: row for row in compare(tables[:1], tables[1:], convention)}
        for ours, theirs in zip(*results, strict=True):
            row = found[ours["mode"]]
            assert row["ours"] == pytest.approx(ours[convention]["accuracy"]["mean"], abs=1e-6)
            assert row["difference"] == pytest.approx(row["ours"] - theirs[convention]["accuracy"]["mean"], abs=1e-6)
            assert row["low"] <= row["difference"] <= row["high"]
    both = compare(tables, tables, "raw")
    assert [(row["difference"], row["runs"]) for row in both] == [(0.0, [2, 2])] * 4
    assert "s-s" in invoke("compare", tables[0], tables[1]).stdout


def test_scores_under_given_boundaries_are_marked_and_not_compared_with_others(folder: Path, tmp_path: Path) -> None:
    marked = evaluate(folder / "words", [folder / "stories"], ["s-s"], tmp_path / "words", quiet=True)  # type: ignore[list-item]
    assert marked[0]["given_boundaries"]
    assert "not comparable" in invoke("evaluate", folder / "words", folder / "stories", "--out", tmp_path / "w").stdout
    evaluate(folder / "run-0", [folder / "stories"], ["s-s"], tmp_path / "static", quiet=True)  # type: ignore[list-item]
    tables = [[str(tmp_path / name / "stories.parquet")] for name in ("words", "static")]
    with pytest.raises(ConfigError, match="not comparable"):
        compare(tables[0], tables[1], "raw")


def test_what_cannot_be_compared_is_refused(folder: Path, tmp_path: Path, built: Path) -> None:
    tables: dict[str, Any] = {}
    for name, options in (("all", {}), ("some", {"limit": 4})):
        evaluate(folder / "run-0", [folder / "stories"], ["t-t"], tmp_path / name, quiet=True, **options)  # type: ignore[list-item]
        tables[name] = [str(tmp_path / name / "stories.parquet")]
    with pytest.raises(ConfigError, match="must have the same items of stories t-t"):
        compare(tables["all"], tables["some"], "raw")
    with pytest.raises(ConfigError, match="must be a table of `lstdata evaluate`, but lacks task"):
        compare(tables["all"], [str(built / "index.parquet")], "raw")
    beside = [path.replace(".parquet", ".json") for path in tables["all"]]
    assert compare(beside, tables["all"], "raw") == compare(tables["all"], tables["all"], "raw")
    with pytest.raises(ConfigError, match="There is no `"):
        compare(tables["all"], [str(folder / "nothing.parquet")], "raw")


def test_a_split_is_read_as_validation_reads_it(folder: Path, built: Path, tmp_path: Path) -> None:
    """The figures of a model's last validation come out again, of the same split under the same interleaving."""
    run = folder / "run-0"
    said = invoke("evaluate", run, "--data", built, "--out", tmp_path, "--json").stdout
    by_name = {row["interleave"]: row for row in json.loads(said)["data"]}
    assert list(by_name) == ["speech", "text", "lst"]
    (path,) = (run / "metrics").glob("valid*.jsonl")
    validated = json.loads(path.read_text().splitlines()[-1])
    for name in ("loss", "loss_text", "loss_units", "bits_per_second"):
        assert by_name["lst"][name] == pytest.approx(validated[name], rel=1e-4)
    assert "loss_text" not in by_name["speech"]
    assert "bits_per_second" not in by_name["text"]
    assert by_name["text"]["perplexity_text"] == pytest.approx(math.exp(by_name["text"]["loss_text"]))
    assert json.loads((tmp_path / f"{built.name}-validation.json").read_text())["results"] == json.loads(said)["data"]
    assert "bits/s" in invoke("evaluate", run, "--data", built, "--interleave", "speech", "--out", tmp_path).stdout
    refused = CliRunner().invoke(cli, ["evaluate", str(run), "--data", str(built), "--interleave", "song"])
    assert "`interleave` must be of" in str(refused.exception)
    assert CliRunner().invoke(cli, ["evaluate", str(run)]).exit_code == 2


def test_a_set_coded_otherwise_is_refused(folder: Path, cuts: Path, tmp_path: Path) -> None:
    from tests.conftest import build

    other = tmp_path / "other"
    build(cuts, other, "units.clusters=9")
    invoke("build-eval", folder / "items" / "items.jsonl", tmp_path / "set", "--like", other, "--workers", 1, "--json")
    refused = CliRunner().invoke(cli, ["evaluate", str(folder / "run-0"), str(tmp_path / "set")])
    assert isinstance(refused.exception, ConfigError)
    assert "units" in str(refused.exception)
