"""What kind of word times a file holds, by its first bytes: suffixes lie, and tools disagree about them."""

from __future__ import annotations

import codecs
import re
from enum import IntEnum
from typing import Literal

from lstdata.align.files import ctm, whisper

HEAD = 1 << 14
"""Bytes that are looked at."""


class Kind(IntEnum):
    """What a file holds; UNSURE: it is called as one of these, but its beginning does not tell."""

    TEXTGRID = 0
    WHISPER = 1
    CTM = 2
    PAIRS = 3
    UNSURE = 4
    ESCAPES = 5
    """A link out of the folder, which is not followed."""


Format = Literal["auto", "ctm", "textgrid", "whisper", "pairs"]

_SUFFIXES = {
    ".textgrid": Kind.TEXTGRID,
    ".json": Kind.WHISPER,
    ".ctm": Kind.CTM,
    ".jsonl": Kind.PAIRS,
    ".on_the_fly": Kind.PAIRS,
}
_TEXTGRID = re.compile(r'(?:File type\s*=\s*)?"(?:ooTextFile|Praat chronological TextGrid)|ooBinaryFile\x08TextGrid')
_WHISPER = re.compile(rf'"(?:{"|".join(whisper.KEYS)})"\s*:')
_PAIRS = re.compile(r'"interleaved"\s*:')
_JSON = ("{", "[")


def recognise(head: bytes, name: str, wanted: Format) -> Kind | None:
    """The kind of a file by its first HEAD bytes; None for what is no word times, or of another format than wanted."""
    found = _by_content(_text(head))
    suffix = name[name.rfind(".") :].lower()
    if found is None and suffix in _SUFFIXES:
        found = Kind.UNSURE
    if wanted == "auto" or found is None:
        return found
    stated = Kind[wanted.upper()]
    named = _SUFFIXES.get(suffix, stated)
    return found if found == stated or (found == Kind.UNSURE and named == stated) else None


def parsed_as(name: str, wanted: Format) -> Kind:
    """How to read a file that is UNSURE."""
    return Kind[wanted.upper()] if wanted != "auto" else _SUFFIXES[name[name.rfind(".") :].lower()]


def _by_content(text: str) -> Kind | None:
    start = text.lstrip()
    if _TEXTGRID.match(start):
        return Kind.TEXTGRID
    if start.startswith(_JSON):
        if _PAIRS.search(start):
            return Kind.PAIRS
        return Kind.WHISPER if _WHISPER.search(start) else None
    lines = (line for line in text.splitlines() if not ctm.is_comment(line))
    return Kind.CTM if ctm.is_ctm(next(lines, "")) else None


def _text(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    if 0 in head[:2]:
        return head.decode("utf-16-be" if head[0] == 0 else "utf-16-le", "replace")
    return head.decode("utf-8-sig", "replace")
