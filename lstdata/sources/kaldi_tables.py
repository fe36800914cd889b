"""The files of a Kaldi data directory: an id at the start of each line, and what is said of it behind that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from lstdata.errors import Rejected
from lstdata.sources.encoding import check_decoded, open_text
from lstdata.sources.listing import is_file


@dataclass(frozen=True, slots=True)
class Line:
    file: str
    number: int
    """From 1."""
    id: str
    _value: str

    @property
    def value(self) -> str:
        """What is behind the id, perhaps nothing; raises Rejected `bad_encoding`."""
        return check_decoded(self._value, self.file, self.number)

    def wrong(self, reason: str, detail: str) -> Rejected:
        """A verdict on this line."""
        return Rejected(reason, f"line {self.number} of `{self.file}`: {detail}")


def lines(path: str) -> Iterator[Line]:
    """Those that are not blank."""
    file = os.path.basename(path)
    with open_text(path) as text:
        for number, line in enumerate(text, 1):
            id, _, value = line.strip().replace("\t", " ").partition(" ")
            if id:
                yield Line(file, number, id, value.strip())


class Table:
    """Lines by id, from a file that is read only as far as asked.

    What was passed on the way is kept, a line each: nothing where a sorted file is asked in its order, which is how
    Kaldi has them. With `lasting`, what was found once is kept for the next time.
    """

    def __init__(self, path: str, *, lasting: bool = False) -> None:
        self._lasting = lasting
        self._is_sorted = _is_sorted(path)
        self._stream = lines(path) if is_file(path) else iter(())
        self._passed: dict[str, Line] = {}
        self._found: set[str] = set()
        self._repeated: list[Line] = []
        self._last = ""

    def find(self, id: str) -> Line | None:
        while id not in self._passed and not (self._is_sorted and id < self._last) and self._advance():
            pass
        if not self._lasting:
            return self._passed.pop(id, None)
        self._found.add(id)
        return self._passed.get(id)

    def unused(self) -> Iterator[Line]:
        """What no one asked for, in order."""
        while self._advance():
            pass
        yield from (line for id, line in self._passed.items() if id not in self._found)

    def repeated(self) -> Iterator[Line]:
        """Of what was read: every line whose id an earlier one has, next to it or not asked for yet."""
        yield from self._repeated

    def _advance(self) -> bool:
        line = next(self._stream, None)
        if line is None:
            return False
        if line.id == self._last or line.id in self._passed:
            self._repeated.append(line)
        else:
            self._passed[line.id] = line
        self._last = line.id
        return True


def _is_sorted(path: str) -> bool:
    """Whether no id is behind a later one, by code points: what `LC_ALL=C sort` gives of UTF-8."""
    last = ""
    for line in lines(path) if is_file(path) else ():
        if line.id < last:
            return False
        last = line.id
    return True
