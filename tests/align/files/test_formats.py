from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from lstdata.align.files.ctm import stretches
from tests.align.files.writing import ctm, files_at, guesses, pairs, record, spans, textgrid, verdict, whisper

TIMES = [("so", 0.1, 0.3), ("it", 0.3, 0.4), ("goes", 0.5, 1.0)]
SPANS = [("so", 100, 300), ("it", 300, 400), ("goes", 500, 1000)]
WORDS = [
    {"word": "so", "start": 0.1, "end": 0.3, "score": 0.9},
    {"word": "goes", "start": 0.5, "end": 1.0, "score": 0.5},
]


@pytest.mark.parametrize(
    "content",
    [
        textgrid(TIMES),
        textgrid(TIMES, short=True),
        textgrid(TIMES).replace("\n", "\r\n").encode("utf-16"),
        textgrid(TIMES, short=True).encode("utf-16-be"),
        textgrid(TIMES, tier="anything at all").encode("utf-8-sig"),
        textgrid(TIMES).replace('"goes"', '"goes" ! it does'),
        "\ufeff;; by hand\r\n" + ctm("a", TIMES).replace("\n", "\r\n"),
        "\ufeff" + ctm("a", TIMES),
        whisper(TIMES),
        json.dumps({"word_segments": [{"word": w, "start": s, "end": e} for w, s, e in TIMES], "segments": [{}]}),
        json.dumps({"words": [{"word": w, "start": s, "end": e} for w, s, e in TIMES]}),
        json.dumps({"text": "", "chunks": [{"text": f" {w}", "timestamp": [s, e]} for w, s, e in TIMES]}),
        json.dumps([{"text": w, "start": s, "end": e} for w, s, e in TIMES]).encode("utf-8-sig"),
    ],
)
def test_a_format_is_known_by_its_content(tmp_path: Path, content: str | bytes) -> None:
    assert spans(files_at(tmp_path, {"a.json": content}).align(record(), 16_000)) == SPANS


def test_pairs_are_on_the_grid_of_25_hz(tmp_path: Path) -> None:
    lines = pairs("b", [("no", 1)]) + pairs("a", [("[SIL]", 2), ("so", 3), ("mute", 0), ("it", 1), ("[SIL]", 4)])
    files = files_at(tmp_path, {"en.chunk.00.on_the_fly": lines})
    assert spans(files.align(record(), 6400)) == [("so", 80, 200), ("mute", 200, 200), ("it", 200, 240)]


def test_silence_and_noise_are_no_words_and_unknown_speech_has_none(tmp_path: Path) -> None:
    times = [("<eps>", 0.0, 0.1), ("SIL", 0.1, 0.2), ("hm", 0.2, 0.3), ("[noise]", 0.3, 0.4), ("<unk>", 0.4, 0.5)]
    silent = [*times, ("sp", 0.5, 0.6), ("spn", 0.6, 0.7), ("sil", 0.7, 0.8), ("<p:>", 0.8, 0.9), ("ah", 0.9, 1.0)]
    for content in (textgrid(silent), ctm("a", silent), whisper(silent)):
        assert spans(files_at(tmp_path, {"a": content}).align(record(), 16_000)) == [
            ("hm", 200, 300),
            ("ah", 900, 1000),
        ]


def test_of_several_tiers_the_one_of_words(tmp_path: Path) -> None:
    two = textgrid(TIMES, "Words").replace("size = 1\n", "size = 2\n", 1)
    points = (
        '    item [2]:\n class = "TextTier"\n name = "words"\n xmin = 0\n xmax = 1\n points: size = 1\n points [1]:\n'
    )
    with_points = two + points + ' number = 0.5\n mark = "x"\n'
    second = textgrid([("ih", 0.0, 1.0)], "phones", short=True).split("<exists>\n1\n")[1]
    files = files_at(tmp_path, {"a.TextGrid": with_points, "b.TextGrid": two + second})
    assert spans(files.align(record("a"), 16_000)) == SPANS
    assert spans(files.align(record("b"), 16_000)) == SPANS


def test_of_several_speakers_the_records_own_words(tmp_path: Path) -> None:
    first = textgrid([("no", 0.0, 1.0)], "ann - words").replace("size = 1\n", "size = 2\n", 1)
    second = textgrid(TIMES, "bob - words", short=True).split("<exists>\n1\n")[1]
    files = files_at(tmp_path, {"a.TextGrid": first + second})
    assert spans(files.align(record(speaker="bob"), 16_000)) == SPANS
    assert verdict(files, record(speaker="eve")) == (
        "bad_word_file",
        "`a.TextGrid`: one tier must be called `words` or end in ` - words`, "
        "but the interval tiers are 'ann - words', 'bob - words'.",
    )


