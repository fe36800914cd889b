"""A reproduction as Markdown, with its drawings beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lstdata.reproduce.curves import Drawing
from lstdata.reproduce.sounds import Heard
from lstdata.reproduce.spoken import SYNTHESIS
from lstdata.reproduce.table import Cell, Table
from lstdata.reproduce.telling import Told
from lstdata.terminal import visible

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies in files of their own, by its path from where the document will lie."""

    drawings: Mapping[str, str]
    """By name."""
    sounds: Mapping[tuple[int, str], str]
    """By the number of a sentence and the arm that speaks it."""


def document(told: Told, drawings: Sequence[Drawing], heard: Sequence[Heard], beside: Beside) -> str:
    """The whole."""
    return "\n".join(_lines(told, drawings, heard, beside)).rstrip() + "\n"


def table(found: Table) -> str:
    """A title, the table and its notes."""
    rows = [_row([_cell(cell) for cell in row]) for row in found.rows]
    head = [escaped(name) for name in found.head]
    lines = [f"**{escaped(found.title)}**", "", _row(head), _row([":--", *("--:" for _ in head[1:])]), *rows, ""]
    return "\n".join([*lines, *_bullets(found.notes)])


def escaped(text: str) -> str:
    """Text that means nothing to Markdown, on one line."""
    return _literal(" ".join(text.split()))


def _lines(told: Told, drawings: Sequence[Drawing], heard: Sequence[Heard], beside: Beside) -> Iterator[str]:
    yield from (f"# {escaped(told.title)}", "", escaped(told.lead), "")
    for paragraph in told.about:
        yield from (*(_fenced(paragraph.text.splitlines()) if paragraph.code else [escaped(paragraph.text)]), "")
    if told.changed:
        yield from (f"**Not as that recipe is written:** {escaped('; '.join(told.changed))}.", "")
    yield from ("## Findings", "")
    for found in told.findings:
        yield from (f"**{escaped(found.title)}**", "", *_bullets([str(line) for line in found.sentences]))
    if told.limits:
        yield from ("**Limits**", "", *_bullets(told.limits))
    for chapter in told.chapters:
        yield from (f"## {escaped(chapter.title)}", "")
        if chapter.lead:
            yield from (escaped(chapter.lead), "")
        yield from _pictures([one for one in drawings if one.chapter == chapter.name], beside)
        if chapter.name == SYNTHESIS:
            yield from _sentences(heard, beside)
        for shown in (*chapter.tables, *chapter.more):
            yield table(shown)
        yield from _bullets(chapter.notes)
    yield from ("## How it was made", "", *_bullets(told.made))
    if told.search:
        yield from ("What was tuned, as the recipe says:", "", *_bullets(told.search))
    yield from _fenced(told.commands)


def _pictures(drawings: Sequence[Drawing], beside: Beside) -> Iterator[str]:
    """Each with its finding above."""
    for one in drawings:
        yield from (f"**{escaped(one.title)}**: {escaped(one.finding)}.", "")
        yield from (f"![{escaped(one.title)}]({beside.drawings[one.name]})", "")


def _sentences(heard: Sequence[Heard], beside: Beside) -> Iterator[str]:
    for number, sentence in enumerate(heard, 1):
        yield f"{number}. {escaped(sentence.text)}"
        for sound in sentence.sounds:
            path = beside.sounds.get((number, sound.arm))
            said = f"[{escaped(sound.arm)}]({path})" if path else escaped(sound.arm)
            made = "" if sound.recognised is None else f": recognised “{escaped(sound.recognised)}”"
            yield f"    - {said}{made}"
    if heard:
        yield ""


def _fenced(lines: Sequence[str]) -> list[str]:
    """As they are, whatever they are."""
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [fence, *(visible(line) for line in lines), fence]


def _bullets(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"- {escaped(line)}" for line in lines)
        yield ""


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", visible(text))


def _cell(cell: Cell) -> str:
    whole = cell.small.replace(" ", "\N{NO-BREAK SPACE}")
    text = " ".join(filter(None, (escaped(cell.text), _literal(whole))))
    return f"*{text}*" if cell.mark == "paper" and text else text


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
