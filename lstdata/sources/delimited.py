"""CSV and TSV row by row, so that a malformed row costs itself only."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator

from lstdata.errors import ConfigError, Rejected
from lstdata.sources.encoding import check_decoded, open_text


def delimited_rows(path: str, *, tabs: bool) -> Iterator[tuple[int, dict[str, str] | Rejected]]:
    """Rows by column, numbered from 1 after the header. Raises ConfigError for a header that cannot be used.

    CSV is quoted as in RFC 4180; in TSV a quote is a character like any other, as speech corpora write it.
    """
    with open_text(path) as file:
        rows = _fields(_Lines(file), os.path.basename(path), tabs)
        header = next(rows, None)
        if isinstance(header, Rejected):
            raise ConfigError(f"the header of `{path}` cannot be read: {header.detail}")
        names = [name.strip() for name in header or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"the table `{path}` has the column `{twice[0]}` more than once.")
        for number, fields in enumerate(rows, 1):
            if isinstance(fields, list) and len(fields) != len(names):
                detail = f"it has {len(fields)} fields, but the header names {len(names)}."
                yield number, Rejected("bad_row", detail)
            else:
                yield number, fields if isinstance(fields, Rejected) else dict(zip(names, fields, strict=True))


class _Lines:
    """Lines for the csv module, which can be given back where a quote that is never closed had swallowed them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.row: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.row.append(self._again.pop() if self._again else next(self._lines))
        self.number += 1
        return self.row[-1]

    def begin_row(self) -> None:
        self.row = []

    def give_back_all_but_first(self) -> None:
        self._again += reversed(self.row[1:])
        self.number -= len(self.row) - 1


def _fields(lines: _Lines, name: str, tabs: bool) -> Iterator[list[str] | Rejected]:
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(lines, strict=True)
    while True:
        lines.begin_row()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back_all_but_first()
            yield Rejected("bad_row", f"line {lines.number}: {error}.")
            continue
        if fields:
            try:
                check_decoded("".join(lines.row), name, lines.number)
                yield fields
            except Rejected as error:
                yield error
