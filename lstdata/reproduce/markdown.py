"""A reproduction as Markdown, with its drawings beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lstdata.reproduce.chapters import Chapter
from lstdata.reproduce.table import Cell, Table
from lstdata.reproduce.telling import Told
from lstdata.terminal import visible

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")


def document(told: Told, pictures: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The whole; `pictures` are, by chapter, (what it shows, its path from where the document will lie)."""
    return "\n".join(_lines(told, pictures)).rstrip() + "\n"


def table(found: Table) -> str:
    """A title, the table and its notes."""
    rows = [_row([_cell(cell) for cell in row]) for row in found.rows]
    head = [escaped(name) for name in found.head]
    lines = [f"**{escaped(found.title)}**", "", _row(head), _row([":--", *("--:" for _ in head[1:])]), *rows, ""]
    return "\n".join([*lines, *_bullets(found.notes)])


def escaped(text: str) -> str:
    """Text that means nothing to Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))


def _lines(told: Told, pictures: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    yield from (f"# {escaped(told.title)}", "", escaped(told.lead), "")
    for paragraph in told.about:
        yield from (*(_fenced(paragraph.text.splitlines()) if paragraph.code else [escaped(paragraph.text)]), "")
    yield from ("## Findings", "")
    for found in told.findings:
        yield from (f"**{escaped(found.title)}**", "", *_bullets(found.sentences))
    yield from _bullets(told.limits)
    for chapter in told.chapters:
        yield from _chapter(chapter, pictures.get(chapter.name, ()))
    yield from ("## How it was made", "", *_bullets(told.made))
    if told.search:
        yield from ("What was tuned, as the recipe says:", "", *_bullets(told.search))
    yield from _fenced(told.commands)


def _chapter(chapter: Chapter, pictures: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from (f"## {escaped(chapter.title)}", "")
    if chapter.lead:
        yield from (escaped(chapter.lead), "")
    if pictures:
        yield from ("\n".join(f"![{escaped(shows)}]({path})" for shows, path in pictures), "")
    for found in (*chapter.tables, *chapter.more):
        yield table(found)
    yield from _bullets(chapter.notes)


def _fenced(lines: Sequence[str]) -> list[str]:
    """As they are, whatever they are."""
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [fence, *(visible(line) for line in lines), fence]


def _bullets(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"- {escaped(line)}" for line in lines)
        yield ""


def _cell(cell: Cell) -> str:
    text = escaped(" ".join(filter(None, (cell.text, cell.small))))
    return f"*{text}*" if cell.mark == "paper" and text else text


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
