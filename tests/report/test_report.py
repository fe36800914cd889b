from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lstdata.records import DeadLetter
from lstdata.report import write_report
from lstdata.report.page import count, decimal, hours, share, speed
from lstdata.shards import StoredSample

EVIL = "</title><script>alert('x')</script>\"><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The text of a page, and every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture
def page(run: Path, tones) -> Page:  # type: ignore[no-untyped-def]
    return Page(write_report(run, tones).read_text(encoding="utf-8"))


def test_every_figure_is_there(page: Page) -> None:
    for figure in [
        "2.2 s of speech in 3 utterances",
        "coded as 55 units and 4 timed words",
        "3 of 6 records were left out",
        "train 1.2 s 2 4 30 1",
        "validation 1.0 s 1 0 25 1",
        "all 2.2 s 3 4 55 2",
        "6 planned = 3 written + 3 rejected",
        "alignment_failed words 2",
        "undecodable decode 1",
        "bad-1 `a.wav` is not audio.",
        "entropy 1.51 bits",
        "perplexity 2.8",
        "clusters used 75.0% 3 of 4",
        "same as the one before 59.6%",
        "Word patch, mean 6 5.8",
        "Word patch, median 5 5",
        "Word patch, longest 10 22",
        "Silence patch, mean 1.5 3.7",
        "Silence patch, longest 2 31",
        "Units per word in all 7.5 9.7",
        "Silence between words 20.0% ≈ 40%",
        "20.0% silence between words",
        "10.9% silence by activity",
        "static 15 3.67 4 4 72.7%",
        "aligned 8 3.75",
        "Words per second mean 3.8 · median 2.5 · max 5 words/s",
        "aligned by sphinx, score -15",
        "speakers 2",
        "languages en 1.4 s, 2 · <de> 0.8 s, 1",
        "licences not named 1.4 s, 2 · CC0 0.8 s, 1",
        "headers 1 of 3 promise a length that is off by more than 0.1 s",
        "decoder soundfile 0.13.1, libsndfile 1.2.2",
    ]:
        assert figure in page.text, figure


def write_events(run: Path, host: str, *events: tuple[int, str, dict[str, object]]) -> None:
    (run / "events").mkdir(exist_ok=True)
    lines = [{"time": f"2026-01-01T00:00:{at:02}Z", "event": kind, **details} for at, kind, details in events]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run / "events" / f"20260101T000000000-{host}-7-driver.jsonl").write_text(text)


def built(name: str, seconds: float, **stages: float) -> dict[str, object]:
    return {"name": name, "seconds": seconds, "stage_seconds": stages}


def test_where_the_time_went(run: Path) -> None:
    """By two drivers, the second of which built a shard once more."""
    first, again = (
        built("train-000000", 90.0, units=6.0, decode=1.5),
        built("train-000000", 90.0, units=1.5, decode=1.0),
    )
    write_events(run, "a", (0, "started", {"workers": 2}), (4, "built", first), (5, "alive", {}))
    write_events(run, "b", (20, "started", {"workers": 1}), (22, "built", again), (30, "ended", {"failed": 0}))
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    for figure in [
        "Where the time went 2 shards built in 15.0 s of wall time, in 2 runs that resumed one another; "
        "1 of them had been built before and counts twice.",
        "units 7.5 s · 24× 75.0%",
        "decode 2.5 s · 72× 25.0%",
        "wall time 15.0 s workers 2, 1 speed 12 × real time audio-hours a second 0.00333",
        "workers' time in stages 50.0%",
    ]:
        assert figure in text, figure


def test_without_events_nothing_is_said_of_time(page: Page) -> None:
    assert "Where the time went" not in page.text


def test_two_utterances_are_drawn_with_players(page: Page) -> None:
    audio = [attrs["src"] or "" for tag, attrs in page.tags if tag == "audio"]
    assert len(audio) == 2
    assert all(url.startswith("data:audio/mpeg;base64,") for url in audio)
    sliders = [attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "slider"]
    assert sliders == ["Place in A1", "Place in B2"]
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg" and "aria-label" in attrs]
    assert labels == [
        "Length of an utterance",
        "Words per second",
        "Alignment score",
        "Units by frequency",
        "Patch lengths: aligned, words",
        "Patch lengths: aligned, silences",
        "Patch lengths: silence",
        "Patch lengths: static",
    ]


def test_the_page_needs_nothing_else(page: Page) -> None:
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "base")
        for name in ("src", "href", "action"):
            assert (attrs.get(name) or "#").startswith(("data:", "#"))


def test_only_its_own_script_may_run(run: Path) -> None:
    html = write_report(run).read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_whatever_data_says_is_only_text(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    stored = make_stored(EVIL, [1] * 30, [(EVIL, 2, 20)], split=EVIL, speaker=EVIL)
    letters = [DeadLetter(EVIL, EVIL, EVIL, EVIL, EVIL)]
    run = make_run(tmp_path / "run", {"train-000000": [stored]}, letters)
    path = run / "run.json"
    path.write_text(path.read_text().replace("corpora/small", "x" + EVIL.replace('"', r"\"").replace("/", "\\/")))
    html = write_report(run).read_text(encoding="utf-8")
    tags = [tag for tag, _ in Page(html).tags]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attrs in Page(html).tags for name in attrs)
    assert html.count("alert(") >= 8, "it is all there, as text"


def test_equal_folders_give_equal_bytes(run: Path, tones) -> None:  # type: ignore[no-untyped-def]
    first = write_report(run, tones).read_bytes()
    assert write_report(run, tones).read_bytes() == first


def test_without_its_source_the_report_says_so(run: Path) -> None:
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert "The audio is not at hand: the source was not given." in page.text
    assert "audio" not in [tag for tag, _ in page.tags]


def test_how_it_was_run_is_not_shown(page: Page) -> None:
    assert "patch_size: 4" in page.text
    assert "workers" not in page.text


def test_a_run_without_samples_has_a_report(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    run = make_run(tmp_path / "run", {}, [DeadLetter("a", "decode", "undecodable", "no audio", "a")])
    (run / "vocab.json").unlink()
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert "No record became a sample. 1 of 1 records was left out" in page.text


def test_numbers_are_written_for_people() -> None:
    assert [hours(s) for s in (2.2, 59.96, 418, 5400, 3_600_000 * 44.174)] == [
        "2.2 s", "60.0 s", "7.0 min", "1.5 h", "44,174 h"
    ]  # fmt: skip
    assert [share(x) for x in (0.0, 1.0, 0.1234, float("nan"))] == ["0%", "100%", "12.3%", "–"]
    assert [decimal(x) for x in (4.0, 5.84, 1234.5, float("inf"))] == ["4", "5.8", "1,234.5", "–"]
    assert [speed(x) for x in (0.254, 9.96, 24.4, 4321.0)] == ["0.25", "10", "24", "4,321"]
    assert count(13_700_000_000) == "13,700,000,000"
