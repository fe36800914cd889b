"""An explicit table, CSV or TSV, of one row per item, for whatever is published in another layout.

Columns: `id`, `answer` (number of the right ending, from 0), `ending_0`, `ending_1`, … and perhaps `prompt` and `pair`;
these are texts, and `prompt_audio`, `ending_0_audio`, … are paths of recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from lstdata.errors import ConfigError
from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.layouts.reading import (
    BAD_ROWS,
    DUPLICATES,
    MISSING,
    NO_RIGHT,
    Problems,
    Reading,
    Row,
    check_columns,
)
from lstdata.sources.listing import is_file
from lstdata.sources.table import first_columns
from lstdata.storage import resolve

if TYPE_CHECKING:
    from upath import UPath


def read_pairs(path: UPath, audio: UPath | None) -> Reading:
    """One item per row, paths starting at `audio` or beside the table; those with a recording missing are left out."""
    check_columns(path, ("id", "answer"))
    if len(list(_endings(first_columns(str(path))))) < 2:
        raise ConfigError(f"`{path}` must have a text or a recording, `ending_0` or `ending_0_audio`, of two endings.")
    folder = audio or path.parent
    problems = Problems()
    items: dict[str, Item] = {}
    for number, row in problems.rows(path, tabs=path.name.removesuffix(".gz").endswith(".tsv")):
        item = _item(row)
        missing = [] if item is None else _missing(item, lambda name: is_file(resolve(str(folder), name)))
        if item is None:
            problems.add(BAD_ROWS, f"row {number} (it needs an `id` and two endings or more)")
        elif item.id in items:
            problems.add(DUPLICATES, item.id)
        elif not 0 <= item.answer < len(item.endings):
            problems.add(NO_RIGHT, item.id)
        elif missing:
            for name in missing:
                problems.add(MISSING, name)
        else:
            items[item.id] = item
    return Reading("pairs", list(items.values()), folder, len(items), None, problems.found)


def _endings(columns: list[str]) -> Iterator[str]:
    for number in count():
        name = f"ending_{number}"
        if name not in columns and f"{name}_audio" not in columns:
            return
        yield name


def _item(row: Row) -> Item | None:
    """None where a row has no id, a gap in its endings or fewer than two; the answer is −1 where it is no number."""
    endings = [_part(row, name) for name in _endings(list(row))]
    while endings and endings[-1] is None:
        endings.pop()
    whole = tuple(part for part in endings if part is not None)
    id, answer = row["id"].strip(), row["answer"].strip()
    if not id or len(whole) < len(endings) or len(whole) < 2:
        return None
    number = int(answer) if answer.isdecimal() else -1
    return Item(id, row.get("pair", "").strip() or id, _part(row, "prompt"), whole, number)


def _part(row: Row, name: str) -> Part | None:
    text, audio = (row.get(column, "").strip() or None for column in (name, f"{name}_audio"))
    return None if text is None and audio is None else Part(text=text, audio=audio)


def _missing(item: Item, there: Callable[[str], bool]) -> list[str]:
    return [part.audio for part in item.parts() if part.audio and not there(part.audio)]
