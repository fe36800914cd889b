"""One utterance as a part of a page: its player, its drawing, and what is under the playhead.

A page that holds such parts needs `style()` once in its head and `script()` once at its end; it may forbid all else but
`media-src data:` and `img-src data:`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import jinja2
from markupsafe import Markup

from lstdata.inspection.hearing import Codec, Shown, data_url
from lstdata.inspection.templates import read_file, templates
from lstdata.inspection.timeline import draw_timeline
from lstdata.records import SAMPLE_RATE
from lstdata.terminal import visible

ROOM: Final = "lstdata.inspection"


def draw_utterance(
    shown: Shown,
    colours: Sequence[str],
    drawn: Sequence[Sequence[Any]] | None = None,
    *,
    codec: Codec = "mp3",
    spectrogram: bool = False,
) -> Markup:
    """The part for one utterance; `drawn` takes the place of the interleaving that its shard carries."""
    sample = shown.stored.sample
    template = environment().get_template("utterance.html")
    part = template.render(
        sample=sample,
        seconds=sample.samples / SAMPLE_RATE,
        timeline=draw_timeline(shown, colours, drawn, spectrogram=spectrogram),
        sound=None if shown.audio is None else data_url(shown.audio, codec),
        silent_because=shown.silent_because,
    )
    return Markup(part)


def style() -> Markup:
    """What the parts look like, and the colours of the page they are in, light, dark and printed."""
    return Markup(read("theme.css") + read("utterance.css"))


def script() -> str:
    """What plays them."""
    return read("player.js")


def sha256_source(text: str) -> str:
    """How a Content-Security-Policy names the only style or script that a page may have."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def read(name: str) -> str:
    """A file of this room."""
    return read_file(ROOM, name)


@cache
def environment() -> jinja2.Environment:
    """Templates of this room, in which `visible` takes out what would be obeyed."""
    environment = templates([ROOM])
    environment.filters |= {"visible": visible, "seconds": lambda value: f"{value:.2f} s"}
    return environment
