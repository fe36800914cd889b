"""Units that somebody else has made: what a line means, where it is, and what is wrong with it."""

from __future__ import annotations

import gzip
import json
import pickle
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.records import HOP
from lstdata.source_row import SourceRow
from lstdata.sources import open_source
from lstdata.sources.interleaved import coded
from lstdata.sources.prepared import PreparedSource
from lstdata.sources.slamkit import coded as features_coded
from tests.sources.unit_files import interleaved, write_lines, write_on_the_fly

PARTS = [("[SIL]", [9, 9, 9]), ("the", [1, 2]), ("[SIL]", []), ("old", []), ("mill's", [3, 3, 4]), ("[SIL]", [5])]


def line(text: str, id: str = "a") -> dict[str, Any]:
    return {"file_id": id, "interleaved": text}


def opened(path: Path, **config: Any) -> PreparedSource:
    source = open_source(str(path), SourceConfig(**config))
    assert isinstance(source, PreparedSource)
    return source


def rows(path: Path, **config: Any) -> list[SourceRow]:
    return list(opened(path, **config).scan())


def test_a_line_of_the_authors_is_words_silences_and_units() -> None:
    found = coded(line(interleaved(PARTS)))
    assert found.units.tolist() == [9, 9, 9, 1, 2, 3, 3, 4, 5] and found.units.dtype == np.uint16
    assert found.words == ("the", "old", "mill's")
    assert found.word_frames is not None and found.word_frames.tolist() == [[3, 5], [5, 5], [5, 8]]
    assert found.activity.tolist() == [False] * 3 + [True] * 5 + [False]
    assert (found.samples, found.aligner) == (9 * HOP, "prepared")


SOUNDS = st.lists(st.integers(0, 499), max_size=5)
NAMES = st.sampled_from(["[SIL]", "the", "old", "ὁ", "«mill»"])


@given(st.lists(st.tuples(NAMES, SOUNDS), min_size=1, max_size=12))
def test_words_and_silences_partition_the_units(parts: list[tuple[str, list[int]]]) -> None:
    ids = [id for _, part in parts for id in part]
    if not ids:
        with pytest.raises(Rejected, match="zero_length"):
            coded(line(interleaved(parts)))
        return
    found = coded(line(interleaved(parts)))
    assert found.units.tolist() == ids
    assert found.activity.tolist() == [word != "[SIL]" for word, part in parts for _ in part]
    said = [(word, part) for word, part in parts if word != "[SIL]"]
    assert (found.words or ()) == tuple(word for word, _ in said)
    frames = [] if found.word_frames is None else found.word_frames.tolist()
    assert [found.units[start:end].tolist() for start, end in frames] == [part for _, part in said]


