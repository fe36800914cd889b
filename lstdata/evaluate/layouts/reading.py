"""What a layout was read into, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lstdata.errors import ConfigError, Rejected
from lstdata.evaluate.items import Item
from lstdata.sources.delimited import delimited_rows
from lstdata.sources.table import first_columns

if TYPE_CHECKING:
    from upath import UPath

BAD_ROWS: Final = "rows that cannot be used"
DUPLICATES: Final = "duplicates"
MISSING: Final = "recordings that are missing"
NO_RIGHT: Final = "pairs without a right one"
NO_WRONG: Final = "pairs without a wrong one"
ORPHANS: Final = "recordings of no pair"

_NAMED: Final = 3
"""Names of each kind of problem that a line has; the file beside the items has them all."""

Row = dict[str, str]


@dataclass(frozen=True)
class Published:
    """How many there are, by whoever publishes them."""

    number: int
    what: str
    source: str


@dataclass(frozen=True, eq=False)
class Reading:
    """Items of one layout. `problems` names, by kind, all that was left out."""

    layout: str
    items: list[Item]
    folder: UPath
    """Where the paths of their recordings start."""
    counted: int = 0
    """Of what `published` counts."""
    published: Published | None = None
    problems: dict[str, list[str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For a reader: the number beside the published one, then a line for each kind of problem."""
        if self.published is None:
            first = f"{self.layout}: {len(self.items):,} items; how many are published is not known"
        else:
            first = (
                f"{self.layout}: {len(self.items):,} items; {self.counted:,} of {self.published.number:,} "
                f"{self.published.what} that are published"
            )
        return [first, *(_problem(kind, names) for kind, names in self.problems.items())]

    def record(self) -> dict[str, Any]:
        published = self.published
        return {
            "layout": self.layout,
            "items": len(self.items),
            "counted": self.counted,
            "published": published and {"number": published.number, "what": published.what, "source": published.source},
            "problems": self.problems,
        }


def check_columns(path: UPath, columns: Collection[str]) -> None:
    """ConfigError for a table that lacks any of `columns`, or has no row that can be read."""
    there = first_columns(str(path))
    lacking = [f"`{column}`" for column in columns if column not in there]
    if lacking:
        raise ConfigError(f"`{path}` must have the columns {', '.join(columns)}, but lacks {', '.join(lacking)}.")


class Problems:
    """What is left out while a layout is read, by kind."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, kind: str, name: str) -> None:
        self.found.setdefault(kind, []).append(name)

    def rows(self, path: UPath, *, tabs: bool = False) -> Iterator[tuple[int, Row]]:
        """Those of a CSV or TSV that can be read, numbered from 1 after the header."""
        for number, row in delimited_rows(str(path), tabs=tabs):
            if isinstance(row, Rejected):
                self.add(BAD_ROWS, f"row {number} ({row.detail.rstrip('.')})")
            else:
                yield number, row


def _problem(kind: str, names: list[str]) -> str:
    more = ", …" if len(names) > _NAMED else ""
    return f"{len(names):,} {kind}: {', '.join(names[:_NAMED])}{more}"
