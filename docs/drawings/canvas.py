"""A picture for a page of the documentation: parts below one another, in the colours of the project's pages."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from lstdata.inspection.bands import pixels
from lstdata.inspection.fragment import read

WIDTH: Final = 400
LEFT, RIGHT = 4, 396
SHOWN: Final = 560
"""Pixels of its width on a page that has so many."""

_STYLE: Final = """
svg { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
text { fill: var(--ink); }
.soft { fill: var(--soft); font-size: 12px; }
.tick { fill: var(--soft); font-size: 11px; }
.id { fill: #fff; font-size: 13px; text-anchor: middle; font-variant-numeric: tabular-nums; }
.lit { fill: var(--raised); text-anchor: middle; }
.middle { text-anchor: middle; }
.axis, .edge { stroke: var(--soft); fill: none; opacity: 0.6; }
.wave { stroke: var(--speech); stroke-width: 1.4; fill: none; }
.wave.quiet { stroke: var(--quiet); }
.word rect { fill: var(--ink); }
.word path { stroke: var(--soft); opacity: 0.55; }
.pause rect, rect.quiet { fill: var(--quiet); }
rect.speech { fill: var(--speech); }
rect.odd { fill: var(--speech-odd); }
rect.start { fill: var(--ink); }
rect.text { fill: var(--text-pale); }
rect.marker { fill: none; stroke: var(--soft); }
rect.budget { fill: none; stroke: var(--soft); opacity: 0.6; }
text.text { fill: var(--text); font-size: 12.5px; }
.span.speech rect { fill: var(--speech); }
.span.speech text { fill: var(--raised); font-size: 12px; }
.span.text rect { fill: var(--text-pale); }
.span.text text { fill: var(--text); font-size: 12px; }
"""


class Canvas:
    """Parts below one another."""

    def __init__(self) -> None:
        self._parts: list[Markup] = []
        self._top = 0.0

    def add(self, height: float, part: Markup) -> None:
        self._parts.append(Markup('<g transform="translate({} {})">{}</g>').format(LEFT, pixels(self._top), part))
        self._top += height

    def say(self, text: str) -> None:
        """A line that names what comes below it."""
        self.add(19, Markup('<text class="soft" x="0" y="13">{}</text>').format(text))

    def svg(self, title: str) -> str:
        """A file that is light or dark by itself: pages show it as an image, out of reach of their styles."""
        theme = read("theme.css").split("* {")[0]
        size = f'viewBox="0 0 {WIDTH} {pixels(self._top)}" width="{SHOWN}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            Markup("<title>{}</title>").format(title),
            f"<style>{theme}{_STYLE}</style>",
            *self._parts,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"
