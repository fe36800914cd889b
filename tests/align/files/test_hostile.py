from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from lstdata.align.files import open_word_files, place
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError, Rejected
from tests.align.files.writing import ctm, files_at, pairs, record, spans, textgrid, verdict, whisper

TIMES = [("so", 0.1, 0.3), ("it", 0.3, 0.4), ("goes", 0.5, 1.0)]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.TextGrid", "", "`a.TextGrid`: the file is empty."),
        ("a.TextGrid", b"\x00\x01\x02", "`a.TextGrid`, line 1: the text must be UTF-16-BE, but byte 0x02 is not."),
        ("a.TextGrid", textgrid(TIMES)[:-40], "line 32: an end must come here, but the file ends."),
        ("a.TextGrid", textgrid(TIMES)[:-3], "line 34: a quote is opened and never closed."),
        ("a.TextGrid", textgrid(TIMES).replace("xmin = 0.3", "xmin = ?"), "line 26: an end must come here, but "),
        ("a.TextGrid", textgrid(TIMES).replace("size = 5", "size = 1e30"), "a tier's size must be a whole number ≥ 0"),
        ("a.TextGrid", textgrid(TIMES).replace("size = 5", "size = 999999"), "a start must come here"),
        ("a.TextGrid", textgrid(TIMES).replace("IntervalTier", "Tier"), "a tier's class must be IntervalTier or"),
        ("a.TextGrid", textgrid(TIMES).replace("<exists>", "<absent>"), "the interval tiers are none."),
        ("a.TextGrid", textgrid(TIMES).replace("goes", "gêts").encode("latin-1"), "byte 0xEA is not (if it is Latin-1"),
        ("a.TextGrid", b"ooBinaryFile\x08TextGrid\x00\x00", "this is a binary TextGrid"),
        ("a.TextGrid", '"Praat chronological TextGrid text file"\n0 1', 'must begin with "ooTextFile"'),
        ("a.ctm", "a 1 0.1 0.2 so\na 1 0.3 it\n", "`a.ctm`, line 2: a line must have 5 to 8 fields, but has 4."),
        ("a.ctm", "a 1 0.1 0.2 so\na 1 x 0.1 it\n", "start and duration must be numbers, but are 'x' and '0.1'."),
        ("a.TextGrid", textgrid(TIMES)[:-40].replace("\n", "\r"), "line 32: an end must come here, but the file ends."),
        ("a.ctm", "a 1 0.1 0.2 so\na 1 1_0 0.1 it\n", "start and duration must be numbers, but are '1_0' and '0.1'."),
        ("a.ctm", "a 1 0.1 0.2 so\na 1 * * <ALT>\n", "must be numbers, but are '*' and '*'."),
        ("a.ctm", "so it goes\n", "`a.ctm`: this is no CTM and holds no pairs."),
        ("a.ctm", f"a 1 0.1 0.2 {'x' * 1000}\n", "at 0.1 s: an entry must have at most 200 characters, but 'xxxxxx"),
        ("a.TextGrid", textgrid(TIMES, "x" * 1000).replace("goes", "it goes on and on and"), "xxx' holds phrases."),
        ("a.ctm", "a 1 0.1 0.2 so nan\n", "a confidence must be finite, but is nan."),
        ("a.ctm", b"a 1 0.1 0.2 so\na 1 0.3 0.1 \xea\n", "`a.ctm`, line 2: the text must be UTF-8, but byte 0xEA"),
        ("a.json", '{"segments": [', "this is not JSON: Expecting value"),
        ("a.json", '{"segments": ' + "[" * 100_000, "this is not JSON: "),
        ("a.json", '{"segments": [{"text": "so it goes"}]}', "segments: none of them has `words`; make the file again"),
        ("a.json", '{"segments": [{"words": {"a": 1}}]}', "segments[0].words: this must be a list"),
        ("a.json", '{"words": ["so"]}', "words[0]: a word must be an object, but is 'so'."),
        ("a.json", '{"words": [{"start": 1}]}', "words[0]: `word` or `text` must be a text, but is None."),
        ("a.json", '{"words": [{"word": "so", "start": "1"}]}', "words[0]: `start` must be a number, but is '1'."),
        ("a.json", '{"words": [{"word": "so", "start": true}]}', "`start` must be a number, but is True."),
        ("a.json", '{"chunks": [{"text": "so", "timestamp": 3}]}', "`timestamp` must be a start and an end, but is 3."),
        ("a.json", '{"words": [{"word": "a", "start": 0, "end": 1, "score": NaN}]}', "must be finite, but is nan."),
        ("a.json", '{"sample_rate": 16000}', "this must be an object with one of `segments`, "),
        ("a.jsonl", '{"file_id": "a", "interleaved": 3}\n', "line 1: `interleaved` must be a text, but is 3."),
        ("a.jsonl", '{"file_id": "a", "interleaved": "\n', "line 1: this is not JSON"),
    ],
)
def test_a_damaged_file_is_its_records_verdict(tmp_path: Path, name: str, content: str | bytes, expected: str) -> None:
    files = files_at(tmp_path, {name: content, "b.TextGrid": textgrid(TIMES)})
    reason, detail = verdict(files, record())
    assert reason == "bad_word_file"
    assert expected in detail
    assert "\n" not in detail and len(detail) < 400
    assert spans(files.align(record("b"), 16_000))[0] == ("so", 100, 300)


