"""Recordings of items that are published as text: `ID_prompt.wav`, `ID_ending_0.wav`, `ID_ending_1.wav`, …"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.layouts.pairing import recordings_in
from lstdata.evaluate.layouts.reading import DUPLICATES, MISSING, ORPHANS, Problems, Reading

if TYPE_CHECKING:
    from upath import UPath


def with_recordings(reading: Reading, folder: UPath) -> Reading:
    """Items with the recordings of a folder; one of which any is missing stays without, as text alone."""
    problems = Problems()
    problems.found |= reading.problems
    by_stem: dict[str, str] = {}
    for name in recordings_in(folder):
        if by_stem.setdefault(name.rpartition(".")[0], name) != name:
            problems.add(DUPLICATES, name)
    used: set[str] = set()
    items = [_spoken(item, by_stem, used, problems) for item in reading.items]
    for stem, name in by_stem.items():
        if stem not in used:
            problems.add(ORPHANS, name)
    return replace(reading, items=items, folder=folder, problems=problems.found)


def _spoken(item: Item, by_stem: dict[str, str], used: set[str], problems: Problems) -> Item:
    stems = [f"{item.id}_ending_{number}" for number in range(len(item.endings))]
    if item.prompt is not None:
        stems.insert(0, f"{item.id}_prompt")
    used |= set(stems)
    missing = [stem for stem in stems if stem not in by_stem]
    for stem in missing:
        problems.add(MISSING, stem)
    if missing:
        return item
    parts: list[Part] = [replace(part, audio=by_stem[stem]) for part, stem in zip(item.parts(), stems, strict=True)]
    prompt = None if item.prompt is None else parts.pop(0)
    return replace(item, prompt=prompt, endings=tuple(parts))
