"""Runs that have nothing to show in some part, and runs whose data would like to be more than text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.records import DeadLetter
from lstdata.report import write_report
from lstdata.shards import StoredSample
from tests.report.parsed import Page

EVIL = "</title><script>alert('x')</script>\"><img src=x onerror=alert(1)>"
HOSTILE = [
    EVIL,
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b[0m\r\nnext",
    "\u202egnp.exe",
    "a\x00b",
]


def text_of(run: Path) -> str:
    return Page(write_report(run).read_text(encoding="utf-8")).text


@pytest.mark.parametrize("evil", HOSTILE)
def test_whatever_data_says_is_only_text(
    evil: str, tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    words = [(evil, 2, 20), (evil, 21, 28)]
    named = {"speaker": evil, "language": evil, "license": evil, "custom": {evil: evil}, "header_seconds": 9.0}
    samples = [make_stored(f"{name}-{evil}", [1] * 30, words, split=evil, **named) for name in "ab"]
    letters = [DeadLetter(evil, evil, evil, evil, evil), DeadLetter(evil, evil, evil, evil, evil, environmental=True)]
    run = make_run(tmp_path / "run", {"train-000000": samples}, letters)
    path = run / "run.json"
    told = json.loads(path.read_text())
    told["source"] = {"path": f"x/{evil}", "kind": evil}
    told["config"]["about"] = told["config"]["interleave"]["strategy"] = evil
    told["versions"][evil] = evil
    path.write_text(json.dumps(told))
    html = write_report(run).read_text(encoding="utf-8")
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert not {"\x1b", "\x00", "\r", "\u202e"} & set(html)
    assert "7 * 7" in html or "7 * 7" not in evil
    assert html.count("alert(") >= 20 or "alert" not in evil, "it is all there, as text"


def test_a_run_without_samples(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    run = make_run(tmp_path / "run", {}, [DeadLetter("a", "decode", "undecodable", "no audio", "a")])
    (run / "vocab.json").unlink()
    text = text_of(run)
    for said in (
        "No record became a sample. 1 of 1 record was left out, with a reason.",
        "There is no utterance of at most 30 s to draw.",
        "Nothing: no record became a sample.",
        "1 planned = 0 written + 1 rejected",
        "No sample has word times",
        "There are no units",
        "There are no patches",
        "There is no speech of which positions could be saved.",
        "There are none: there are no samples.",
        "There is no shard.",
    ):
        assert said in text, said


def test_a_run_of_nothing(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    assert "Nothing: 0 planned = 0 written + 0 rejected." in text_of(make_run(tmp_path / "run", {}))


def test_a_run_of_one_sample_without_words(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    run = make_run(tmp_path / "run", {"train-000000": [make_stored("a", [1] * 30, None)]})
    page = Page(write_report(run).read_text(encoding="utf-8"))
    for said in (
        "1.2 s of speech in 1 utterance,",
        "One utterance",
        "Length of an utterance one, 1.2 s",
        "Words per second none",
        "No language is named.",
        "speakers not named",
        "headers none promises a length",
        "No sample has word times",
        "aligned and aligned-merged need word times, which no sample has.",
        "All shards",
    ):
        assert said in page.text, said
    charts = [attrs for tag, attrs in page.tags if tag == "svg" and "chart" in (attrs.get("class") or "")]
    assert [(chart["aria-label"] or "").partition(":")[0] for chart in charts] == [
        "Units by frequency", "Lengths, silence", "Lengths, static",
    ]  # fmt: skip


def test_a_run_shorter_than_a_patch(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    run = make_run(tmp_path / "run", {"train-000000": [make_stored("a", [1], None)]})
    assert "entropy of the next – bits" in text_of(run)


def test_why_records_were_left_out_is_said_by_kind(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    letters = [
        DeadLetter("a", "decode", "empty_file", "m", "x"),
        DeadLetter("b", "any", "timed_out", "m", "x", environmental=True),
        DeadLetter("c", "filter", "filtered_min_seconds", "m", "x"),
    ]
    text = text_of(make_run(tmp_path / "run", {}, letters))
    for said in (
        "Failed 1 Something is wrong",
        "empty_file decode 1 Fetch the file again",
        "For want of the machine 1 The next run tries them again",
        "timed_out any 1 The next run tries it again. Should it stay: raise run.record_timeout",
        "Left out on purpose 1",
        "filtered_min_seconds filter 1 Left out on purpose by filter.min_seconds ;",
    ):
        assert said in text, said


def test_of_many_shards_the_page_shows_some(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    shards = {f"train-{i:06}": [make_stored(f"s{i}", [1] * (2 + i % 50), None)] for i in range(201)}
    page = Page(write_report(make_run(tmp_path / "run", shards)).read_text(encoding="utf-8"))
    assert "Of 201 shards, those with the least and the most" in page.text
    assert "Shards that stand out" in page.text
    labels = [attrs["aria-label"] or "" for tag, attrs in page.tags if tag == "svg" and "aria-label" in attrs]
    assert sum(label.startswith(("Audio in a shard: ", "Size of a shard: ")) for label in labels) == 2
    assert 6 <= sum(word.startswith("train-0") for word in page.words) <= 12


def test_a_run_of_text(
    tmp_path: Path, make_run: Callable[..., Path], make_document: Callable[..., StoredSample]
) -> None:
    documents = [make_document("a", "Ein Haus.", [5, 6, 7], language="de"), make_document("b", "x" * 91, [1] * 47)]
    text = text_of(make_run(tmp_path / "run", {"train-000000": documents}))
    for said in (
        "100 B of text in 2 documents, 50 tokens.",
        "bytes in a token 2.00",
        "train 100 B 2 50 1 all 100 B 2 50 1",
        "Languages by size language text share samples not named 91 B 91.0% 1 de 9 B 9.0% 1",
        "Tokens in a document mean 25 · median 3 · max 47 tokens",
        "Documents of text have no units, word times or patches",
        "Longest document tokens 47 b 3 a",
        "train-000000 train 2 2 0 100 B 50",
    ):
        assert said in text, said
    for unsaid in ("Patches", "Speech units", "Word times", "Positions saved"):
        assert unsaid not in text


@pytest.mark.parametrize("several", [False, True])
def test_a_run_made_of_runs_names_them(
    several: bool, tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    names = ["0/a", "1/b", "1/c"] if several else ["a", "b", "c"]
    run = make_run(tmp_path / "run", {"train-000000": [make_stored(name, [1] * 30, None) for name in names]})
    told = json.loads((run / "run.json").read_text())
    parents = [("corpora/x<b>", 2, 3.0), ("corpora/y", 9, 99.0)][: 2 if several else 1]
    told["parents"] = [{"path": path, "written": written, "seconds": s} for path, written, s in parents]
    (run / "run.json").write_text(json.dumps(told))
    text = text_of(run)
    expected = ("x<b> 0.0 s 3.0 s 1 2", "y 0.0 s 1.6 min 2 9") if several else ("x<b> 0.0 s 3.0 s 3 2",)
    for said in expected:
        assert said in text, said
