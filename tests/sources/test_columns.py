"""The column map of a table: stretches, channels, word times, and where its audio lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.records import Audio
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources import Source, open_source

RATE = 8_000


def recording(path: Path, seconds: float, channels: int = 1, rate: int = RATE) -> None:
    """A ramp, so that every sample says where it is; each channel a hundredth above the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.arange(round(seconds * rate)) / (1000 * rate)
    soundfile.write(path, ramp[:, None] + np.arange(channels) / 100, rate, subtype="FLOAT")


def table(root: Path, *rows: dict[str, Any], **columns: Any) -> Source:
    path = root / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return open_source(str(path), SourceConfig(**columns))


def scan(root: Path, *rows: dict[str, Any], **columns: Any) -> list[SourceRow]:
    return list(table(root, *rows, **columns).scan())


def reason(row: SourceRow) -> str | None:
    return row.reject and row.reject[0]


def test_start_and_end_cut_a_stretch_of_the_recording(tmp_path: Path) -> None:
    recording(tmp_path / "long.wav", 10)
    source = table(
        tmp_path,
        {"id": "a", "audio": "long.wav", "start": 1.25, "end": "2.5", "duration": 10},
        {"id": "b", "audio": "long.wav", "start": 0, "end": 1},
        {"id": "c", "audio": "long.wav", "start": 4},
        {"id": "d", "audio": "long.wav", "end": 3},
        {"id": "e", "audio": "long.wav"},
    )
    rows = list(source.scan())
    places = [(row.locator.start, row.locator.end, row.locator.rate) for row in rows]
    assert places == [(10_000, 20_000, RATE), (0, 8_000, RATE), (32_000, None, RATE), (0, 24_000, RATE), (None,) * 3]
    assert [row.duration for row in rows] == [1.25, 1.0, 6.0, 3.0, 10.0]
    assert {row.recording for row in rows} == {"long.wav"}
    assert all(row.custom == {} for row in rows)
    audio = source.open(rows[0].locator)
    assert isinstance(audio, Audio)
    assert audio.decoded == 10_000


def test_times_in_milliseconds(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 2, rate=11_025)
    (row,) = scan(tmp_path, {"id": "a", "audio": "a.wav", "start": 333, "end": 1_000}, time_unit="ms")
    assert (row.locator.start, row.locator.end, row.duration) == (3_671, 11_025, pytest.approx(0.667))
    (row,) = scan(tmp_path, {"id": "a", "audio": "a.wav", "duration": 1_500}, time_unit="ms")
    assert (row.locator.start, row.duration) == (None, 1.5)


def test_a_start_with_a_duration_is_a_stretch_as_in_nemo_manifests(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 10)
    line = {"audio_filepath": "a.wav", "offset": 2.0, "duration": 3.0, "text": "hi"}
    rows = scan(tmp_path, line, {**line, "offset": 5.0015}, audio="audio_filepath", start="offset")
    assert [row.id for row in rows] == ["a-2000", "a-5002"]
    assert (rows[0].locator.start, rows[0].locator.end, rows[0].duration) == (16_000, 40_000, 3.0)


def test_a_table_without_ids_is_called_after_its_files(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",audio,text\nfirst,wav/a.b.wav,hi\nsecond,../b.wav,hi\nthird,,hi\n")
    for named in ({}, {"id": ""}):
        rows = list(open_source(str(path), SourceConfig(**named)).scan())
        assert [row.id for row in rows] == ["wav/a.b", "row-2", "row-3"]
        assert [reason(row) for row in rows] == [None, "path_escapes", "bad_row"]


def test_both_channels_of_a_call_have_ids_of_their_own(tmp_path: Path) -> None:
    recording(tmp_path / "call.wav", 3, channels=2)
    rows = scan(tmp_path, *({"audio": "call.wav", "channel": n, "start": 1.5, "end": 2} for n in (0, 1)))
    assert [row.id for row in rows] == ["call-1500-c0", "call-1500-c1"]


