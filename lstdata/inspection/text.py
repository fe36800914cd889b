"""An utterance on a terminal: a line for each word and each silence."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lstdata.inspection.finding import Weak
from lstdata.inspection.items import Item, items_of, spelt
from lstdata.records import SAMPLE_RATE
from lstdata.shards import StoredSample
from lstdata.terminal import visible

if TYPE_CHECKING:
    from rich.text import Text


def text_of(stored: StoredSample, width: int) -> str:
    """What is known of the utterance, then its items; no line is longer than `width`."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("seconds", "word", "units", *stored.patches):
        table.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for item in items_of(stored):
        lengths = [" ".join(map(str, item.patches[name])) for name in stored.patches]
        table.add_row(f"{item.start:.2f}", _word(item), spelt(item.units), *lengths)
    return _shown(table, width, *_facts(stored))


def weak_text(found: Sequence[Weak], width: int) -> str:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return "no sample has an alignment score"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("score", "words", "seconds", "key", "id"):
        table.add_column(name, justify="left" if name in ("key", "id") else "right", overflow="fold")
    for one in found:
        numbers = f"{one.align_score:.3f}", str(one.words), f"{one.seconds:.2f}"
        table.add_row(*numbers, one.key, Text(visible(one.id)))
    return _shown(table, width)


def _facts(stored: StoredSample) -> list[str]:
    sample = stored.sample
    where = [sample.split, f"{sample.samples / SAMPLE_RATE:.2f} s", f"{sample.frames} units"]
    where += [f"{name} {value}" for name in ("language", "speaker") if (value := getattr(sample, name)) is not None]
    by = [] if sample.aligner is None else [f"words by {sample.aligner}"]
    by += [] if sample.align_score is None else [f"score {sample.align_score:.3f}"]
    positions = [f"{name} {len(lengths)}" for name, lengths in stored.patches.items()]
    lines = [f"{sample.id}  ({sample.key})", " · ".join([*where, *by]), f"positions: {', '.join(positions)}"]
    return [*lines, *([] if sample.text is None else [f"text: {sample.text}"])]


def _word(item: Item) -> Text:
    from rich.text import Text

    if item.word is None:
        return Text("·", style="dim")
    return Text(visible(item.word) + (" ?" if item.interpolated else ""))


def _shown(table: object, width: int, *lines: str) -> str:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width, highlight=False, color_system=None)
    for line in lines:
        console.print(Text(visible(line)))
    if lines:
        console.print()
    console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
