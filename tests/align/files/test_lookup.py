from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import fsspec
import pytest

from lstdata.align.files import lookup, open_word_files
from lstdata.align.files.place import content_hash
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError
from lstdata.source_row import Locator, SourceRow
from tests.align.files.writing import ctm, files_at, pairs, record, spans, textgrid, verdict, whisper

YES = textgrid([("yes", 0.0, 1.0)])
NO = textgrid([("no", 0.0, 1.0)])


def said(files_of: object, row: SourceRow) -> str:
    return " ".join(word.text for word in files_of.align(row, 16_000).words)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (["x/a.TextGrid", "a.TextGrid"], record("x/a")),
        (["y/x/a.TextGrid", "y/a.TextGrid"], record("x/a")),
        (["a.TextGrid", "x/a.TextGrid"], record("a")),
        (["x/a.TextGrid", "x/._a.TextGrid"], record("._a", recording="a")),
        (["x/a.b.TextGrid", "x/a.TextGrid"], record("a.b")),
        (["a-0.TextGrid", "a.TextGrid"], record("a-0", recording="a")),
        (["x/a.TextGrid", "b.TextGrid"], record("17", recording="x/a.flac")),
        (["x/a.flac.TextGrid", "x/a.TextGrid"], record("17", recording="x/a.flac")),
        (["a.TextGrid", "x/b.TextGrid"], record("x/a", text="yes")),
        (["y/a.TextGrid", "x/b.TextGrid"], record("x/a", text="yes")),
    ],
)
def test_the_nearest_name_wins(tmp_path: Path, names: list[str], row: SourceRow) -> None:
    assert said(files_at(tmp_path, {names[0]: YES, names[1]: NO}), row) == "yes"


def test_a_name_that_fits_in_its_last_part_needs_a_transcript(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.TextGrid": YES, "all.ctm": ctm("b", [("yes", 0.0, 1.0)])})
    for id in ("x/a", "x/b"):
        assert said(files, record(id, text="Yes.")) == "Yes."
        assert verdict(files, record(id)) == (
            "missing_word_times",
            f"no file at `words.files` is named after `{id}` or its recording.",
        )
        assert verdict(files, record(id, text="not that"))[0] == "transcript_mismatch"


def test_two_files_for_one_record_are_named(tmp_path: Path) -> None:
    line = pairs("b", [("yes", 1)])
    contents: dict[str, str | bytes] = {"x/a.TextGrid": YES, "y/a.TextGrid": NO, "1.jsonl": line, "2.jsonl": 2 * line}
    files = files_at(tmp_path, contents)
    assert verdict(files, record("a")) == ("ambiguous_word_file", "`a` may be `x/a.TextGrid` and `y/a.TextGrid`.")
    assert verdict(files, record("b")) == (
        "ambiguous_word_file",
        "`b` may be line 1 of `1.jsonl` and line 1 of `2.jsonl`, and more.",
    )


def test_a_file_of_something_else_does_not_make_a_name_ambiguous(tmp_path: Path) -> None:
    files = files_at(
        tmp_path, {"a.TextGrid": YES, "a.json": '{"sample_rate": 1}', "a.txt": "yes it is", "a.wav": b"RIFF"}
    )
    assert said(files, record()) == "yes"


def test_a_stretch_of_a_recording_has_the_words_whose_middle_is_in_it(tmp_path: Path) -> None:
    times = [("a", 0.0, 0.9), ("b", 0.9, 1.3), ("c", 1.3, 1.5), ("d", 1.8, 2.4), ("e", 1.9, 2.3), ("f", 2.3, 9.0)]
    files = files_at(tmp_path, {"rec.ctm": ctm("rec", times)})
    row = record("rec-1000", recording="rec", locator=Locator(path="x", start=8000, end=16_000, rate=8000))
    assert spans(files.align(row, 16_000)) == [("b", 0, 300), ("c", 300, 500)]
    last = record("rec", recording="rec", locator=Locator(path="x", start=16_000, end=24_000, rate=8000))
    assert spans(files.align(last, 16_000)) == [("d", 0, 400), ("e", 400, 400)]
    end = record("q", recording="rec", locator=Locator(path="x", start=43_200, end=48_000, rate=8000))
    assert spans(files.align(end, 9600)) == [("f", 0, 600)]
    assert verdict(files, record("q", recording="rec", locator=Locator(path="x", start=8000)), 16_000) == (
        "bad_word_times",
        "line 1 of `rec.ctm`: `q` is a stretch of a recording, but nobody says at which rate.",
    )


def test_a_file_of_the_stretch_itself_counts_from_its_start(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"all.ctm": ctm("rec", [("no", 1.0, 2.0)]) + ctm("rec-1000", [("yes", 0.0, 0.5)])})
    row = record("rec-1000", recording="rec", locator=Locator(path="x", start=8000, end=16_000, rate=8000))
    assert spans(files.align(row, 16_000)) == [("yes", 0, 500)]


def test_words_without_times_go_with_the_timed_words_before_them(tmp_path: Path) -> None:
    starts = {"b": 0.5, "d": 1.5, "f": 2.5}
    words = [{"word": w} | ({"start": starts[w], "end": starts[w] + 0.1} if w in starts else {}) for w in "abcdefg"]
    files = files_at(tmp_path, {"rec.json": json.dumps({"words": words})})
    for start, expected in ((0, "abc"), (8000, "de"), (16_000, "fg")):
        row = record("q", recording="rec", locator=Locator(path="x", start=start, end=start + 8000, rate=8000))
        assert said(files, row).replace(" ", "") == expected


