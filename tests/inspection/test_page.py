"""The page of one utterance: what is on it, and that data is only ever text."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.inspection.finding import Place
from lstdata.inspection.hearing import Shown
from lstdata.inspection.lines import break_lines
from lstdata.inspection.page import render_page
from lstdata.inspection.positions import DrawnDocument, Position
from lstdata.records import HOP
from lstdata.shards import StoredSample

EVIL = "</title><script>window.obeyed=1</script>\"'><img src=x onerror=window.obeyed=1>\x1b[31m\u202e"
COLOURS = [f"oklch(0.6 0.1 {hue})" for hue in range(4)]


class Page(HTMLParser):
    """The text of a page, and every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(stored: StoredSample, *, audio: bool = True, document: DrawnDocument | None = None) -> str:
    sound = (0.3 * np.sin(np.arange(stored.sample.samples) / 9)).astype(np.float32) if audio else None
    place = Place(stored.sample.key, stored.sample.id, "train-000000", 0, 1, 2)
    return render_page(Shown(stored, sound, EVIL), place, COLOURS, document)


def evil_document(stored: StoredSample) -> DrawnDocument:
    positions = Position("piece", EVIL, (7,)), Position("patch", "", (306, 307), (0, 1), (0, 2))
    return DrawnDocument(InterleaveConfig(), PatchingConfig(), 0, [["s", 0, 2], ["t", [7]]], positions)


def evil_sample(make_stored: Callable[..., StoredSample]) -> StoredSample:
    words = [(EVIL, 1, 9), ("", 9, 12), ("שלום", 12, 12), ("日本語", 12, 18), ("x" * 500, 20, 24)]
    stored = make_stored("a", [i % 4 for i in range(40)], words, split=EVIL, speaker=EVIL, custom={EVIL: EVIL})
    object.__setattr__(stored.sample, "id", EVIL)
    return stored


def test_the_page_of_a_sample_of_a_run(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    arguments = ["inspect", str(built), "utt-002", "--html", str(file), "--epoch", "3", "--patching", "aligned"]
    said = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert (said.exit_code, said.stdout) == (0, f"{file}\n")
    html = file.read_text(encoding="utf-8")
    page = Page(html)
    [source] = [attrs["src"] or "" for tag, attrs in page.tags if tag == "audio"]
    assert source.startswith("data:audio/wav;base64,")
    assert "positions: epoch 3, lst, speech patched aligned. Each box" in page.text
    classes = {name for _, attrs in page.tags for name in (attrs.get("class") or "").split()}
    assert {"marker", "piece", "patch", "mel", "wave", "word", "pause", "quiet"} <= classes
    CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert file.read_text(encoding="utf-8") == html, "equal in, equal out"


@pytest.mark.parametrize("audio", [True, False])
def test_whatever_data_says_is_only_text(make_stored: Callable[..., StoredSample], audio: bool) -> None:
    stored = evil_sample(make_stored)
    html = page_of(stored, audio=audio, document=evil_document(stored))
    tags = [tag for tag, _ in Page(html).tags]
    assert tags.count("script") == 1 and "img" not in tags
    assert not any(name.startswith(("on", "style")) for _, attrs in Page(html).tags for name in attrs)
    assert html.count("window.obeyed") >= 12, "it is all there, as text"
    assert not {"\x1b", "\u202e"} & set(html)


def test_the_page_needs_nothing_else_and_allows_nothing_else(make_stored: Callable[..., StoredSample]) -> None:
    page = Page(page_of(make_stored("a", [1] * 30, [("one", 2, 9)])))
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for name in ("src", "href"):
            assert (attrs.get(name) or "#").startswith(("data:", "#"))
    [policy] = [attrs["content"] or "" for _, attrs in page.tags if attrs.get("http-equiv")]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy


@pytest.mark.parametrize("frames", [0, 1, 2, 1000])
@pytest.mark.parametrize("words", [True, False])
def test_every_length_has_a_page(make_stored: Callable[..., StoredSample], frames: int, words: bool) -> None:
    stored = make_stored("a", [1] * frames, [("w", 0, frames // 2), ("v", frames, frames)] if words else None)
    html = page_of(stored)
    assert not re.search(r"\bnan\b", html)
    assert html.count('class="strip"') == (len(break_lines(stored.sample, 185)) if frames == 1000 else 1), (
        "132 px a second, 980 a line"
    )
    assert f"{frames * HOP / 16_000:.2f} s" in html


def test_a_run_that_was_changed_is_refused(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert CliRunner().invoke(cli, ["inspect", str(run), "A1", "--html", str(file)]).exit_code != 0, "it has no seal"
    assert not file.exists()


def test_where_no_document_can_be_drawn_the_page_says_why(make_stored: Callable[..., StoredSample]) -> None:
    stored = make_stored("a", [1] * 30, None)
    place = Place("a", "a", "train-000000", 0, 1, 2)
    page = Page(render_page(Shown(stored, None, "x"), place, COLOURS, None, EVIL))
    assert "It makes none as this run is configured: </title><script>" in page.text


@pytest.mark.parametrize(
    ("language", "tag"), [("de", "de"), ("deu", "de"), ("<de>", ""), (None, ""), ("zh_TW", "zh-tw")]
)
def test_words_have_their_language(make_stored: Callable[..., StoredSample], language: str | None, tag: str) -> None:
    page = Page(page_of(make_stored("a", [1] * 30, [("w", 2, 9)], language=language)))
    assert [attrs["lang"] for name, attrs in page.tags if "lang" in attrs and name != "html"] == [tag, tag]


def test_a_source_that_is_gone_leaves_the_drawing_silent(built: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "page.html", tmp_path / "elsewhere"
    other.mkdir()
    arguments = ["inspect", str(built), "utt-002", "--html", str(file), "--source"]
    assert CliRunner().invoke(cli, [*arguments, str(other)]).exit_code != 0, "a source that is given must be one"
    (other / "a.jsonl").write_text('{"id": "a", "audio": "a.flac", "text": "b"}\n')
    said = CliRunner().invoke(cli, [*arguments, str(other / "a.jsonl")], catch_exceptions=False)
    assert "drawn silent: missing_audio" in said.stderr
    page = Page(file.read_text(encoding="utf-8"))
    assert "The audio is not at hand: missing_audio" in page.text
    assert "audio" not in [tag for tag, _ in page.tags]
    assert UPath(file).stat().st_size < 300_000
