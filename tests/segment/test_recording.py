"""One long record: cut at its own rate, decoded as a stream, and rejected where it cannot be cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstdata.audio import STREAM_BLOCK
from lstdata.config import SegmentConfig, SourceConfig
from lstdata.errors import Unavailable
from lstdata.records import SAMPLE_RATE, Audio
from lstdata.segment.recording import Segmented, segment_row
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources import open_source
from lstdata.sources.folder import FolderSource
from tests.segment.conftest import LoudIsSpeech, write_bursts

CONFIG = SegmentConfig()


def cut(
    folder: Path, row: SourceRow, config: SegmentConfig = CONFIG, detector: LoudIsSpeech | None = None
) -> Segmented:
    return segment_row(open_source(str(folder), SourceConfig()), row, config, detector or LoudIsSpeech())


def a_row(name: str, **fields: object) -> SourceRow:
    return SourceRow(id="talk", recording=name, locator=Locator(path=name), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_borders_are_samples_of_the_file_and_lie_in_the_silences(tmp_path: Path, rate: int) -> None:
    bursts = [(1.0, 12.0), (13.0, 24.0), (25.0, 36.0)]
    write_bursts(tmp_path / "a.wav", bursts, 40, rate)
    done = cut(tmp_path, a_row("a.wav", speaker="s", custom={"topic": "x"}))
    assert [row.locator.rate for row in done.rows] == [rate] * 3
    for (start, end), row in zip(bursts, done.rows, strict=True):
        place = row.locator
        assert place.start is not None and place.end is not None
        assert place.start / rate == pytest.approx(start - 0.2, abs=0.04)
        assert place.end / rate == pytest.approx(end + 0.2, abs=0.04)
        assert row.duration == (place.end - place.start) / rate
        audio = open_source(str(tmp_path), SourceConfig()).open(place)
        assert isinstance(audio, Audio) and audio.decoded == place.end - place.start
        assert np.abs(audio.samples[: SAMPLE_RATE // 10]).max() < 0.05 < np.abs(audio.samples).max()
        assert (row.speaker, row.custom) == ("s", {"topic": "x", "segment_of": "talk"})
    assert [row.id.startswith("talk-") for row in done.rows] == [True] * 3
    assert [round(int(row.id[5:]), -2) for row in done.rows] == [800, 12_800, 24_800]
    assert done.seconds == 40 and done.speech == pytest.approx(33, abs=0.2)


def test_a_stretch_of_a_file_is_cut_on_the_file_s_own_clock(tmp_path: Path) -> None:
    write_bursts(tmp_path / "a.wav", [(1, 2), (101, 112), (115, 126)], 200)
    row = replace(a_row("a.wav"), locator=Locator(path="a.wav", start=100 * 22_050, end=140 * 22_050, rate=22_050))
    first, second = cut(tmp_path, row).rows
    assert first.locator.start == pytest.approx(100.8 * 22_050, abs=1000)
    assert second.locator.end == pytest.approx(126.2 * 22_050, abs=1000)
    assert first.id == "talk-792", "milliseconds of the record, not of the file"


def test_ten_minutes_are_heard_in_blocks_and_never_opened_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("opened whole")

    write_bursts(tmp_path / "a.wav", [(s, s + 9) for s in range(0, 600, 10)], 600, 8_000)
    monkeypatch.setattr(FolderSource, "scan", refuse)
    monkeypatch.setattr("lstdata.audio.read", refuse)
    detector = LoudIsSpeech()
    done = cut(tmp_path, a_row("a.wav"), detector=detector)
    assert sum(detector.blocks) == 600 * SAMPLE_RATE and max(detector.blocks) <= STREAM_BLOCK
    assert 30 <= len(done.rows) <= 60


def test_words_travel_with_their_segments(tmp_path: Path) -> None:
    write_bursts(tmp_path / "a.wav", [], 60)
    words = [TimedWord(f"w{n}", n + 0.1, n + (1.0 if n % 7 else 0.5)) for n in range(59)]
    words.insert(3, TimedWord("", 2.6, 2.9))
    done = cut(tmp_path, a_row("a.wav", text="what was said", words=tuple(words), score=-3.0))
    assert len(done.rows) > 2 and done.speech is None
    told = []
    for row in done.rows:
        assert row.words and row.text == " ".join(word.text for word in row.words) and row.score == -3.0
        start = (row.locator.start or 0) / 22_050
        told += [(word.text, round(start + word.start, 3), round(start + word.end, 3)) for word in row.words]
        assert all(0 <= word.start <= word.end <= (row.duration or 0) + 1e-4 for word in row.words)
    assert told == [(w.text, pytest.approx(w.start, abs=2e-3), pytest.approx(w.end, abs=2e-3)) for w in words if w.text]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "no_speech"),
        ({"text": "spoken somewhere"}, "needs_word_times"),
        ({"words": (TimedWord("late", 90, 91),)}, "bad_word_times"),
    ],
)
def test_what_cannot_be_cut_is_one_rejected_row(tmp_path: Path, fields: dict[str, object], reason: str) -> None:
    write_bursts(tmp_path / "a.wav", [], 40)
    row = a_row("a.wav", **fields)
    (rejected,) = cut(tmp_path, row).rows
    assert rejected.reject is not None and rejected.reject[0] == reason
    assert replace(rejected, reject=None) == row


def test_a_bad_recording_is_one_rejected_row_and_an_unreachable_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"no audio")
    (rejected,) = cut(tmp_path, a_row("b.wav")).rows
    assert rejected.reject is not None
    assert rejected.reject[0] == "undecodable" and str(tmp_path) not in rejected.reject[1]
    (tmp_path / "mount").symlink_to(tmp_path / "away")
    with pytest.raises(Unavailable):
        cut(tmp_path, a_row("mount/a.wav"))


def test_a_bug_of_a_library_costs_one_recording(tmp_path: Path) -> None:
    class Broken(LoudIsSpeech):
        def probabilities(self, blocks: object) -> np.ndarray:
            raise ZeroDivisionError("oh")

    write_bursts(tmp_path / "a.wav", [], 40)
    (rejected,) = cut(tmp_path, a_row("a.wav"), detector=Broken()).rows
    assert rejected.reject == ("unexpected_error", "ZeroDivisionError: oh")


@pytest.mark.parametrize("fields", [{}, {"text": "a b"}, {"words": (TimedWord("a", 1, 2),)}])
def test_what_is_short_after_all_stays_as_it_is(tmp_path: Path, fields: dict[str, object]) -> None:
    write_bursts(tmp_path / "a.wav", [(1, 4)], 29.9)
    row = a_row("a.wav", **fields)
    done = cut(tmp_path, row)
    assert done.rows == (row,) and done.seconds == pytest.approx(29.9)


def test_segments_that_begin_in_one_millisecond_have_ids_of_their_own(tmp_path: Path) -> None:
    write_bursts(tmp_path / "a.wav", [], 40, 44_100)
    words = tuple(TimedWord(f"w{n}", 1 + n * 2e-4, 1 + n * 2e-4 + 7e-5) for n in range(3))
    config = SegmentConfig(min_silence=5e-5, max_silence=5e-5, margin=0)
    rows = cut(tmp_path, a_row("a.wav", words=words), config).rows
    assert [row.id for row in rows] == ["talk-1000", "talk-1001", "talk-1002"]
