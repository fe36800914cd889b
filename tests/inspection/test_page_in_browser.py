"""The page of one utterance as a browser has it: it plays, seeks, fits and can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.shards import StoredSample
from tests.browser import Browser, Page
from tests.inspection.test_page import evil_document, evil_sample, page_of

PLAYED = """new Promise((done, fail) => {
  const audio = document.querySelector("audio");
  audio.addEventListener("timeupdate", () => audio.currentTime > 0.3 && done(audio.currentTime));
  audio.addEventListener("error", () => fail(new Error(audio.error.message)));
  audio.play().catch(fail);
})"""
"""Resolved once the sound has gone on for some time."""

PLACE = "Number(document.querySelector('.pane').getAttribute('aria-valuenow'))"
SEEKED = """new Promise((done) => {
  const audio = document.querySelector("audio");
  const tell = () => done(audio.currentTime);
  audio.seeking ? audio.addEventListener("seeked", tell) : tell();
})"""


@pytest.fixture(scope="module")
def file(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "utt-002.html"
    CliRunner().invoke(cli, ["inspect", str(built), "utt-002", "--html", str(file)], catch_exceptions=False)
    return file


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with browser.open(file) as page:
        yield page
        assert (page.complaints, page.requests) == ([], [])


def test_the_sound_plays_and_the_playhead_follows(page: Page) -> None:
    assert page.run(PLAYED) > 0.3
    page.run("document.querySelector('audio').pause()")
    x = page.run("document.querySelector('.playhead').transform.baseVal[0].matrix.e")
    assert x / page.run("Number(document.querySelector('.pane').dataset.scale)") > 0.2
    assert "frame" in page.run("document.querySelector('.readout').textContent")


def test_a_click_seeks_to_where_it_is_made(page: Page) -> None:
    box = page.run("(({x, y, height}) => [x, y, height])(document.querySelector('.pane').getBoundingClientRect())")
    scale = page.run("Number(document.querySelector('.pane').dataset.scale)")
    page.click(box[0] + 1.5 * scale, box[1] + 30)
    assert page.run(SEEKED) == pytest.approx(1.5, abs=0.5)
    assert not page.run("document.querySelector('audio').paused")


def test_keys_move_by_time_and_by_word(page: Page) -> None:
    page.run("document.querySelector('.pane').focus()")
    for _ in range(3):
        page.press("ArrowRight")
    page.press("ArrowLeft")
    assert page.run(PLACE) == pytest.approx(0.4)
    assert page.run(SEEKED) == pytest.approx(0.4, abs=0.05)
    page.press("Home")
    page.press("ArrowRight", shift=True)
    words = "[...document.querySelectorAll('.word rect')].map((r) => Number(r.getAttribute('x')))"
    scale = page.run("Number(document.querySelector('.pane').dataset.scale)")
    assert page.run(PLACE) == pytest.approx(page.run(words)[0] / scale, abs=0.01)
    said = page.run("document.querySelector('.pane').getAttribute('aria-valuetext')")
    assert "the" in said and "unit" in said and "aligned" in said
    page.press("End")
    assert page.run(PLACE) == pytest.approx(page.run("document.querySelector('audio').duration"), abs=0.05)


def test_each_word_is_read_out_where_it_begins(page: Page) -> None:
    """Also where the player has rounded the time, or a shape its edge."""
    page.run("document.querySelector('.pane').focus()")
    words = page.run("[...document.querySelectorAll('.word title')].map((title) => title.textContent)")
    for word in words:
        page.press("PageUp")
        page.run(SEEKED)
        said = page.run("document.querySelector('.readout').textContent")
        assert word in said
        assert said.count("aligned") == 2 and "static" in said and "unit" in said


def test_space_plays_and_pauses(page: Page) -> None:
    page.run("document.querySelector('.pane').focus()")
    page.press(" ")
    assert not page.run("document.querySelector('audio').paused")
    page.press(" ")
    assert page.run("document.querySelector('audio').paused")


def test_a_patch_of_the_document_plays_alone(page: Page) -> None:
    stopped = """new Promise((done) => {
      const audio = document.querySelector("audio"), patch = document.querySelectorAll(".position.patch")[1];
      audio.addEventListener("pause", () => done([audio.currentTime, Number(patch.dataset.end)]));
      patch.click();
    })"""
    at, end = page.run(stopped)
    assert at == pytest.approx(end, abs=0.3)


def test_positions_say_their_ids_to_the_keyboard(page: Page) -> None:
    page.run("document.querySelector('.position').focus()")
    page.press("ArrowRight")
    focused = page.run("document.activeElement.title")
    assert "id" in focused
    assert page.run("document.querySelector('.positions + .readout').textContent") == focused
    assert page.run("document.querySelectorAll('.position[tabindex=\"0\"]').length") == 1


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_can_be_read(page: Page, width: int, dark: bool) -> None:
    page.look(width, dark=dark)
    assert page.overflow == 0
    assert page.faint() == []


def test_on_paper_the_drawing_is_broken_into_lines(page: Page) -> None:
    page.look(760, media="print")
    assert page.overflow == 0
    assert page.run("document.querySelectorAll('.strip').length") > 1
    assert page.run("[...document.querySelectorAll('.strip')].every((s) => s.checkVisibility())")
    assert not page.run("document.querySelector('.timeline').checkVisibility()")


def test_scripts_of_the_data_do_not_run(
    browser: Browser, make_stored: Callable[..., StoredSample], tmp_path: Path
) -> None:
    stored = evil_sample(make_stored)
    file = tmp_path / "evil.html"
    file.write_text(page_of(stored, document=evil_document(stored)), encoding="utf-8")
    with browser.open(file, width=360) as page:
        assert page.run(PLAYED) > 0.3
        assert page.run("window.obeyed === undefined")
        assert (page.complaints, page.requests, page.overflow) == ([], [], 0)
        page.run("document.head.append(Object.assign(document.createElement('script'), {text: 'window.obeyed = 1'}))")
        assert page.run("window.obeyed === undefined"), "nor would one that slipped in"
        assert any("Content Security Policy" in complaint for complaint in page.complaints)
