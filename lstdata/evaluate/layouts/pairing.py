"""Pairs of recordings of which each row, or name, is one half."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.layouts.reading import DUPLICATES, MISSING, NO_RIGHT, NO_WRONG, ORPHANS, Problems
from lstdata.sources.folder import AUDIO_SUFFIXES
from lstdata.storage import names_in

if TYPE_CHECKING:
    from upath import UPath


@dataclass(frozen=True, slots=True)
class Half:
    """One recording of a pair. `pair` and `voice` together name the item, `pair` what is drawn together."""

    pair: str
    voice: str | None
    right: bool
    audio: str
    text: str | None = None
    by: tuple[tuple[str, str], ...] = ()
    """Of the right half: see `Item`."""

    @property
    def item(self) -> str:
        return self.pair if self.voice is None else f"{self.pair}/{self.voice}"


def recordings_in(folder: UPath) -> list[str]:
    return [name for name in names_in(folder) if name[name.rfind(".") :].lower() in AUDIO_SUFFIXES]


def paired(halves: Iterable[Half], recordings: Sequence[str], problems: Problems) -> list[Item]:
    """An item for each pair and voice that has exactly one right and one wrong recording, both there; right first."""
    halves = list(halves)
    there, named = set(recordings), {half.audio for half in halves}
    by_item: dict[str, list[Half]] = {}
    for half in halves:
        by_item.setdefault(half.item, []).append(half)
        if half.audio not in there:
            problems.add(MISSING, half.audio)
    for name in recordings:
        if name not in named:
            problems.add(ORPHANS, name)
    return [item for name, both in by_item.items() if (item := _pair(name, both, there, problems)) is not None]


def _pair(name: str, both: list[Half], there: set[str], problems: Problems) -> Item | None:
    right = [half for half in both if half.right]
    wrong = [half for half in both if not half.right]
    if len(right) > 1 or len(wrong) > 1:
        problems.add(DUPLICATES, name)
    elif not right:
        problems.add(NO_RIGHT, name)
    elif not wrong:
        problems.add(NO_WRONG, name)
    elif right[0].audio in there and wrong[0].audio in there:
        return Item(name, right[0].pair, None, (_part(right[0]), _part(wrong[0])), 0, right[0].by)
    return None


def _part(half: Half) -> Part:
    return Part(text=half.text, audio=half.audio)
