"""Builds whose word times come from files of other tools, or from a CTC model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from lstdata.build.word_times import WordTimes, find_word_source
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError, Unavailable
from lstdata.index import INDEX_SCHEMA, read_rejects, read_table
from lstdata.records import Sample
from lstdata.shards import read_shard
from lstdata.source_row import Locator, SourceRow
from lstdata.verify import verify
from tests.conftest import build
from tests.transcribe.conftest import tone_model as tone_model
from tests.transcribe.tones import RATE, tone


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three recordings of tones with transcripts, and one without."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    said = {"a": ("..AB...A.", "AB A"), "b": (".B..AB..", "B ж AB"), "c": ("..B..A..", "B A"), "d": (".A..", None)}
    for name, (letters, text) in said.items():
        soundfile.write(folder / f"{name}.wav", tone(letters, 3200), RATE)
        if text is not None:
            (folder / f"{name}.txt").write_text(text)
    return folder


def samples(out: Path) -> dict[str, Sample]:
    return {s.id: s for tar in sorted((out / "shards").glob("*.tar")) for s in read_shard(tar)}


def options(*more: str) -> list[str]:
    return ["units.clusters=4", "plan.validation=0", "tokenizer.vocab_size=257", *more]


def ctm(tmp_path: Path, text: str) -> str:
    path = tmp_path / "words.ctm"
    path.write_text(text)
    return f"words.files={path}"


def test_words_of_a_ctm_and_one_that_it_has_not(corpus: Path, tmp_path: Path) -> None:
    files = ctm(tmp_path, "a 1 0.4 0.4 ab 0.9\na 1 1.4 0.2 a 0.7\nd 1 0.2 0.2 ah 1.0\n")
    totals = build(corpus, tmp_path / "out", *options(files))
    assert (totals.written, totals.reasons) == (2, {"missing_word_times": 2})
    assert verify(tmp_path / "out").problems == []
    found = samples(tmp_path / "out")
    assert found["a"].words == ("AB", "A") and found["a"].word_frames is not None
    assert found["a"].word_frames.tolist() == [[10, 20], [35, 40]]
    assert (found["a"].aligner, found["a"].align_score, found["a"].interpolated) == ("files", pytest.approx(0.8), ())
    assert found["d"].text == "ah", "a record without a transcript has the file's words"


def test_other_files_are_another_run(corpus: Path, tmp_path: Path) -> None:
    words = "a 1 0.4 0.4 ab\na 1 1.4 0.2 a\n"
    build(corpus, tmp_path / "out", *options(ctm(tmp_path, words)))
    files = ctm(tmp_path, words.replace("1.4", "1.5"))
    with pytest.raises(ConfigError, match="holds shards of other words: the files of a model or of word times"):
        build(corpus, tmp_path / "out", *options(files))
    build(corpus, tmp_path / "out", *options(files), rebuild=True)
    assert samples(tmp_path / "out")["a"].word_frames.tolist()[1] == [38, 43]  # type: ignore[union-attr]


def test_nothing_is_written_where_there_are_no_files(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"words\.files"):
        build(corpus, tmp_path / "out", *options(f"words.files={tmp_path / 'nothing'}"))
    assert not (tmp_path / "out").exists()


def test_a_ctc_model_gives_words_characters_scores_and_marks_what_it_cannot_spell(
    corpus: Path, tone_model: Path, tmp_path: Path
) -> None:
    build(corpus, tmp_path / "out", *options(f"words.model={tone_model}", "words.min_score=null"))
    assert verify(tmp_path / "out").problems == []
    found = samples(tmp_path / "out")
    one = found["a"]
    assert (one.aligner, one.words) == ("ctc", ("AB", "A")) and one.word_frames is not None
    assert one.word_frames.ravel().tolist() == pytest.approx([10, 20, 35, 40], abs=1)
    assert one.character_frames is not None and one.character_frames[0] is not None
    assert one.character_frames[0] == pytest.approx((10, 15), abs=1)
    assert one.word_scores is not None and all(score is not None and score <= 0 for score in one.word_scores)
    assert found["b"].interpolated == (1,), "the model has no such letter"
    rows = {row["id"]: row for row in read_table(tmp_path / "out" / "index.parquet", INDEX_SCHEMA).to_pylist()}
    assert (rows["a"]["interpolated"], rows["b"]["interpolated"]) == (0, 1)
    assert one.piece_frames is not None and one.piece_frames.tolist() in ([], [one.character_frames[0][1]])
    assert rows["a"]["positions_aligned_bpe"] == rows["a"]["positions_aligned"] + len(one.piece_frames)
    assert rows["a"]["positions_aligned_merged"] == 3, "two words, and the silence at the end is too long for one patch"
    assert {x.id: x.reason for x in read_rejects(tmp_path / "out" / "rejects.parquet")} == {"d": "missing_transcript"}
    silent = tmp_path / "silent"
    build(tmp_path / "out", silent, *options("words.aligner=none", "units.clusters=null"))
    assert verify(silent).problems == [] and samples(silent)["a"].word_scores is None
    again = tmp_path / "again"
    build(tmp_path / "out", again)
    assert samples(again)["b"].interpolated == (1,) and samples(again)["a"].character_frames == one.character_frames


def test_the_worker_must_find_the_same_ctc_model(tone_model: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(tone_model, tmp_path / "model"))
    described = json.loads((moved / "config.json").read_text())
    row = SourceRow(id="a", locator=Locator(path="a.wav"), recording="a", text="AB")
    config = WordsConfig(aligner="ctc", model=str(moved), min_score=None)
    source = find_word_source(config)
    assert WordTimes(config, source=source).find(row, tone("..AB..", 3200)) is not None
    (moved / "config.json").write_text(json.dumps(described | {"note": "changed"}))
    with pytest.raises(Unavailable, match="the model `model` has other files on this worker"):
        WordTimes(config, source=source).find(row, tone("..AB..", 3200))
    assert source.checkpoint is not None and source.identity == source.checkpoint.sha256
