"""What a dry run says without decoding anything."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from lstdata.build.outlook import foresee, outlook_text
from lstdata.build.plan import make_plan
from lstdata.cli import main
from lstdata.config import PlanConfig, WordsConfig
from lstdata.index import read_rejects
from lstdata.source_row import SourceRow, TimedWord
from tests.build.test_plan import Rows, row
from tests.conftest import build

WORD = (TimedWord("a", 0.0, 0.5),)
ROWS = [
    row("a", split="train", duration=3600.0),
    row("b", split="train", text=None, duration=None),
    row("c", split="train", text=" \t\u3000\u2028", duration=1800.0),
    row("d", split="test", text="", duration=None, words=()),
    row("e", split="test", text=None, words=WORD, duration=3590.0),
    row("f", reject=("bad_row", "x"), text=None),
    row("g", reject=("bad_row", "x"), duration=None),
    row("h", reject=("rate_mismatch", "x")),
    row("a", text="late"),
]


def seen(path: Path, rows: list[SourceRow], words: WordsConfig) -> tuple[dict[str, object], list[str]]:
    plan = make_plan(Rows(rows), PlanConfig(validation=0, shard_samples=1), path)
    outlook = foresee(path, words)
    return plan.summary() | outlook.to_json(), outlook_text(plan, outlook)


def test_every_record_is_foreseen_by_split_length_and_reason(tmp_path: Path) -> None:
    said, lines = seen(tmp_path / "plan.parquet", ROWS, WordsConfig())
    assert said == {
        "records": 9,
        "rejected": 4,
        "seconds": 9010.0,
        "text_bytes": 0,
        "shards": 5,
        "splits": {"train": {"records": 3, "seconds": 5410.0}, "test": {"records": 2, "seconds": 3600.0}},
        "unknown_lengths": 2,
        "source_rejects": {"bad_row": 2, "duplicate_id": 1, "rate_mismatch": 1},
        "expected_rejects": {"missing_transcript": 3},
    }
    assert lines == [
        "split train: 3 records, 1.50 h",
        "split test: 2 records, 1.00 h",
        "rejected by the source: bad_row 2",
        "rejected by the source: duplicate_id 1",
        "rejected by the source: rate_mismatch 1",
        "will be rejected undecoded: missing_transcript 3",
        "length not known: 2 of 5 records, taken for 10 s each; the hours are a guess",
    ]


@pytest.mark.parametrize("words", [WordsConfig(aligner="none"), WordsConfig(missing="speech")])
def test_transcripts_are_missed_only_where_they_are_needed(tmp_path: Path, words: WordsConfig) -> None:
    said, lines = seen(tmp_path / "plan.parquet", ROWS, words)
    assert said["expected_rejects"] == {} and not any("undecoded" in line for line in lines)


def test_of_what_is_none_nothing_is_said(tmp_path: Path) -> None:
    assert seen(tmp_path / "plan.parquet", ROWS[:1], WordsConfig())[1] == ["split train: 1 records, 1.00 h"]


def test_a_dry_run_foresees_what_the_build_rejects(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    for number in range(4):
        (corpus / f"{number}.flac").write_bytes((cuts / f"audio/utt-00{number}.flac").read_bytes())
    for number, text in enumerate(["the old miller", " \n", ""]):
        (corpus / f"{number}.txt").write_text(text)
    monkeypatch.setattr("sys.argv", ["lstdata", "build-shards", str(corpus), str(out), "--dry-run", "--json"])
    main()
    said = json.loads(capsys.readouterr().out)
    build(corpus, out)
    rejected = Counter(letter.reason for letter in read_rejects(out / "rejects.parquet"))
    assert rejected["missing_transcript"] == 3
    assert said["expected_rejects"] == {"missing_transcript": 3} and said["source_rejects"] == {}
    assert said["unknown_lengths"] == 0 and sum(split["records"] for split in said["splits"].values()) == 4