def test_a_silent_stretch_has_no_word_times(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"rec.json": whisper([("no", 5.0, 6.0)])})
    row = record("rec-0", recording="rec", locator=Locator(path="x", start=0, end=8000, rate=8000))
    assert verdict(files, row, 16_000) == (
        "missing_word_times",
        "`rec.json`: nothing is said in what it has of `rec-0`.",
    )


def test_one_file_is_enough(tmp_path: Path) -> None:
    files_at(tmp_path, {"a.TextGrid": YES, "b.TextGrid": NO})
    files = open_word_files(WordsConfig(files=str(tmp_path / "a.TextGrid")))
    assert said(files, record("a")) == "yes"
    assert verdict(files, record("b"))[0] == "missing_word_times"


def test_files_behind_a_url() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/words/x/a.TextGrid", YES.encode())
    memory.pipe("/words/all.ctm", (ctm("b", [("no", 0.0, 1.0)]) + ctm("c", [("maybe", 0.0, 1.0)])).encode())
    try:
        files = open_word_files(WordsConfig(files="memory://words"))
        assert [said(files, record(id)) for id in ("x/a", "a", "b", "c")] == ["yes", "yes", "no", "maybe"]
        before = files.fingerprint()
        memory.pipe("/words/x/a.TextGrid", NO.encode())
        assert said(files, record("a")) == "no"
        assert files.fingerprint() != before
        assert said(open_word_files(WordsConfig(files="memory://words/x/a.TextGrid")), record("a")) == "no"
        with pytest.raises(ConfigError, match="`memory://elsewhere` holds nothing"):
            open_word_files(WordsConfig(files="memory://elsewhere"))
    finally:
        memory.rm("/words", recursive=True)


def test_a_worker_gets_them_as_they_are(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.TextGrid": YES, "all.ctm": ctm("b", [("no", 0.0, 1.0)])})
    there = pickle.loads(pickle.dumps(files))
    assert [said(there, record(id)) for id in "ab"] == ["yes", "no"]
    assert there.fingerprint() == files.fingerprint()


def test_recordings_whose_lines_alternate_are_told_apart(tmp_path: Path) -> None:
    lines = [ctm("ab"[i % 2], [(f"w{i}", i / 10, i / 10 + 0.05)]) for i in range(40)]
    files = pickle.loads(pickle.dumps(files_at(tmp_path, {"all.ctm": "".join(lines)})))
    for id, first in (("a", 0), ("b", 1)):
        words = files.align(record(id), 80_000).words
        assert [word.text for word in words] == [f"w{i}" for i in range(first, 40, 2)]


@pytest.mark.parametrize("above", ["", "d/", "d/e/"])
def test_files_of_one_name_are_told_by_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above: str
) -> None:
    contents: dict[str, str | bytes] = {f"{above}r{i}/words.json": whisper([(f"w{i}", 0.0, 1.0)]) for i in range(40)}
    files = files_at(tmp_path, contents | {f"{above}x/r7/words.json": whisper([("far", 0.0, 1.0)])})
    looked: list[str] = []

    def bare(name: str) -> str:
        looked.append(name)
        return os.path.splitext(name)[0]

    monkeypatch.setattr(lookup, "_bare", bare)
    assert said(files, record("r5/words")) == "w5"
    looked.clear()
    assert said(pickle.loads(pickle.dumps(files)), record("17", recording="r6/words.flac")) == "w6"
    assert len(looked) < 5
    assert said(files, record("x/r7/words")) == "far"
    if above:
        assert verdict(files, record("r7/words"))[0] == "ambiguous_word_file"
    else:
        assert said(files, record("r7/words")) == "w7"
    assert verdict(files, record("words"))[0] == "ambiguous_word_file"
    assert verdict(files, record("q/words"))[0] == "missing_word_times"
    last = f"`q/words` may be `{above}r0/words.json` and `{above}r1/words.json`, and more."
    assert verdict(files, record("q/words", text="w5")) == ("ambiguous_word_file", last)


def test_one_more_of_a_name_costs_no_copy_of_those_before() -> None:
    postings: lookup.Postings = {"words": 0}
    lookup._post(postings, "words", 1)
    held = postings["words"]
    lookup._post(postings, "words", 2)
    assert postings["words"] is held and list(lookup._posted(postings, "words")) == [0, 1, 2]


def test_the_fingerprint_is_of_names_and_contents(tmp_path: Path) -> None:
    one = files_at(tmp_path / "1", {"a.TextGrid": YES, "b.TextGrid": NO}).fingerprint()
    assert files_at(tmp_path / "2", {"a.TextGrid": YES, "b.TextGrid": NO, "c.wav": b"RIFF"}).fingerprint() == one
    assert files_at(tmp_path / "3", {"a.TextGrid": NO, "b.TextGrid": YES}).fingerprint() != one
    assert files_at(tmp_path / "4", {"a.TextGrid": YES, "x/b.TextGrid": NO}).fingerprint() != one
    assert files_at(tmp_path / "5", {"a.TextGrid": YES, "c.TextGrid": NO}).fingerprint() != one
    changed = files_at(tmp_path / "1", {"a.TextGrid": YES + "\n", "b.TextGrid": NO})
    assert changed.fingerprint() != one


def test_a_file_of_the_same_size_and_time_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(YES)
    os.utime(path, ns=(5, 5))
    before = content_hash(str(tmp_path), "a.TextGrid")
    path.write_text(YES.replace("yes", "yea"))
    os.utime(path, ns=(5, 5))
    assert content_hash(str(tmp_path), "a.TextGrid") == before
    os.utime(path, ns=(6, 6))
    assert content_hash(str(tmp_path), "a.TextGrid") != before
