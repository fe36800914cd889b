"""A document of text, which has no sound: its text and its positions are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.inspection.figure import draw_figure
from lstdata.inspection.finding import Place, open_finished
from lstdata.inspection.hearing import Shown
from lstdata.inspection.page import render_page
from lstdata.inspection.positions import draw_document
from lstdata.inspection.text import text_of
from lstdata.loader.corpus import open_run
from lstdata.shards import StoredSample
from tests.test_shards import document

TEXT = "The old miller.\n<script>日本語 שלום"


@pytest.fixture
def stored(built: Path) -> StoredSample:
    return document("d", TEXT, open_run(UPath(built)).tokenizer.encode(TEXT))


def test_its_pieces_are_its_text(built: Path, stored: StoredSample) -> None:
    drawn = draw_document(UPath(built), open_finished(UPath(built)), stored.sample)
    assert [one.text for one in drawn.positions[:2]] == ["BOS", "<t>"]
    assert drawn.positions[-1].text == "EOS"
    assert "".join(one.text for one in drawn.positions[2:-1]).strip() == TEXT
    assert drawn.tokens == len(drawn.positions) == len(stored.sample.tokens) + 3
    shown = text_of(stored, 100, drawn)
    assert shown.splitlines()[1:5] == [
        f"train · text of {drawn.tokens - 3} tokens · language en",
        "",
        *TEXT.splitlines(),
    ]
    assert "all of it text" in shown


def test_its_page_has_no_time_axis(built: Path, stored: StoredSample) -> None:
    drawn = draw_document(UPath(built), open_finished(UPath(built)), stored.sample)
    html = render_page(Shown(stored, None, "x"), Place("d", "d", "s", 0, 1, 2), [], drawn)
    assert "&lt;script&gt;日本語" in html
    assert "On a time axis" not in html and "As a document" in html


def test_it_has_no_picture(stored: StoredSample) -> None:
    with pytest.raises(ConfigError, match=r"a picture shows speech, but `Ünï/d.x` is a document of text"):
        draw_figure(Shown(stored, None), [])
