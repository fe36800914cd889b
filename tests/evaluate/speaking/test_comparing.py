from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.evaluate.speaking.comparing import compare_attempts
from lstdata.evaluate.speaking.results import Attempt, hear, summary, write_attempts
from lstdata.evaluate.speaking.utterances import Utterance
from lstdata.model.generation import Generated

REFERENCES = ("one day the keeper", "saw a small boat drift", "towards the rocks", "and lit every lamp")

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """The table of a model that heard these texts, and the figures beside it."""

    def make(name: str, hypotheses: tuple[str | None, ...], task: str = "asr", **said: Any) -> str:
        attempts = [attempt(n, *both) for n, both in enumerate(zip(REFERENCES, hypotheses, strict=False))]
        path = UPath(tmp_path / f"{name}-{task}.parquet")
        write_attempts(path, task, attempts)
        figures = {"run": f"runs/{name}", "step": 9, "patching": "static", "seconds": 1.5, **said}
        path.with_suffix(".json").write_text(json.dumps(summary(attempts, 0) | figures))
        return str(path)

    return make


def attempt(number: int, reference: str, hypothesis: str | None) -> Attempt:
    one = Utterance(f"u{number}", f"u{number}", np.zeros(5, np.uint16), 0.2, reference, reference)
    made = Generated(
        prompt_tokens=8,
        prompt_positions=5,
        tokens=[1, 2, 3],
        spans=[],
        ended="eos",
        seconds=0.0,
        global_steps=1,
        local_steps=3,
    )
    return Attempt(one, made, None if hypothesis is None else hear(one, hypothesis))


def test_error_rates_are_compared_utterance_by_utterance(write: Write) -> None:
    """16 words; we miss one of every second utterance, they all of the first and one of each other."""
    ours = write("ours", ("one day the keeper", "saw a boat drift", "towards the rocks", "and lit every"))
    theirs = write("theirs", ("", "saw a boat drift", "towards rocks", "and lit every"))
    found = compare_attempts([ours], [theirs.replace(".parquet", ".json")])
    wer, cer = found["differences"]
    assert (wer["rate"], wer["items"], wer["ours"], wer["theirs"]) == ("wer", 4, 2 / 16, 7 / 16)
    assert wer["difference"] == pytest.approx(-5 / 16)
    assert -1 <= wer["low"] < wer["difference"] < wer["high"] <= 0
    assert cer["difference"] < 0
    mine, their = found["results"]
    assert (mine["side"], mine["run"], mine["seconds"], mine["wer"]) == ("ours", "runs/ours", 1.5, 2 / 16)
    assert (their["prompt_positions"], their["global_steps"], their["local_steps"]) == (20, 4, 12)
    said = CliRunner().invoke(cli, ["compare", ours, theirs], catch_exceptions=False).output
    assert "asr WER" in said and "static theirs" in said
    several = compare_attempts([ours, theirs], [theirs, ours])["differences"][0]
    assert (several["runs"], several["difference"]) == ([2, 2], 0.0)


def test_lengths_are_compared_where_nobody_listened(write: Write) -> None:
    found = compare_attempts([write("a", (None, None), "tts")], [write("b", (None, None), "tts")])
    assert found["differences"] == []
    assert [row["tokens"] for row in found["results"]] == [6, 6]


def test_what_cannot_be_compared_is_refused(write: Write, tmp_path: Path) -> None:
    first = write("a", REFERENCES)
    for other, why in (
        (write("b", REFERENCES[:3]), "must have the same utterances"),
        (write("c", REFERENCES, "tts"), "must be of one task, but are of asr and tts"),
        (write("d", REFERENCES, recogniser="other"), "were not read back by the same recogniser"),
        (str(tmp_path / "nothing.parquet"), "There is no `"),
    ):
        with pytest.raises(ConfigError, match=why):
            compare_attempts([first], [other])
    write_attempts(UPath(tmp_path / "empty.parquet"), "asr", [])
    with pytest.raises(ConfigError, match="must hold utterances, but is empty"):
        compare_attempts([first], [str(tmp_path / "empty.parquet")])


def test_rates_of_all_utterances_together_have_intervals() -> None:
    """Two utterances of 4 and 5 words with 4 errors and none: 4 of 9; alone, all or none."""
    attempts = [attempt(0, REFERENCES[0], ""), attempt(1, REFERENCES[1], REFERENCES[1])]
    found = summary(attempts, 0)
    assert found["wer"] == {"mean": round(4 / 9, 6), "low": 0.0, "high": 1.0}
    assert (found["words"], found["deletions"], found["substitutions"], found["insertions"]) == (9, 4, 0, 0)
    assert found["cut_off"] == 0
    late = replace(attempts[0], made=replace(attempts[0].made, ended="tokens"))
    assert summary([late, attempts[1]], 0)["cut_off"] == 1
