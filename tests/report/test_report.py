from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from lstdata.report import write_report
from tests.report.parsed import Page


@pytest.fixture
def page(run: Path, tones) -> Page:  # type: ignore[no-untyped-def]
    return Page(write_report(run, tones).read_text(encoding="utf-8"))


def test_every_figure_is_there(page: Page) -> None:
    for figure in [
        "2.2 s of speech in 3 utterances",
        "coded as 55 units and 4 timed words",
        "3 of 6 records were left out, each with a reason.",
        "train 1.2 s 2 4 30 2 1",
        "validation 1.0 s 1 0 25 – 1",
        "all 2.2 s 3 4 55 2 2",
        "language speech share samples en 1.4 s 63.6% 2 <de> 0.8 s 36.4% 1",
        "licence speech share samples not named 1.4 s 63.6% 2 CC0 0.8 s 36.4% 1",
        "Words per second mean 3.8 · median 2.5 · max 5 words/s",
        "speakers 2",
        "20.0% silence between words",
        "10.9% silence by activity",
        "headers 1 of 2 promises a length that is off by more than 0.1 s, the worst by 0.20 s",
        "6 planned = 3 written + 3 rejected",
        "alignment_failed words 2",
        "undecodable decode 1 Convert it, as with ffmpeg -i FILE FILE.flac , or fetch it again;",
        "bad-1 `a.wav` is not audio.",
        "Found by sphinx.",
        "entropy 1.51 bits",
        "perplexity 2.8",
        "clusters used 75.0% 3 of 4",
        "entropy of the next 0.49 bits",
        "same as the one before 59.6%",
        "1 cluster without a single frame: 3.",
        "static 15 3.67 4 4 4",
        "aligned 8 3.75",
        "Word patch, mean 6 5.8",
        "Word patch, median 5 5",
        "Word patch, longest 10 22",
        "Silence patch, mean 1.5 3.7",
        "Silence patch, longest 2 31",
        "Units per word in all 7.5 9.7",
        "Silence between words 20.0% ≈ 40%",
        "aligned-bpe needs the times of characters, which no sample has",
        "static 3 24 62.5% 3 28 54.8% 18.3%",
        "aligned 2 14 61.1% 2 19 44.1% 14.7%",
        "mixed – – – 3 28 54.0% 18.0%",
        "Slowest speech words/s 2.50 B2",
        "Longest word frames 10 “ three ” B2",
        "train-000000 train 2 2 0 1.2 s 30 4",
        "aligned by sphinx, score −15",
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


def test_utterances_are_drawn_with_players(page: Page) -> None:
    audio = [attrs["src"] or "" for tag, attrs in page.tags if tag == "audio"]
    assert len(audio) == 3, "two with word times by their length, the third as an outlier"
    assert all(url.startswith("data:audio/mpeg;base64,") for url in audio)
    sliders = [attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "slider"]
    assert sliders == ["Place in A1", "Place in B2", "Place in C3"]


def test_every_chart_says_what_it_shows(page: Page) -> None:
    charts = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg" and "chart" in (attrs.get("class") or "")]
    assert charts == [
        "Length of an utterance: mean 0.7 · median 0.8 · max 1 s",
        "Words per second: mean 3.8 · median 2.5 · max 5 words/s",
        "Silence in an utterance: mean 16 · median 20 · max 20 %",
        "Share of utterances below a score: 5% below −15 · 50% below −15 · 95% below −15 · threshold −7.25",
        "Alignment score: mean −15 · median −15 · max −15",
        "Units by frequency: 3 of 4 occur, entropy 1.51 bits",
        "Lengths, Frames in a row with the same unit: mean 2.3 · median 1 · max 25 frames",
        "Lengths, aligned, words: mean 6 · median 5 · max 10 frames; reference mean 5.8",
        "Lengths, aligned, silences: mean 1.5 · median 1 · max 2 frames; reference mean 3.7",
        "Lengths, silence: mean 3.7 · median 4 · max 4 frames",
        "Lengths, static: mean 3.7 · median 4 · max 4 frames",
    ]


def test_headings_and_tables_are_for_screen_readers_too(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead") >= 5
    assert all(attrs.get("scope") for tag, attrs in page.tags if tag == "th")
    boxes = [attrs for _, attrs in page.tags if attrs.get("class", "").startswith("table-box")]  # type: ignore[union-attr]
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)


def test_links_lead_somewhere(page: Page) -> None:
    names = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert len(names) == len(set(names))
    assert {"#outliers", "#u-a1", "#u-b2", "#u-c3"} <= set(links)
    assert {(link or "").removeprefix("#") for link in links} <= set(names)


def test_the_page_needs_nothing_else(page: Page) -> None:
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "base")
        for name in ("src", "href", "action"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#"))


def test_only_its_own_script_may_run(run: Path) -> None:
    html = write_report(run).read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


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
