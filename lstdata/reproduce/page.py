"""A reproduction as one page that needs nothing else, not even a network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup

from lstdata.inspection.templates import read_file, templates
from lstdata.report.figures import FILTERS, shown
from lstdata.reproduce.curves import Drawing
from lstdata.reproduce.sounds import Heard
from lstdata.reproduce.spoken import SYNTHESIS
from lstdata.reproduce.svg import variables
from lstdata.reproduce.telling import Told
from lstdata.terminal import visible

_ROOM: Final = "lstdata.reproduce"
_REPORT: Final = "lstdata.report"


def render(told: Told, drawings: Sequence[Drawing], heard: Sequence[Heard]) -> str:
    """The page; drawings and sounds are in it."""
    style = [read_file("lstdata.inspection", "theme.css"), *(read_file(room, "page.css") for room in (_REPORT, _ROOM))]
    by_chapter = {chapter.name: [one for one in drawings if one.chapter == chapter.name] for chapter in told.chapters}
    page = _environment().get_template("page.html")
    return page.render(
        told=told,
        drawings=by_chapter,
        heard=heard,
        spoken_in=SYNTHESIS,
        style=Markup("".join(style) + variables()),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = templates([_ROOM, _REPORT], finalize=shown)
    environment.filters |= {**FILTERS, "data_url": _data_url, "drawn": Markup, "code": _code}
    return environment


def _data_url(mp3: bytes) -> str:
    return "data:audio/mpeg;base64," + base64.b64encode(mp3).decode()


def _code(text: str) -> Markup:
    """Its lines, escaped, as lines."""
    return Markup("\n").join(visible(line) for line in text.splitlines())
