"""Fonts for pictures: Pillow's own, and for scripts that it lacks one of the machine, if it has one."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

OTHERS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "FreeSans.ttf",
    "Arial Unicode.ttf",
    "arialuni.ttf",
)
"""File names of fonts with many scripts, looked for where the system keeps fonts."""

_NOWHERE: Final = "\U0010ffff"
"""A character that no font has: what is drawn for it is drawn for all that are missing."""


def font_for(text: str, size: int) -> FreeTypeFont:
    """The first font that has every character of the text; where none has, Pillow's own and its empty boxes."""
    letters = "".join(sorted(set(text) - {" "}))
    return next((font for font in _fonts(size) if _has(font, letters)), _fonts(size)[0])


@lru_cache
def _fonts(size: int) -> list[FreeTypeFont]:
    own = ImageFont.load_default(size)
    assert isinstance(own, FreeTypeFont), "Pillow is built with FreeType"
    found = [own]
    for name in OTHERS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return found


def _has(font: FreeTypeFont, letters: str) -> bool:
    missing = _look(font, _NOWHERE)
    return all(_look(font, letter) != missing for letter in letters)


@lru_cache(4096)
def _look(font: FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
