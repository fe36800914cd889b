"""matplotlib's SVG made fit for a page: its colours become the page's, its ids and fonts do not reach beyond it.

A colour is drawn by a stand-in and shown by a CSS variable, so that one drawing is right in light and in dark; a file
of its own carries the variables with it.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG: Final = "http://www.w3.org/2000/svg"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Colour:
    """As it is on light and on dark paper."""

    light: str
    dark: str


COLOURS: Final = {
    "ink": Colour("#1c1d21", "#e8e7e3"),
    "soft": Colour("#61636b", "#9a9ca4"),
    "line": Colour("#e3e1db", "#2d3037"),
    "grey": Colour("#7b7d86", "#a3a5ad"),
    "blue": Colour("#0072b2", "#56b4e9"),
    "orange": Colour("#c4590a", "#f0904d"),
    "green": Colour("#00795a", "#33c398"),
    "purple": Colour("#9a3b78", "#e08fc0"),
}
"""Text and rules are those of the house's pages; the others are told apart by people who see no red, or no green."""

_STAND_INS: Final = {name: f"#0001{number:02x}" for number, name in enumerate(COLOURS)}
_SAID: Final = {stand_in: f"var(--curve-{name})" for name, stand_in in _STAND_INS.items()}


def ink(name: str) -> str:
    """What to draw with."""
    return _STAND_INS[name]


def variables() -> str:
    """CSS that gives the colours, for a page or for a file."""
    light, dark = (
        "".join(f"--curve-{name}:{getattr(colour, paper)};" for name, colour in COLOURS.items())
        for paper in ("light", "dark")
    )
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}@media print{{:root{{{light}}}}}"


def drawn(figure: Figure, name: str, shows: str) -> str:
    """As an `svg` element for a page that has `variables`; `name` is unique on the page, `shows` is for the ear."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    _clean(root)
    for length in ("width", "height", "version"):
        del root.attrib[length]
    root.attrib |= {"class": "chart", "role": "img", "aria-label": shows}
    root.set("style", "stroke-linejoin:round;stroke-linecap:butt")
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode")


def as_file(svg: str) -> bytes:
    """A drawing by itself: with its colours, its font, and its size."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib |= {"width": width, "height": height}
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = variables() + "text{font-family:system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    root.insert(0, style)
    ElementTree.register_namespace("", _SVG)
    return (ElementTree.tostring(root, encoding="unicode") + "\n").encode()


def _clean(root: ElementTree.Element) -> None:
    text = ElementTree.tostring(root, encoding="unicode")
    named = {*re.findall(r"url\(#([^)]+)\)", text), *re.findall(r'href="#([^"]+)"', text)}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        if element.get("id") not in named:
            element.attrib.pop("id", None)
        if _LINK in element.attrib:
            element.set("href", element.attrib.pop(_LINK))
        if "style" in element.attrib:
            element.set("style", _styled(element.attrib["style"]))
        if element.tag == f"{{{_SVG}}}path":
            element.set("d", " ".join(element.get("d", "").split()))
        element.text, element.tail = ((part or "").strip() or None for part in (element.text, element.tail))


def _styled(style: str) -> str:
    kept = [part.strip() for part in style.split(";") if not part.strip().startswith("font-family")]
    return re.sub(r"#0001[0-9a-f]{2}", lambda found: _SAID[found[0]], ";".join(kept))