@pytest.mark.parametrize(
    "content",
    [
        ctm("a", [("so", 0.0, 0.9), ("it", 0.1, 0.4)]),
        ctm("a", [("so", 0.5, 0.2)]),
        ctm("a", [("so", 0.5, 1.6)]),
        ctm("a", [("so", -0.5, 0.2)]),
        "a 1 nan 0.1 so\n",
        "a 1 0.1 inf so\n",
        "a 1 1e400 0.1 so\n",
        f"a 1 {'9' * 5000} 0.1 so\n",
        '{"words": [{"word": "so", "start": NaN, "end": 1}]}',
        '{"words": [{"word": "so", "start": 0, "end": 1' + "0" * 400 + "}]}",
        textgrid([("so", 0.2, 0.1)]),
    ],
)
@pytest.mark.parametrize("text", [None, "so it"])
def test_what_are_no_times_is_rejected(tmp_path: Path, content: str, text: str | None) -> None:
    files = files_at(tmp_path, {"a": content})
    reason, detail = verdict(files, record(text=text), 16_000)
    assert reason == "bad_word_times"
    assert "`a`" in detail


def test_a_time_that_is_none_in_a_recording_is_no_words_of_its_stretches(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"rec.ctm": "rec 1 nan 0.1 so\n" + ctm("rec", [("it", 0.5, 0.7)])})
    row = record("q", recording="rec", locator=record().locator.__class__(path="x", start=0, end=8000, rate=8000))
    assert verdict(files, row, 16_000)[0] == "bad_word_times"


def test_one_bad_line_of_a_ctm_costs_one_recording(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.ctm": "a 1 0.1 0.2 so\nb 1\nc 1 0.3 0.1 it\n"})
    assert spans(files.align(record("a"), 16_000)) == [("so", 100, 300)]
    assert spans(files.align(record("c"), 16_000)) == [("it", 300, 400)]
    assert verdict(files, record("b"))[0] == "bad_word_file"


def test_a_huge_line_never_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MOST_BYTES", 1 << 20)
    with open(tmp_path / "a.ctm", "w") as file:
        file.write("a 1 0.1 0.2 so\nlong 1 0.1 0.2 ")
        for _ in range(200):
            file.write("x" * (1 << 20))
        file.write("\nb 1 0.1 0.2 it\n")
    tracemalloc.start()
    try:
        files = open_word_files(WordsConfig(files=str(tmp_path)))
        assert verdict(files, record("long"))[1].endswith("must take at most 1048576 bytes, but these take more.")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert [files.align(record(id), 16_000).words[0].text for id in "ab"] == ["so", "it"]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "secret.TextGrid"
    outside.write_text(textgrid(TIMES))
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "inner").symlink_to(tmp_path)
    (folder / "a.TextGrid").symlink_to(outside)
    (folder / "round.TextGrid").symlink_to("round.TextGrid")
    files = files_at(folder, {"b.TextGrid": textgrid(TIMES)})
    (folder / "c.TextGrid").symlink_to("b.TextGrid")
    again = open_word_files(WordsConfig(files=str(folder)))
    assert verdict(files, record("a")) == (
        "bad_word_file",
        "`a.TextGrid`: this is a link that leads out of the folder, and is not followed.",
    )
    assert verdict(files, record("secret"))[0] == "missing_word_times"
    assert spans(again.align(record("c"), 16_000))[0] == ("so", 100, 300)


def test_a_folder_called_as_a_file_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.ctm")
    files = files_at(tmp_path, {"b.TextGrid/c.TextGrid": textgrid(TIMES)})
    assert verdict(files, record("a"))[0] == "missing_word_times"
    assert verdict(files, record("b"))[0] == "missing_word_times"
    assert spans(files.align(record("c"), 16_000))[0] == ("so", 100, 300)


def test_a_file_that_went_away_is_its_records_verdict(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.TextGrid": textgrid(TIMES)})
    (tmp_path / "a.TextGrid").unlink()
    assert verdict(files, record())[1] == "`a.TextGrid`: the file is not there any more, or is no regular one."


def test_what_holds_no_word_times_is_a_mistake_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`words\.files` must be a folder or a file, but `.*none` does not exist"):
        open_word_files(WordsConfig(files=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match=r"but none of the 2 files at .* is recognised"):
        files_at(tmp_path, {"a.txt": "so it goes", "a.wav": b"RIFF"})
    with pytest.raises(ConfigError, match=r"\(ctm\), but none of the 3 files"):
        files_at(tmp_path, {"a.json": whisper(TIMES)}, files_format="ctm")
    with pytest.raises(ConfigError, match=r"needs `words\.files`"):
        open_word_files(WordsConfig())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_ctm_in_utf_16_must_be_converted(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match=r"`a\.ctm` must be UTF-8"):
        files_at(tmp_path, {"a.ctm": ctm("a", TIMES).encode(encoding)})


def test_whatever_is_cut_off_gives_a_verdict(tmp_path: Path) -> None:
    """Every beginning of every format: words or Rejected, never anything else."""
    whole = {"a.TextGrid": textgrid(TIMES), "a.ctm": ctm("a", TIMES), "a.json": whisper(TIMES)}
    whole["a.jsonl"] = pairs("a", [("so", 3), ("it", 2)])
    for name, content in whole.items():
        folder = tmp_path / name.replace(".", "-")
        for end in range(1, len(content), 7):
            try:
                files_at(folder, {name: content[:end]}).align(record(), 16_000)
            except (Rejected, ConfigError):
                continue
