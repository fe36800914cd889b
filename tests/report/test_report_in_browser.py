"""The report as a browser has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lstdata.records import DeadLetter
from lstdata.report import write_report
from lstdata.shards import StoredSample
from tests.browser import Browser, Page
from tests.inspection.test_page_in_browser import PLAYED


@pytest.fixture
def page(browser: Browser, run: Path, tones) -> Iterator[Page]:  # type: ignore[no-untyped-def]
    with browser.open(Path(write_report(run, tones))) as page:
        yield page
        assert (page.complaints, page.requests) == ([], [])


def test_it_is_drawn_and_plays(page: Page) -> None:
    assert page.run("document.querySelectorAll('.utterance-drawing .pane svg').length") == 3
    assert page.run(PLAYED) > 0.3
    assert page.run("document.querySelector('.readout').textContent").startswith("0.")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_telephone_and_can_be_read(page: Page, dark: bool) -> None:
    page.look(360, dark=dark)
    assert page.overflow == 0
    assert page.faint() == []


def test_wide_tables_scroll_in_their_boxes(page: Page) -> None:
    page.look(360)
    boxes = "[...document.querySelectorAll('.table-box')]"
    assert page.run(f"{boxes}.some((box) => box.scrollWidth > box.clientWidth)")
    assert page.run(f"{boxes}.every((box) => box.getBoundingClientRect().right <= innerWidth)")


FIRST_COLUMN = "[...document.querySelectorAll('table[data-sortable] tbody th')].map((cell) => cell.textContent)"


def test_a_heading_sorts_the_shards_by_keyboard_too(page: Page) -> None:
    heading = "document.querySelectorAll('table[data-sortable] thead th')[5]"
    assert page.run(FIRST_COLUMN) == ["train-000000", "validation-000000"]
    page.run(f"{heading}.querySelector('button').focus()")
    page.press(" ")
    assert page.run(FIRST_COLUMN) == ["validation-000000", "train-000000"], "1.0 and 1.2 s"
    assert page.run(f"{heading}.getAttribute('aria-sort')") == "ascending"
    page.press(" ")
    assert page.run(FIRST_COLUMN) == ["train-000000", "validation-000000"]


def test_a_linked_outlier_comes_into_view(page: Page) -> None:
    page.run("document.querySelector('.lists a[href=\"#u-c3\"]').click()")
    top = page.run("document.querySelector('#u-c3').getBoundingClientRect().top")
    assert 0 <= top < 900


def test_it_is_printed_on_white_paper(page: Page) -> None:
    page.look(1200, dark=True, media="print")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.faint() == []
    assert page.pdf().startswith(b"%PDF")


EVIL = "</title><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"


def test_what_data_says_is_not_run(
    browser: Browser, tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    stored = make_stored(EVIL, [1] * 30, [(EVIL, 2, 20)], split=EVIL, speaker=EVIL, language=EVIL, license=EVIL)
    letters = [DeadLetter(EVIL, EVIL, EVIL, EVIL, EVIL)]
    with browser.open(Path(write_report(make_run(tmp_path, {"train-000000": [stored]}, letters))), width=360) as page:
        assert page.run("window.evil") is None
        assert (page.overflow, page.complaints, page.requests) == (0, [], [])


def test_a_run_of_nothing_is_a_page_too(browser: Browser, tmp_path: Path, make_run: Callable[..., Path]) -> None:
    with browser.open(Path(write_report(make_run(tmp_path, {}))), width=360) as page:
        assert (page.overflow, page.faint(), page.complaints) == (0, [], [])