def test_a_row_without_an_id_among_others_is_a_dead_letter(tmp_path: Path) -> None:
    rows = scan(tmp_path, {"audio": "a.wav"}, {"id": "b", "audio": "b.wav"})
    assert [(row.id, reason(row)) for row in rows] == [("row-1", "bad_row"), ("b", None)]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ({"start": 2, "end": 2}, "`end` must be after `start`: 2.0 to 2.0 s"),
        ({"start": 2, "end": 1}, "`end` must be after `start`"),
        ({"end": 0}, "`end` must be after 0"),
        ({"start": -1}, "`start` must be seconds from 0 to 315576000, but is -1"),
        ({"start": "00:01:02"}, "`start` must be seconds"),
        ({"start": 0, "end": float("nan")}, "`end` must be seconds"),
        ({"end": 1e12}, "`end` must be seconds"),
        ({"channel": -1}, "`channel` must be a channel's number from 0 to 1023, but is -1"),
        ({"channel": "left"}, "`channel` must be a channel's number"),
        ({"channel": True}, "`channel` must be"),
        ({"channel": 2**31}, "`channel` must be a channel's number from 0 to 1023, but is 2147483648"),
        ({"channel": "²"}, "`channel` must be"),
    ],
)
def test_a_value_that_cannot_be_costs_its_row_and_names_the_column(
    tmp_path: Path, times: dict[str, Any], message: str
) -> None:
    recording(tmp_path / "a.wav", 3)
    good = {"id": "g", "audio": "a.wav"}
    found = scan(tmp_path, good, {"id": "bad", "audio": "a.wav", **times}, {**good, "id": "h"})
    assert [reason(row) for row in found] == [None, "bad_row", None]
    assert found[1].reject is not None
    assert "row 2 of `t.jsonl`" in found[1].reject[1]
    assert message in found[1].reject[1]


def nested(levels: int) -> list[Any]:
    return [nested(levels - 1)] if levels > 1 else []


def test_a_value_that_is_nested_too_deep_costs_its_row(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 3)
    deepest, deeper, far = (
        {"id": str(levels), "audio": "a.wav", "more": {"x": nested(levels - 1)}} for levels in (100, 101, 600)
    )
    found = scan(tmp_path, deepest, deeper, far)
    assert [reason(row) for row in found] == [None, "bad_row", "bad_row"]
    assert found[1].reject is not None
    assert "nested more than 100 deep" in found[1].reject[1]


def test_milliseconds_are_named_in_what_is_refused(tmp_path: Path) -> None:
    (row,) = scan(tmp_path, {"id": "a", "audio": "a.wav", "end": -5}, time_unit="ms")
    assert row.reject is not None
    assert "`end` must be milliseconds from 0 to 315576000000, but is -5" in row.reject[1]


def test_a_stretch_of_a_recording_that_cannot_be_used_is_a_dead_letter_already(tmp_path: Path) -> None:
    """Without its header nobody knows which samples are meant."""
    (tmp_path / "junk.wav").write_bytes(b"not audio")
    (tmp_path / "empty.wav").write_bytes(b"")
    cut = {"start": 1, "end": 2}
    found = scan(tmp_path, *({"id": n, "audio": f"{n}.wav", **cut} for n in ("gone", "junk", "empty")))
    assert [(row.id, reason(row)) for row in found] == [
        ("gone", "missing_audio"),
        ("junk", "undecodable"),
        ("empty", "empty_file"),
    ]
    assert found[1].reject is not None
    assert found[1].reject[1].startswith("row 2 of `t.jsonl`: `junk.wav`")
    assert str(tmp_path) not in found[1].reject[1]


def test_a_stretch_of_a_recording_out_of_reach_ends_planning(tmp_path: Path) -> None:
    away = {"id": "a", "audio": str(tmp_path / "unmounted" / "a.wav"), "start": 1, "end": 2}
    with pytest.raises(Unavailable, match=r"cannot be reached.*sampling rate"):
        scan(tmp_path, away)


def test_a_recording_replaced_since_planning_is_not_cut_elsewhere(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 3)
    source = table(tmp_path, {"id": "a", "audio": "a.wav", "start": 1, "end": 2})
    (row,) = source.scan()
    recording(tmp_path / "a.wav", 3, rate=16_000)
    with pytest.raises(Rejected, match="rate_mismatch"):
        source.open(row.locator)


def test_a_stretch_far_beyond_its_recording_is_refused(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 3)
    source = table(tmp_path, *({"id": str(end), "audio": "a.wav", "start": 1, "end": end} for end in (3.9, 4.1, 4_000)))
    rounded, *beyond = source.scan()
    behind = table(tmp_path, {"id": "a", "audio": "a.wav", "start": 20, "end": 21})
    audio = source.open(rounded.locator)
    assert isinstance(audio, Audio)
    assert audio.decoded == 16_000
    for row in (*beyond, *behind.scan()):
        with pytest.raises(Rejected, match=r"beyond_recording: .* after the end of `a\.wav`"):
            source.open(row.locator)


def test_headers_are_read_once_for_neighbouring_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstdata import audio

    recording(tmp_path / "a.wav", 3)
    recording(tmp_path / "b.wav", 3)
    read: list[str] = []
    header = audio.header
    monkeypatch.setattr(audio, "header", lambda path, **rest: read.append(path) or header(path, **rest))
    rows = [{"id": str(n), "audio": f"{'ab'[n % 2]}.wav", "start": 0.5, "end": 1} for n in range(20)]
    assert len(scan(tmp_path, *rows)) == 20
    assert len(read) == 2


