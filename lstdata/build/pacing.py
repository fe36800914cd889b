"""How far something is that takes long, said now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 10
"""Between two lines."""


class PacedLines:
    """A line every ten seconds for whoever watches the build."""

    def __init__(self, note: Callable[[str], None], what: str) -> None:
        self._note, self._what = note, what
        self._said = time.monotonic()

    def note(self, line: str) -> None:
        self._note(line)

    def update(self, done: int, total: int) -> None:
        if time.monotonic() - self._said > _SECONDS:
            self._said = time.monotonic()
            self._note(f"{self._what} {done}/{total}")
