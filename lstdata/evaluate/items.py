"""Items: a prompt, or none, and endings of which one is right, as text, as recordings of a run folder, or both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lstdata.errors import ConfigError

MODES: Final = ("s-s", "t-t", "s-t", "t-s")
"""Prompt and endings, each as speech or as text; an item without a prompt is in those of one modality."""


@dataclass(frozen=True, slots=True)
class Part:
    """A prompt or an ending."""

    text: str | None = None
    recording: str | None = None
    """Id of a record of the run folder."""
    audio: str | None = None
    """Path of its recording, relative to the file of items."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question. Items of one group, such as the two of a pair with swapped endings, are drawn together."""

    id: str
    group: str
    prompt: Part | None
    endings: tuple[Part, ...]
    answer: int
    """Number of the right ending."""
    by: tuple[tuple[str, str], ...] = ()
    """Divisions, and of which kind it is in each, such as the type of a sentence: each kind has its own accuracy."""

    @property
    def chance(self) -> float:
        return 1 / len(self.endings)

    def parts(self) -> tuple[Part, ...]:
        return self.endings if self.prompt is None else (self.prompt, *self.endings)


def parse_items(text: str, name: str) -> list[Item]:
    """Of JSON lines `{id, prompt, endings, answer}`, optionally `pair` and `by`; each part `{text, recording, audio}`.

    ConfigError names the first ten lines that are not so.
    """
    items: list[Item] = []
    mistakes: list[str] = []
    known: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = _item(json.loads(line))
            if item.id in known:
                raise ValueError(f"`id` must be unique, but {item.id!r} was there before")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            mistakes.append(f"`{name}`: line {number}: {_reason(error)}.")
            continue
        known.add(item.id)
        items.append(item)
    if mistakes:
        raise ConfigError(*mistakes[:10])
    if not items:
        raise ConfigError(f"`{name}` has no items.")
    return items


def write_items(items: Sequence[Item]) -> str:
    """The JSON lines that `parse_items` reads."""
    return "".join(json.dumps(_row(item), ensure_ascii=False) + "\n" for item in items)


def _item(row: dict[str, Any]) -> Item:
    endings = tuple(_part(part, "endings") for part in row["endings"])
    answer = row["answer"]
    if len(endings) < 2:
        raise ValueError(f"`endings` must be two or more, but is {len(endings)}")
    if type(answer) is not int or not 0 <= answer < len(endings):
        raise ValueError(f"`answer` must be in 0…{len(endings) - 1}, but is {answer!r}")
    id = str(row["id"])
    prompt = row.get("prompt")
    by = row.get("by") or {}
    if not isinstance(by, dict) or not all(isinstance(kind, str) and kind for kind in by.values()):
        raise ValueError(f"`by` must hold a text for each division, but is {json.dumps(by)}")
    prompt = None if prompt is None else _part(prompt, "prompt")
    return Item(id, str(row.get("pair", id)), prompt, endings, answer, tuple(by.items()))


def _part(row: dict[str, Any], name: str) -> Part:
    values = [row.get(key) for key in ("text", "recording", "audio")]
    if not all(value is None or (isinstance(value, str) and value) for value in values):
        raise ValueError(f"`{name}` must hold texts that are not empty, but holds {json.dumps(row)}")
    part = Part(*values)
    if part == Part():
        raise ValueError(f"`{name}` must have `text`, `recording` or `audio`, but has {json.dumps(row)}")
    return part


def _row(item: Item) -> dict[str, Any]:
    def part(value: Part) -> dict[str, str]:
        fields = {"text": value.text, "recording": value.recording, "audio": value.audio}
        return {key: text for key, text in fields.items() if text is not None}

    return {
        "id": item.id,
        "pair": item.group,
        "prompt": None if item.prompt is None else part(item.prompt),
        "endings": [part(ending) for ending in item.endings],
        "answer": item.answer,
        **({"by": dict(item.by)} if item.by else {}),
    }


def _reason(error: Exception) -> str:
    return f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)


def recordings(items: Sequence[Item]) -> Iterator[str]:
    """Every recording that items name, once."""
    seen = dict.fromkeys(part.recording for item in items for part in item.parts())
    return (recording for recording in seen if recording is not None)
