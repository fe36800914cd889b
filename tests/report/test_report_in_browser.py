"""The report as a browser has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lstdata.report import write_report
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
