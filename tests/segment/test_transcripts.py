"""Long recordings with a transcript but without word times: aligned by the tone model, and cut between words."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.locking import locked
from lstdata.records import SAMPLE_RATE
from lstdata.segment.aligning import TranscriptDivider
from lstdata.segment.folder import SEGMENTS, refuse_strangers
from lstdata.segment.recording import segment_row
from lstdata.segment.run import Totals, Work, segment
from lstdata.segment.survey import Survey
from lstdata.source_row import Locator, SourceRow
from lstdata.sources import open_source
from lstdata.sources.row_file import RowFile
from tests.segment.conftest import LoudIsSpeech, in_this_process
from tests.segment.test_segment import Watching
from tests.transcribe.conftest import tone_model as tone_model
from tests.transcribe.tones import tone

BURST = 3200
SPOKEN = "..AB.A..BA....AB..." * 4
"""Fifteen seconds, and twelve words."""

SETS = ("segment.longer_than=5", "segment.target_seconds=5", "segment.max_seconds=6", "run.workers=1")


def bursts(letters: str) -> list[tuple[str, float, float]]:
    """(word, start, end) in seconds of what a row of tones says."""
    second = SAMPLE_RATE / BURST
    return [(m[0].lower(), m.start() / second, m.end() / second) for m in re.finditer("[AB]+", letters)]


def said(letters: str) -> str:
    return " ".join(word for word, _, _ in bursts(letters))


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talk with its transcript, one of unstated length, a short one, one with another talk's, one half wrong."""
    folder = tmp_path_factory.mktemp("talks")
    half = "..AB.A..BA....AB..." * 2
    wrong = half + "AAAAAAAAAAAAAA.AAAAAAAAAAAAAA." + "." * 8
    told = {
        "talk": (SPOKEN, said(SPOKEN), True),
        "unstated": (SPOKEN, said(SPOKEN), False),
        "short": ("..AB..A.", "ab a", True),
        "other": ("A" * 60, "bab " * 6, True),
        "half": (wrong, said(half) + " bab bab bab ab", True),
        "foreign": (SPOKEN, "你好 世界", True),
    }
    lines = []
    for name, (letters, text, stated) in told.items():
        wave = tone(letters, BURST)
        soundfile.write(folder / f"{name}.wav", wave, SAMPLE_RATE)
        line = {"id": name, "audio": f"{name}.wav", "text": text, "language": "en", "speaker": "s"}
        lines.append(line | ({"duration": len(wave) / SAMPLE_RATE} if stated else {}))
    (folder / "table.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "table.jsonl"


def work(table: Path, out: Path, *sets: str) -> Work:
    config = load(BuildConfig, None, [*SETS, *sets])
    return Work(str(table), open_source(str(table), config.source), config, out)


def run(table: Path, out: Path, *sets: str) -> tuple[Totals, list[str]]:
    asked, watching = work(table, out, *sets), Watching()
    with locked(out, refuse_strangers), pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstdata.segment.run.run_tasks", in_this_process)
        return segment(asked, watching), watching.lines


def rows(out: Path) -> dict[str, list[SourceRow]]:
    """Of each record."""
    found: dict[str, list[SourceRow]] = {}
    for row in RowFile.opened(str(out / SEGMENTS)).scan():
        found.setdefault(row.custom.get("segment_of", row.id), []).append(row)
    return found


@pytest.fixture(scope="module")
def done(talks: Path, tone_model: Path) -> Path:
    """A finished segmentation; read only."""
    out = talks.parent / "done"
    run(talks, out, f"words.model={tone_model}")
    return out


@pytest.mark.parametrize("name", ["talk", "unstated"])
def test_a_talk_is_cut_between_the_words_that_were_found_in_it(done: Path, name: str) -> None:
    parts = rows(done)[name]
    assert len(parts) >= 3
    told = []
    for row in parts:
        assert row.reject is None and row.words and row.text == " ".join(word.text for word in row.words)
        assert row.duration is not None and row.duration <= 6
        assert row.score == pytest.approx(0, abs=0.05)
        assert row.custom["aligned_by"]["sha256"]
        start = (row.locator.start or 0) / SAMPLE_RATE
        told += [(word.text, start + word.start, start + word.end) for word in row.words]
        assert all(0 <= word.start <= word.end <= row.duration for word in row.words)
    expected = bursts(SPOKEN)
    assert [word for word, _, _ in told] == [word for word, _, _ in expected]
    assert [start for _, start, _ in told] == pytest.approx([start for _, start, _ in expected], abs=0.06)
    assert [end for _, _, end in told] == pytest.approx([end for _, _, end in expected], abs=0.06)


def test_what_does_not_fit_says_why(done: Path) -> None:
    found = rows(done)
    assert {name: [row.reject[0] for row in parts if row.reject] for name, parts in found.items()} == {
        "talk": [],
        "unstated": [],
        "short": [],
        "other": ["low_score"],
        "half": ["low_score"] * len([row for row in found["half"] if row.reject]),
        "foreign": ["out_of_vocabulary"],
    }
    [short] = found["short"]
    assert (short.text, short.words, short.custom) == ("ab a", None, {})


def test_of_a_half_wrong_transcript_the_segments_that_fit_are_kept(done: Path) -> None:
    parts = rows(done)["half"]
    kept = [row for row in parts if row.reject is None]
    assert 0 < len(kept) < len(parts)
    assert all(row.score is not None and row.score > -1 for row in kept)
    assert all(row.score is not None and row.score < -2 for row in parts if row.reject)
    assert all((row.locator.end or 0) <= 38 * BURST for row in kept)


def test_without_an_aligner_that_takes_in_hours_a_transcript_needs_word_times(talks: Path, tmp_path: Path) -> None:
    totals, lines = run(talks, tmp_path, "words.aligner=sphinx")
    assert totals.reasons == {"needs_word_times": 5}
    assert "5 have no word times and will be rejected" in lines[0]


def test_the_survey_says_what_will_be_aligned(talks: Path, tone_model: Path, tmp_path: Path) -> None:
    asked = work(talks, tmp_path, f"words.model={tone_model}")
    survey = asked.survey()
    assert (survey.long, survey.unknown, survey.needing_word_times, survey.to_be_aligned) == (5, 0, 0, 5)
    assert survey.describe().endswith("; 5 have no word times and will be aligned")


def test_segments_are_bound_to_the_model_and_to_the_least_score(
    talks: Path, done: Path, tone_model: Path, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(tone_model, tmp_path / tone_model.name))
    assert "is complete" in run(talks, done, f"words.model={moved}")[1][0], "the same files are the same model"
    with pytest.raises(ConfigError, match=r"`words\.min_score` -2\.0 → -9\.0"):
        run(talks, done, f"words.model={tone_model}", "words.min_score=-9")
    (moved / "added.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"`words\.model\.sha256`"):
        run(talks, done, f"words.model={moved}")
    with pytest.raises(ConfigError, match=r"segmented with other options: `words`"):
        run(talks, done)


def test_where_nothing_is_aligned_no_model_is_asked_for(talks: Path, tmp_path: Path) -> None:
    table = talks.parent / "short.jsonl"
    table.write_text("".join(line for line in talks.read_text().splitlines(True) if '"short"' in line))
    asked = work(table, tmp_path, "words.model=/no/such/folder")
    survey: Survey = asked.survey()
    assert asked.align(survey) is None and "words" not in asked.by(survey)


def test_a_model_that_cannot_align_is_refused_before_the_folder_is_bound(
    talks: Path, tone_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tone_model, tmp_path / "broken"))
    (folder / "vocab.json").write_text("{")
    with pytest.raises(ConfigError, match="its tokenizer cannot be loaded"):
        run(talks, tmp_path / "out", f"words.model={folder}")
    assert not (tmp_path / "out" / "segment.json").exists()


def test_what_is_short_after_all_is_not_aligned(talks: Path, tone_model: Path, tmp_path: Path) -> None:
    asked = work(talks, tmp_path, f"words.model={tone_model}")
    align = asked.align(asked.survey())
    assert align is not None
    row = SourceRow(id="s", recording="s", locator=Locator(path="short.wav"), text="nothing like it")
    divider = TranscriptDivider(align)
    assert segment_row(asked.source, row, asked.config.segment, LoudIsSpeech(), divider).rows == (row,)
    (rejected,) = segment_row(
        asked.source, row, replace(asked.config.segment, longer_than=1), LoudIsSpeech(), divider
    ).rows
    assert rejected.reject is not None and rejected.reject[0] == "out_of_vocabulary"
    assert replace(rejected, reject=None) == row


@pytest.mark.slow
def test_two_workers_give_the_same_bytes(talks: Path, done: Path, tone_model: Path) -> None:
    asked = work(talks, talks.parent / "two", f"words.model={tone_model}", "run.workers=2")
    with locked(asked.out, refuse_strangers):
        segment(asked, Watching())
    assert (asked.out / SEGMENTS).read_bytes() == (done / SEGMENTS).read_bytes()