def test_quotes_in_a_textgrid_are_doubled(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.TextGrid": textgrid([('"so"', 0.0, 0.5), ("it", 0.5, 1.0)])})
    assert spans(files.align(record(), 16_000)) == [('"so"', 0, 500), ("it", 500, 1000)]


def test_a_ctm_holds_many_recordings_perhaps_in_pieces(tmp_path: Path) -> None:
    content = ctm("a", TIMES[:1]) + ctm("b", [("no", 0.0, 1.0)]) + ";; more\n\n" + ctm("a", TIMES[1:])
    files = files_at(tmp_path, {"all.txt": content})
    assert spans(files.align(record("a"), 16_000)) == SPANS
    assert spans(files.align(record("b"), 16_000)) == [("no", 0, 1000)]


@pytest.mark.parametrize("names", ["AB", "ab", "01", "12"])
def test_a_record_of_one_channel_gets_that_channels_words(tmp_path: Path, names: str) -> None:
    content = ctm("a", [("no", 0.0, 1.0)], names[0]) + ctm("a", TIMES, names[1])
    files = files_at(tmp_path, {"a.ctm": content})
    one = record(locator=record().locator.__class__(path="x", channel=1))
    assert spans(files.align(one, 16_000)) == SPANS
    assert verdict(files, record())[0] == "ambiguous_word_file"


@pytest.mark.parametrize(
    ("scores", "expected"), [(["0.5", "1.0", "0.9"], 0.8), (["0.5", "NA", "0.9"], None), (["", "", ""], None)]
)
def test_the_score_is_the_mean_confidence_if_every_word_has_one(
    tmp_path: Path, scores: list[str], expected: float | None
) -> None:
    lines = ["a 1 0.0 0.1 <unk>\n"]
    lines += [f"a 1 {start} 0.1 {word} {score}\n" for (word, start, _), score in zip(TIMES, scores, strict=True)]
    alignment = files_at(tmp_path, {"a.ctm": "".join(lines)}).align(record(), 16_000)
    assert alignment.score == (None if expected is None else pytest.approx(expected))
    assert alignment.aligner == "files"


def test_words_that_a_tool_could_not_align_are_interpolated(tmp_path: Path) -> None:
    untimed = [{"word": "in"}, WORDS[0], {"word": "1905"}, {"word": "it"}, WORDS[1], {"word": "on"}]
    files = files_at(tmp_path, {"a.json": json.dumps({"segments": [{"words": untimed}]})})
    alignment = files.align(record(), 24_000)
    assert spans(alignment) == [
        ("in", 0, 100),
        ("so", 100, 300),
        ("1905", 300, 433),
        ("it", 433, 500),
        ("goes", 500, 1000),
        ("on", 1000, 1200),
    ]
    assert guesses(alignment) == ["in", "1905", "it", "on"]
    assert alignment.score == pytest.approx(0.7)
    assert guesses(files.align(record(text="In so 1905 it goes: on"), 24_000)) == ["In", "1905", "it", "on"]


def test_pieces_of_whispers_words_are_put_together(tmp_path: Path) -> None:
    words = [(" well", 0.0, 0.2, 0.4), ("-known", 0.2, 0.5, 0.9), (" for", 0.5, 0.7, 0.8)]
    items = [{"word": w, "start": s, "end": e, "probability": p} for w, s, e, p in words]
    alignment = files_at(tmp_path, {"a.json": json.dumps({"segments": [{"words": items}]})}).align(record(), 16_000)
    assert spans(alignment) == [("well-known", 0, 500), ("for", 500, 700)]
    assert alignment.score == pytest.approx(0.6)


@pytest.mark.parametrize("words", [["well", "-known", "for"], [" well", "known", " for"]])
def test_what_are_no_pieces_stays_apart(tmp_path: Path, words: list[str]) -> None:
    items = [{"word": word, "start": i, "end": i + 1} for i, word in enumerate(words)]
    alignment = files_at(tmp_path, {"a.json": json.dumps({"words": items})}).align(record(), 48_000)
    assert [word.text for word in alignment.words] == [word.strip() for word in words]


def test_a_word_is_found_if_one_of_its_parts_is(tmp_path: Path) -> None:
    items = [{"word": "the", "start": 0, "end": 1}, {"word": "wood", "start": 1, "end": 2}, {"word": "cutters"}]
    alignment = files_at(tmp_path, {"a.json": json.dumps({"words": items})}).align(
        record(text="the woodcutters"), 64_000
    )
    assert guesses(alignment) == []


def test_a_no_break_space_is_inside_a_word_of_a_ctm(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.ctm": ctm("a", [("10\u00a0000", 0.0, 0.5)])})
    assert spans(files.align(record(), 16_000)) == [("10 000", 0, 500)]


def test_lines_of_a_ctm_that_follow_one_another_are_one_stretch() -> None:
    content = ctm("a", TIMES) + "\n;; more\n" + ctm("a", TIMES) + ctm("b", TIMES)
    assert [(s.recording, s.start, s.line) for s in stretches(io.BytesIO(content.encode()))] == [
        ("a", 0, 1),
        ("b", content.index("b "), 9),
    ]


def test_a_format_that_is_stated_leaves_out_the_others(tmp_path: Path) -> None:
    contents: dict[str, str | bytes] = {"a.TextGrid": textgrid(TIMES), "a.json": whisper([("no", 0.0, 1.0)])}
    files = files_at(tmp_path, contents, files_format="textgrid")
    assert spans(files.align(record(), 16_000)) == SPANS
    assert verdict(files_at(tmp_path, contents), record())[0] == "ambiguous_word_file"


def test_a_json_whose_words_come_late_is_read_all_the_same(tmp_path: Path) -> None:
    content = json.dumps({"text": "x" * 100_000, "words": [{"word": "ü", "start": 0, "end": 1}]})
    for form in ("auto", "whisper"):
        files = files_at(tmp_path, {"a.json": content}, files_format=form)
        assert spans(files.align(record(), 16_000)) == [("ü", 0, 1000)]


@pytest.mark.parametrize("content", [textgrid([("it goes on and on and on", 0.0, 2.0)])])
def test_phrases_are_no_words(tmp_path: Path, content: str) -> None:
    reason, detail = verdict(files_at(tmp_path, {"a.TextGrid": content}), record())
    assert reason == "bad_word_file"
    assert "an entry must be a word, but 'it goes on and on and on'… has 7" in detail
