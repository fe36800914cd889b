"""Evaluation sets listed in a YAML file, so that all of them are made by one command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lstdata.evaluate.layouts import LAYOUTS
from lstdata.options import load
from lstdata.storage import exists, place, resolve


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What `build-eval` is asked for one set."""

    name: str
    """Of the folder that it becomes."""
    items: str
    layout: str = "auto"
    audio: str | None = None
    """Folder of the recordings of a text or table; where there is none, the set has texts alone."""
    source: str | None = None

    def mistakes(self) -> Iterator[str]:
        if not self.name or self.name in (".", "..") or "/" in self.name:
            yield f"`name` must be a name for a folder, but is {self.name!r}."
        if self.layout not in ("auto", *LAYOUTS):
            yield f"`layout` must be of auto, {', '.join(LAYOUTS)}, but is {self.layout!r}."


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All of a file."""

    about: str = ""
    root: str = "."
    """Folder in which relative places of the sets start."""
    sets: tuple[Listed, ...] = ()

    def mistakes(self) -> Iterator[str]:
        names = [one.name for one in self.sets if one is not None]
        if not names:
            yield "`sets` must list a set or more, but is empty."
        if len(set(names)) < len(names):
            yield f"`sets` must have names of their own, but two are called {max(names, key=names.count)!r}."

    def there(self) -> list[Listed]:
        """The sets of which the items are there, with whole places."""
        found = []
        for one in self.sets:
            items = resolve(self.root, one.items)
            if not exists(place(items)):
                continue
            audio = None if one.audio is None else resolve(self.root, one.audio)
            source = None if one.source is None else resolve(self.root, one.source)
            audio = audio if audio is not None and exists(place(audio)) else None
            found.append(replace(one, items=items, audio=audio, source=source))
        return found


def is_catalogue(items: str) -> bool:
    return items.endswith((".yaml", ".yml"))


def read_catalogue(path: str, root: str | None = None) -> Catalogue:
    """ConfigError with all mistakes; `root` goes before that of the file."""
    return load(Catalogue, path, [] if root is None else [f"root={json.dumps(root)}"])
