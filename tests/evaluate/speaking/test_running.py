from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.evaluate.speaking import synthesis
from lstdata.evaluate.speaking.utterances import read_utterances
from lstdata.loader.corpus import open_run
from lstdata.train.inherit import load_training
from tests.conftest import build

pytest.importorskip("fairseq2")

from lstdata.train import train

SMALL = ("rows.per_step=2", "rows.positions=128", "rows.tokens=256", "optimizer.warmup=1", "steps=2")


@pytest.fixture(scope="module")
def folder(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`words`, patched by words, and `asr`, which begins with it."""
    folder = tmp_path_factory.mktemp("speaking")
    begun = ["patching.strategy=aligned", "model.global_width=64"]
    tuned = [f"init_from={folder / 'words'}", "interleave.strategy=asr"]
    for name, sets in (("words", begun), ("asr", tuned)):
        train(load_training(None, [*SMALL, *sets]), built, folder / name, lambda line: None)  # type: ignore[arg-type]
    return folder


def invoke(*arguments: object) -> Any:
    done = CliRunner().invoke(cli, ["evaluate", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def refusal(*arguments: object) -> str:
    done = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])
    assert done.exit_code
    return done.output + str(done.exception)


def test_utterances_are_recognised(folder: Path, built: Path, tmp_path: Path) -> None:
    said = invoke(
        folder / "asr", "--data", built, "--split", "train", "--tasks", "asr", "--out", tmp_path, "--limit", 3
    )
    assert list(said) == ["tasks"]
    [result] = said["tasks"]
    name = tmp_path / f"{built.name}-train-asr"
    assert json.loads(Path(f"{name}.json").read_text()) == result
    rows = pq.read_table(f"{name}.parquet").to_pylist()
    expected = read_utterances(open_run(UPath(built)), "train", 3).chosen
    assert [(row["id"], row["reference"]) for row in rows] == [(one.id, one.text) for one in expected]
    assert (result["utterances"], result["left_out"], result["patching"], result["step"]) == (3, 0, "static", 2)
    references, hypotheses = ([row[f"{side}_words"] for row in rows] for side in ("reference", "hypothesis"))
    assert result["wer"]["mean"] == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-6)
    assert result["cer"]["mean"] == pytest.approx(jiwer.cer(references, hypotheses), abs=1e-6)
    assert result["wer"]["low"] <= result["wer"]["mean"] <= result["wer"]["high"]
    for name in ("words", "substitutions", "insertions", "deletions", "tokens", "global_steps", "local_steps"):
        assert result[name] == sum(row[name] for row in rows)
    assert result["prompt_tokens"] == sum(len(one.units) + 3 for one in expected)
    assert result["prompt_positions"] == sum(-(-len(one.units) // 4) + 3 for one in expected)
    assert result["cut_off"] == sum(row["ended"] != "eos" for row in rows)


def test_texts_are_spoken_and_read_back(
    folder: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "SECONDS_PER_CHARACTER", 0.02)
    chosen = ("--data", built, "--split", "train", "--limit", 2)
    arguments = (*chosen, "--tasks", "tts", "--out")
    [alone] = invoke(folder / "asr", *arguments, tmp_path / "alone")["tasks"]
    assert "wer" not in alone and alone["global_steps"] < alone["local_steps"]
    by = ("--recogniser", folder / "asr", "--keep", 1)
    [heard] = invoke(folder / "asr", *arguments, tmp_path / "heard", *by)["tasks"]
    assert heard["tokens"] == alone["tokens"]
    assert heard["recogniser"] == str(folder / "asr")
    both = invoke(folder / "asr", *chosen, "--tasks", "asr", "--interleave", "asr", "--out", tmp_path)
    [asr], [read] = both["tasks"], both["data"]
    assert read["interleave"] == "asr"
    for name in ("wer", "cer"):
        assert heard[f"recorded_{name}"] == asr[name]
        assert heard[name]["mean"] > 0
    rows = pq.read_table(tmp_path / "heard" / f"{built.name}-train-tts.parquet").to_pylist()
    recognised = pq.read_table(tmp_path / f"{built.name}-train-asr.parquet").to_pylist()
    for name, count in (("alone", 2), ("heard", 1)):
        kept = tmp_path / name / f"{built.name}-train-tts"
        listed = json.loads((kept / "spoken.json").read_text())
        assert [(one["id"], one["seconds"]) for one in listed] == [
            (row["id"], row["seconds_of_speech"]) for row in rows[:count]
        ]
        assert [one["recognised"] for one in listed] == ([rows[0]["hypothesis"]] if name == "heard" else [None] * 2)
        for one in listed:
            units = np.load(kept / one["units"])
            assert (units.dtype, len(units)) == (np.uint16, round(one["seconds"] * 25))
        assert {path.name for path in kept.iterdir()} == {"spoken.json", *(one["units"] for one in listed)}
    assert [row["recorded_hypothesis"] for row in rows] == [row["hypothesis"] for row in recognised]


def test_what_cannot_be_asked_for_is_refused(
    folder: Path, built: Path, cuts: Path, text_run: Path, tmp_path: Path
) -> None:
    asr, data = folder / "asr", ("--data", built)
    assert "was trained with `aligned` patches" in refusal(folder / "words", *data, "--tasks", "asr")
    assert "`aligned` patches" in refusal(folder / "asr", *data, "--tasks", "tts", "--recogniser", folder / "words")
    assert "`tasks` must be of asr, tts, but has 'song'" in refusal(asr, *data, "--tasks", "asr,song")
    assert "`tasks` must name each task once" in refusal(asr, *data, "--tasks", "asr,asr")
    assert "--keep is for --tasks tts" in refusal(asr, *data, "--tasks", "asr", "--keep", 1)
    assert "--interleave needs --data" in refusal(asr, folder, "--interleave", "text")
    assert "--recogniser is for --tasks tts" in refusal(asr, *data, "--tasks", "asr", "--recogniser", asr)
    assert "--temperature is for --tasks" in refusal(asr, *data, "--temperature", 1)
    assert "--tasks needs --data" in refusal(asr, "--tasks", "asr")
    assert "is one of text" in refusal(asr, "--data", text_run, "--tasks", "asr")
    assert "must hold test samples" in refusal(asr, *data, "--tasks", "asr", "--split", "test")
    other = tmp_path / "other"
    build(cuts, other, "units.clusters=9")
    assert "units" in refusal(asr, "--data", other, "--tasks", "asr")


def test_utterances_without_words_are_left_out_and_counted(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from lstdata.loader.corpus import SplitCorpus

    sample = SplitCorpus.sample
    texts: dict[int, str | None] = {0: None, 1: "[noise]", 2: "two words"}

    def other(self: SplitCorpus, number: int) -> Any:
        text = texts.get(number)
        return replace(sample(self, number), text=text, words=None, word_frames=None)

    monkeypatch.setattr(SplitCorpus, "sample", other)
    run = open_run(UPath(built))
    found = read_utterances(run, "train")
    assert [one.words for one in found.chosen] == ["two words"]
    assert found.left_out == 10
    texts.clear()
    with pytest.raises(ConfigError, match="must hold transcripts, but no train sample"):
        read_utterances(run, "train")