@pytest.mark.parametrize(
    ("text", "words", "frames"),
    [
        ("<LST MODE SEP>HUBERT 1 2 <LST MODE SEP>TEXT a <LST MODE SEP>HUBERT 3", ("a",), [[2, 3]]),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>TEXT b <LST MODE SEP>HUBERT 3", ("a", "b"), [[0, 0], [0, 1]]),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT 3<LST MODE SEP>TEXT b", ("a", "b"), [[0, 1], [1, 1]]),
        ("<LST MODE SEP>TEXT  <LST MODE SEP>HUBERT 1 <LST MODE SEP>TEXT a <LST MODE SEP>HUBERT", ("a",), [[1, 1]]),
        ("<LST MODE SEP>TEXT seven grey <LST MODE SEP>HUBERT 1 2", ("seven grey",), [[0, 2]]),
    ],
)
def test_lines_that_do_not_alternate(text: str, words: tuple[str, ...], frames: list[list[int]]) -> None:
    found = coded(line(text))
    assert found.words == words and found.word_frames is not None and found.word_frames.tolist() == frames


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        (None, "bad_row", "must be a text"),
        ("the old mill", "bad_row", "must begin with"),
        ("", "bad_row", "must begin with"),
        ("<LST MODE SEP>MIMI 1 2", "bad_row", "'MIMI'"),
        ("<LST MODE SEP>", "bad_row", "TEXT or HUBERT"),
        ("<LST MODE SEP>TEXT mil [BPE] <LST MODE SEP>HUBERT 1", "bad_row", "piece by piece"),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT 1 x", "bad_unit", "'x'"),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT 1 -2", "bad_unit", "'-2'"),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT 65535", "bad_unit", "65534"),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT " + "9" * 5000, "bad_unit", "999"),
        ("<LST MODE SEP>TEXT a <LST MODE SEP>HUBERT ", "zero_length", "no units"),
    ],
)
def test_lines_of_another_form_are_refused(text: str | None, reason: str, message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        coded({"file_id": "a", "interleaved": text})
    assert caught.value.reason == reason and len(caught.value.detail) < 300


def test_a_folder_is_read_line_by_line_and_opened_by_place(tmp_path: Path) -> None:
    folder = write_on_the_fly(tmp_path / "mls", 5)
    source = pickle.loads(pickle.dumps(opened(folder)))
    found = list(source.scan())
    assert [row.id for row in found] == [f"mls/train/{n}_0" for n in (0, 2, 4, 1, 3)]
    assert {row.locator.path for row in found} == {"mls.chunk.00.on_the_fly", "mls.chunk.01.on_the_fly"}
    for row in found:
        sample = source.open(row.locator)
        assert row.text == " ".join(sample.words) and row.split is None
        assert row.duration == pytest.approx(len(sample.units) / 25)
    assert rows(folder / "mls.chunk.01.on_the_fly") == found[3:]


def test_what_else_a_line_says_travels_along(tmp_path: Path) -> None:
    said = {"speaker": 7, "language": "en", "license": "CC0", "split": "Dev", "book": {"id": 3}, "recording": "r"}
    path = write_lines(tmp_path / "a.on_the_fly", [line(interleaved(PARTS)) | said])
    (row,) = rows(path)
    assert (row.speaker, row.language, row.license, row.recording) == ("7", "en", "CC0", "r")
    assert (row.split, row.custom) == ("validation", {"book": {"id": 3}})
    assert rows(path, splits="ignore")[0].split is None


def test_a_part_that_is_named_after_a_split_is_that_split(tmp_path: Path) -> None:
    for name in ("train.chunk.00", "dev.chunk.00", "mls.chunk.00", "test-clean.chunk.00", "test-clean.chunk.01"):
        write_lines(tmp_path / f"{name}.on_the_fly", [line(interleaved(PARTS), name)])
    assert {row.id: row.split for row in rows(tmp_path)} == {
        "train.chunk.00": "train",
        "dev.chunk.00": "validation",
        "mls.chunk.00": None,
        "test-clean.chunk.00": "test-clean",
        "test-clean.chunk.01": "test-clean",
    }


def test_a_bad_line_costs_one_record(tmp_path: Path) -> None:
    good = json.dumps(line(interleaved(PARTS), "good")).encode()
    bad = [b"{broken", b'{"file_id": "", "interleaved": "x"}', b"[1]", b'{"file_id": "caf\xe9"}', b"", good]
    bad.append(json.dumps(line("words only", "odd")).encode())
    (tmp_path / "x.on_the_fly").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([good.replace(b"good", b"first"), *bad]))
    source = opened(tmp_path)
    found = list(source.scan())
    assert [(row.id, row.reject and row.reject[0]) for row in found] == [
        ("first", None),
        ("row-2", "bad_row"),
        ("row-3", "bad_row"),
        ("row-4", "bad_row"),
        ("row-5", "bad_encoding"),
        ("good", None),
        ("odd", "bad_row"),
    ]
    assert all("`x.on_the_fly`" in row.reject[1] for row in found if row.reject)
    assert [len(source.open(row.locator).units) for row in found if not row.reject] == [9, 9]


