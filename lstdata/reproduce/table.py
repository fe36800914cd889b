"""A table as both the page and Markdown show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Mark = Literal["", "paper", "plain"]


@dataclass(frozen=True, slots=True)
class Cell:
    """`small` is what goes with the figure, such as its interval; `paper` marks what is not ours."""

    text: str
    small: str = ""
    mark: Mark = ""


EMPTY: Final = Cell("–")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The first cell of a row is its name."""

    name: str
    """Of its place on the page."""
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"A row of `{self.name}` must have {len(self.head)} cells, but has {len(row)}.")