def test_one_channel_of_several(tmp_path: Path) -> None:
    recording(tmp_path / "two.wav", 1, channels=2)
    call = {"audio": "two.wav", "recording": "call 7"}
    source = table(
        tmp_path,
        {"id": "left", "channel": 0, **call},
        {"id": "right", "channel": "1", **call},
        {"id": "both", "channel": "", **call},
        {"id": "third", "channel": 2, **call},
    )
    rows = list(source.scan())
    assert [row.locator.channel for row in rows] == [0, 1, None, 2]
    assert {row.recording for row in rows} == {"call 7"}
    levels = [float(source.open(row.locator).samples[500:-500].mean()) for row in rows[:3]]  # type: ignore[union-attr]
    assert levels[1] - levels[0] == pytest.approx(0.01, abs=1e-4)
    assert levels[2] - levels[0] == pytest.approx(0.005, abs=1e-4)
    with pytest.raises(Rejected, match="bad_channel"):
        source.open(rows[3].locator)


def test_word_times_of_the_table(tmp_path: Path) -> None:
    words = [{"word": "good", "start": 0, "end": 0.5}, {"text": "day", "start": 0.5, "end": 1.0, "score": 1}]
    rows = [{"id": "a", "audio": "a.wav", "words": words, "duration": 1}, {"id": "b", "audio": "b.wav", "words": []}]
    expected = (TimedWord("good", 0.0, 0.5), TimedWord("day", 0.5, 1.0))
    assert [row.words for row in scan(tmp_path, *rows)] == [expected, None]
    pq.write_table(pa.Table.from_pylist([{**rows[0], "text": "good day"}]), tmp_path / "t.parquet")
    (row,) = open_source(str(tmp_path / "t.parquet"), SourceConfig()).scan()
    assert (row.words, row.custom) == (expected, {})


@pytest.mark.parametrize(
    "words",
    [
        12,
        "good day",
        ["good", "day"],
        [{"word": "good"}],
        [{"word": "good", "start": 1, "end": 0.5}],
        [{"word": "good", "start": -1, "end": 0.5}],
        [{"word": "good", "start": 0, "end": float("inf")}],
        [{"word": 7, "start": 0, "end": 1}],
        [{"start": 0, "end": 1}],
    ],
)
def test_word_times_that_are_none_cost_their_row(tmp_path: Path, words: object) -> None:
    rows = [{"id": "a", "audio": "a.wav", "words": words}, {"id": "b", "audio": "b.wav"}]
    bad, good = scan(tmp_path, *rows)
    assert (bad.id, reason(bad), reason(good)) == ("a", "bad_word_times", None)
    assert bad.reject is not None
    assert bad.reject[1].startswith("row 1 of `t.jsonl`: `words` must be a list of {word, start, end}")


def test_a_column_may_be_let_alone(tmp_path: Path) -> None:
    """An empty name is no column: what a table calls so by chance travels along."""
    row = {"id": "a", "audio": "a.wav", "words": 12, "start": "noon", "channel": "left"}
    (found,) = scan(tmp_path, row, words="", start="", channel="")
    assert (found.reject, found.custom) == (None, {"words": 12, "start": "noon", "channel": "left"})


def test_a_column_without_a_name_is_none_of_the_map(tmp_path: Path) -> None:
    """pandas writes its index under an empty name."""
    path = tmp_path / "t.csv"
    path.write_text(",id,audio,text\nfirst,a,a.wav,hi\n")
    (row,) = open_source(str(path), SourceConfig(channel="", start="", speaker="")).scan()
    assert (row.id, row.reject, row.speaker, row.custom) == ("a", None, None, {"": "first"})


def test_words_in_a_csv_are_a_column_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,audio,text,words,times\na,a.wav,good day,2,[]\n")
    (row,) = open_source(str(path), SourceConfig()).scan()
    assert row.custom == {"words": "2", "times": "[]"}
    with pytest.raises(ConfigError, match=r"`source\.words` is for JSON lines and Parquet"):
        open_source(str(path), SourceConfig(words="times"))


def test_every_mistake_in_the_map_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path,sentence\na.wav,hi\n")
    named: dict[str, Any] = dict.fromkeys(("start", "channel", "license", "split"), "nowhere")
    with pytest.raises(ConfigError) as caught:
        open_source(str(path), SourceConfig(audio="", audio_folder="../clips", id="utt", **named))
    mistakes = caught.value.mistakes
    for option in ("id", "audio", "text", "start", "channel", "license", "split", "audio_folder"):
        assert sum(f"`source.{option}`" in mistake for mistake in mistakes) >= 1, option
    assert len(mistakes) == 8
    assert all("it has `path`, `sentence`" in mistake for mistake in mistakes[:-1])


