"""Praat's TextGrids, long and short: the same strings, numbers and flags, with or without names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from lstdata.align.files.entries import Entry, bad_file, checked_words, number, spoken_text
from lstdata.errors import Rejected

_PIECE = re.compile(
    r'"(?P<text>[^"]*(?:""[^"]*)*)"|(?P<comment>![^\n\r]*)|(?P<flag><\w+>)'
    r'|(?P<number>[-+]?(?:[.\d][^\s"]*|(?i:nan|inf|infinity)(?=\s|$)))|(?P<name>[^\s"]+)|(?P<open>")'
)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"
_SHOWN = 20
"""Tiers that a message names."""

_LONGEST = 40
"""Characters of a tier's name that a message shows."""


class Tier(NamedTuple):
    name: str
    entries: list[Entry]
    """Its intervals, silences left out."""


def parse(text: str, name: str, speaker: str | None = None) -> list[Entry]:
    """The words of a TextGrid's word tier. Raises Rejected `bad_word_file`."""
    if text.startswith("ooBinaryFile"):
        raise bad_file(name, "", "this is a binary TextGrid; save it from Praat as a text file")
    tier = _word_tier(_tiers(_Pieces(text, name)), name, speaker)
    return checked_words(tier.entries, name, f"the tier {tier.name[:_LONGEST]!r} holds phrases")


def _word_tier(tiers: list[Tier], name: str, speaker: str | None) -> Tier:
    """The one called `words` or `word`, or ending in ` - words`; of several speakers' the record's; or the only one."""
    called = [tier for tier in tiers if re.fullmatch(r"(?:.* - )?words?", tier.name.strip(), re.I | re.S)]
    if len(called) > 1 and speaker is not None:
        called = [tier for tier in called if tier.name.rpartition(" - ")[0].strip() == speaker]
    if len(called) == 1:
        return called[0]
    if len(tiers) == 1:
        return tiers[0]
    names = ", ".join(repr(tier.name[:_LONGEST]) for tier in tiers[:_SHOWN]) or "none"
    rule = f"one tier must be called `words` or end in ` - words`, but the interval tiers are {names}"
    raise bad_file(name, "", rule)


def _tiers(pieces: _Pieces) -> list[Tier]:
    if not pieces.string("the file type").startswith("ooTextFile") or pieces.string("the class") != "TextGrid":
        raise pieces.wrong('the file must begin with "ooTextFile" and "TextGrid"')
    pieces.number("the start"), pieces.number("the end")
    if pieces.flag() != "<exists>":
        return []
    tiers = []
    for _ in range(pieces.count("the number of tiers")):
        tier = _tier(pieces)
        tiers += [tier] if tier is not None else []
    return tiers


def _tier(pieces: _Pieces) -> Tier | None:
    """The next tier; None for one of points."""
    kind, name = pieces.string("a tier's class"), pieces.string("a tier's name")
    if kind not in (_INTERVALS, _POINTS):
        raise pieces.wrong(f"a tier's class must be {_INTERVALS} or {_POINTS}, but is {kind[:40]!r}")
    pieces.number("a tier's start"), pieces.number("a tier's end")
    entries: list[Entry] = []
    for _ in range(pieces.count("a tier's size")):
        start = pieces.number("a start")
        end = pieces.number("an end") if kind == _INTERVALS else start
        spoken = spoken_text(pieces.string("a text"))
        if spoken is not None:
            entries.append(Entry(spoken, start, end))
    return Tier(name, entries) if kind == _INTERVALS else None


@dataclass
class _Pieces:
    """A TextGrid's pieces in order; what is neither a string, a flag nor a number by itself says only what follows."""

    text: str
    name: str
    at: int = 0

    def string(self, what: str) -> str:
        return self._next("text", what).replace('""', '"')

    def flag(self) -> str:
        return self._next("flag", "<exists> or <absent>")

    def number(self, what: str) -> float:
        written = self._next("number", what)
        value = number(written)
        if value is None:
            raise self.wrong(f"{what} must be a number, but is {written[:40]!r}")
        return value

    def count(self, what: str) -> int:
        value = self.number(what)
        if not (0 <= value < 2**53 and value == int(value)):
            raise self.wrong(f"{what} must be a whole number ≥ 0, but is {value}")
        return int(value)

    def wrong(self, rule: str) -> Rejected:
        before = self.text[: self.at]
        line = before.count("\n") + before.replace("\r\n", "").count("\r") + 1
        return bad_file(self.name, f"line {line}", rule)

    def _next(self, kind: str, what: str) -> str:
        """The next piece, which must be of a kind; names and comments are passed over."""
        while (match := _PIECE.search(self.text, self.at)) is not None:
            found, self.at = match.lastgroup, match.start()
            if found == "open":
                raise self.wrong("a quote is opened and never closed")
            if found not in (kind, "comment", "name"):
                raise self.wrong(f"{what} must come here, but {match[0][:40]!r} does")
            self.at = match.end()
            if found == kind:
                return match[kind]
        raise self.wrong(f"{what} must come here, but the file ends")
