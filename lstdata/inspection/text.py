"""An utterance on a terminal: a line for each word and each silence."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lstdata.inspection.items import Item, items_of, spelt
from lstdata.inspection.ranking import MEASURES, Ranked, WeakWord
from lstdata.records import SAMPLE_RATE
from lstdata.shards import StoredSample
from lstdata.terminal import visible

if TYPE_CHECKING:
    from rich.text import Text

    from lstdata.inspection.positions import DrawnDocument


def text_of(stored: StoredSample, width: int, document: DrawnDocument | None = None) -> str:
    """What is known of the utterance, its items and perhaps a document; no line is longer than `width`."""
    from rich.table import Table

    after = [] if document is None else ["", *_document(document)]
    if stored.sample.tokens is not None:
        return _shown(width, _facts(stored), None, after)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("seconds", "word", "units", *stored.patches):
        table.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for item in items_of(stored):
        lengths = [" ".join(map(str, item.patches[name])) for name in stored.patches]
        table.add_row(f"{item.start:.2f}", _word(item), spelt(item.units), *lengths)
    return _shown(width, [*_facts(stored), ""], table, after)


def ranked_text(measure: str, found: Sequence[Ranked], width: int) -> str:
    """A line for each sample, the worst first."""
    from rich.table import Table
    from rich.text import Text

    rule = MEASURES[measure]
    if not found:
        return rule.none
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    columns = [rule.column, *(["words", "seconds"] if rule.column != "duration" else ["words"])]
    weak = any(one.weakest for one in found)
    for name in (*columns, "key", "id", *(["weakest word"] if weak else [])):
        table.add_column(name, justify="right" if name in columns else "left", overflow="fold")
    for one in found:
        numbers = [f"{one.value:.3f}", "" if one.words is None else str(one.words), f"{one.seconds:.2f}"]
        word = [Text(_weak(one.weakest))] if weak else []
        table.add_row(*numbers[: len(columns)], one.key, Text(visible(one.id)), *word)
    return _shown(width, [], table, [])


def _weak(word: WeakWord | None) -> str:
    return "" if word is None else f"{visible(word.word)} at {word.start:.2f} s, {word.score:.3f}"


def _document(document: DrawnDocument) -> list[str]:
    """Its positions in order: a patch as its units, a space of a piece made visible."""
    positions = [
        f"[{' '.join(map(str, position.units))}]"
        if position.kind == "patch"
        else position.text.replace(" ", "␣") or "·"
        for position in document.positions
    ]
    return [f"document ({document.made}): {document.tokens} tokens in {len(positions)} positions", " ".join(positions)]


def _facts(stored: StoredSample) -> list[str]:
    sample = stored.sample
    length = f"{sample.samples / SAMPLE_RATE:.2f} s · {sample.frames} units"
    where = [sample.split, length if sample.tokens is None else f"text of {len(sample.tokens):,} tokens"]
    where += [f"{name} {value}" for name in ("language", "speaker") if (value := getattr(sample, name)) is not None]
    by = [] if sample.aligner is None else [f"words by {sample.aligner}"]
    by += [] if sample.align_score is None else [f"score {sample.align_score:.3f}"]
    lines = [f"{sample.id}  ({sample.key})", " · ".join([*where, *by])]
    if sample.tokens is not None:
        return [*lines, "", *(sample.text or "").splitlines()]
    positions = [f"{name} {len(lengths)}" for name, lengths in stored.patches.items()]
    lines.append(f"positions: {', '.join(positions)}")
    return [*lines, *([] if sample.text is None else [f"text: {sample.text}"])]


def _word(item: Item) -> Text:
    from rich.text import Text

    if item.word is None:
        return Text("·", style="dim")
    return Text(visible(item.word) + (" ?" if item.interpolated else ""))


def _shown(width: int, before: Sequence[str], table: object | None, after: Sequence[str]) -> str:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width, highlight=False, color_system=None)
    for line in before:
        console.print(Text(visible(line)))
    if table is not None:
        console.print(table)
    for line in after:
        console.print(Text(visible(line)))
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