def test_lines_of_json_may_leave_a_column_out(tmp_path: Path) -> None:
    rows = [{"id": "a", "audio": "a.wav"}, {"id": "b", "audio": "b.wav", "who": "ann"}]
    assert [row.speaker for row in scan(tmp_path, *rows, speaker="who")] == [None, "ann"]


def test_splits_may_be_ignored(tmp_path: Path) -> None:
    rows = [{"id": "a", "audio": "a.wav", "part": "Dev"}, {"id": "b", "audio": "b.wav", "part": ""}]
    assert [row.split for row in scan(tmp_path, *rows, split="part")] == ["validation", None]
    ignored = scan(tmp_path, *rows, split="part", splits="ignore")
    assert [(row.split, row.custom) for row in ignored] == [(None, {})] * 2


def common_voice(root: Path) -> Path:
    """The layout of a release: `validated.tsv` and others beside a folder of clips."""
    header = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant locale"
    rows = [
        ["c1", "common_voice_sv_1.mp3", "s1", 'Han sa "hej', "", "2", "0", "", "", "", "", "sv-SE"],
        ["c2", "common_voice_sv_2.mp3", "s2", "Vi ses!", "", "2", "1", "twenties", "", "", "", "sv-SE"],
    ]
    (root / "clips").mkdir()
    recording(root / "clips" / "common_voice_sv_1.wav", 1)
    (root / "clips" / "common_voice_sv_1.wav").rename(root / "clips" / "common_voice_sv_1.mp3")
    text = "\n".join("\t".join(row) for row in [header.split(), *rows])
    (root / "train.tsv").write_text(text + "\n", encoding="utf-8")
    return root / "train.tsv"


def test_common_voice_works_from_its_own_table(tmp_path: Path) -> None:
    config = SourceConfig(
        id="path", audio="path", audio_folder="clips", text="sentence", speaker="client_id", language="locale"
    )
    source = open_source(str(common_voice(tmp_path)), config)
    first, second = source.scan()
    assert (first.id, first.locator) == ("common_voice_sv_1.mp3", Locator(path="clips/common_voice_sv_1.mp3"))
    assert (first.text, first.speaker, first.language, first.split) == ('Han sa "hej', "c1", "sv-SE", None)
    assert (second.custom["age"], second.duration) == ("twenties", None)
    audio = source.open(first.locator)
    assert isinstance(audio, Audio)
    assert audio.decoded == RATE
    with pytest.raises(Rejected, match=r"missing_audio: there is no file `clips/common_voice_sv_2\.mp3`"):
        source.open(second.locator)


@pytest.mark.parametrize("folder", ["../clips", "a/../../clips", ".."])
def test_the_audio_folder_may_not_leave_the_tables_unless_absolute(tmp_path: Path, folder: str) -> None:
    recording(tmp_path / "clips" / "a.wav", 1)
    (tmp_path / "lists").mkdir()
    with pytest.raises(ConfigError, match=r"`source\.audio_folder` must not leave the table's folder"):
        scan(tmp_path / "lists", {"id": "a", "audio": "a.wav"}, audio_folder=folder)


def test_an_absolute_audio_folder_is_the_root_of_its_records(tmp_path: Path) -> None:
    recording(tmp_path / "clips" / "a.wav", 1)
    (tmp_path / "lists").mkdir()
    rows = [{"id": "a", "audio": "a.wav"}, {"id": "b", "audio": "../lists/t.jsonl"}]
    source = table(tmp_path / "lists", *rows, audio_folder=str(tmp_path / "clips"))
    inside, outside = source.scan()
    assert (source.root, inside.locator.path, inside.duration) == (str(tmp_path / "clips"), "a.wav", 1.0)
    assert reason(outside) == "path_escapes"
    with pytest.raises(ConfigError, match=r"must be a folder, but there is no `.*/nowhere`"):
        scan(tmp_path / "lists", *rows, audio_folder=str(tmp_path / "nowhere"))


def test_paths_below_an_audio_folder_stay_below_the_table(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    rows = [{"id": n, "audio": path, "duration": 1} for n, path in (("a", "../../a.wav"), ("b", "s3://x/b.wav"))]
    escaping, remote = scan(tmp_path, *rows, audio_folder="clips")
    assert (reason(escaping), remote.locator.path) == ("path_escapes", "s3://x/b.wav")