def test_a_file_that_is_gone_or_cut_is_nobodys_verdict(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.on_the_fly", [line(interleaved(PARTS))])
    source = opened(path)
    (row,) = source.scan()
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(Unavailable, match="shorter"):
        source.open(row.locator)
    path.unlink()
    with pytest.raises(Unavailable, match="cannot be read"):
        source.open(row.locator)


def test_compressed_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    data = json.dumps(line(interleaved(PARTS))).encode() + b"\n"
    (tmp_path / "a.on_the_fly").write_bytes(gzip.compress(data))
    with pytest.raises(ConfigError, match="must be decompressed"):
        rows(tmp_path / "a.on_the_fly")
    (tmp_path / "f.jsonl.gz").write_bytes(gzip.compress(b'{"file_name": "a", "units": [1], "duration": [2]}\n'))
    with pytest.raises(ConfigError, match="must be decompressed"):
        rows(tmp_path / "f.jsonl.gz")


FEATURES = {"file_name": "../audio/a.flac", "units": [3, 49, 7], "duration": [1, 2, 4]}


def test_features_last_as_many_frames_as_they_say(tmp_path: Path) -> None:
    source = opened(write_lines(tmp_path / "features.jsonl", [FEATURES]))
    (row,) = source.scan()
    assert (row.id, row.text, row.custom) == ("../audio/a.flac", None, {})
    assert row.duration == pytest.approx(7 / 25)
    sample = source.open(row.locator)
    assert sample.units.tolist() == [3, 49, 49, 7, 7, 7, 7] and sample.activity.all()
    assert (sample.words, sample.word_frames, sample.aligner) == (None, None, None)


@given(st.lists(st.integers(0, 499), min_size=1, max_size=40))
def test_deduplicated_units_come_back(units: list[int]) -> None:
    runs = [(unit, len(list(same))) for unit, same in groupby(units)]
    row = {"units": [unit for unit, _ in runs], "duration": [count for _, count in runs]}
    assert features_coded(row).units.tolist() == units


TIMED = {"aligned_text": [["Seven", 0.0, 0.08], [" geese.", 0.12, 0.28]], "text": "Seven geese."}


@pytest.mark.parametrize(("beside", "at"), [(True, ""), (False, ""), (True, "file://")])
def test_features_with_word_times_in_the_line_or_beside(tmp_path: Path, beside: bool, at: str) -> None:
    path = write_lines(tmp_path / "features.jsonl", [FEATURES if beside else FEATURES | TIMED])
    if beside:
        (tmp_path / "a.json").write_text(json.dumps(TIMED | {"file_name": "elsewhere/a.flac", "note": 1}))
    source = open_source(f"{at}{path}", SourceConfig())
    (row,) = source.scan()
    assert (row.id, row.text) == ("../audio/a.flac", "Seven geese.")
    assert row.custom == ({"note": 1} if beside else {})
    sample = source.open(row.locator)
    assert sample.words == ("Seven", "geese.") and sample.word_frames.tolist() == [[0, 2], [3, 7]]
    assert sample.activity.tolist() == [True, True, False, True, True, True, True]
    assert sample.aligner == "prepared"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units": "3 49 7"}, "bad_row"),
        ({"duration": [1, 2]}, "bad_row"),
        ({"duration": [1, 2, 0]}, "bad_row"),
        ({"duration": [1, 2, True]}, "bad_row"),
        ({"duration": [1, 2, 1.5]}, "bad_row"),
        ({"duration": [1, 2, 10**12]}, "bad_row"),
        ({"duration": None}, "no_durations"),
        ({"frame_rate": 50}, "bad_row"),
        ({"units": [3, 49, None]}, "bad_unit"),
        ({"units": [3, 49, 1.5]}, "bad_unit"),
        ({"units": [], "duration": []}, "zero_length"),
        ({"aligned_text": [["a", 0.0]]}, "bad_word_times"),
        ({"aligned_text": [["a", 0.0, 10**400]]}, "bad_word_times"),
        ({"aligned_text": [["a", 0.2, 0.1]]}, "bad_word_times"),
        ({"aligned_text": [["a", 3.0, 4.0]]}, "bad_word_times"),
    ],
)
def test_features_that_cannot_be_used(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        features_coded(FEATURES | change)
    assert caught.value.reason == reason


def test_units_that_repeat_need_no_durations() -> None:
    assert features_coded({"units": [1, 1, 2]}).units.tolist() == [1, 1, 2]
    assert features_coded({"units": [1]}).units.tolist() == [1]


def test_a_table_with_units_beside_its_audio_stays_a_table(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [{"id": "a", "audio": "a.wav", "units": [1, 1]}])
    assert open_source(str(path), SourceConfig()).kind == "table"
    assert [row.id for row in rows(path, kind="units")] == ["a"]


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ({"file_name": "a", "audio_repr": "<Un3><Un49>"}, "give the features"),
        (FEATURES | {"frame_rate": 50}, "must be at 25 Hz"),
    ],
)
def test_files_that_cannot_be_used_are_refused_at_once(tmp_path: Path, first: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        opened(write_lines(tmp_path / "f.jsonl", [first]))


def test_a_folder_of_features_leaves_other_lines_alone(tmp_path: Path) -> None:
    write_lines(tmp_path / "b.jsonl", [FEATURES | {"file_name": "b"}])
    write_lines(tmp_path / "a.jsonl", [FEATURES])
    write_lines(tmp_path / "log.jsonl", [{"step": 1}])
    assert [row.id for row in rows(tmp_path)] == ["../audio/a.flac", "b"]
    with pytest.raises(ConfigError, match="on_the_fly"):
        open_source(str(write_lines(tmp_path / "x.jsonl", [{"step": 1}])), SourceConfig(kind="units"))
