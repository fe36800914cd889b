"""Reading what the processes of builds wrote under `OUT/events`: a live build's, a dead one's, torn and odd lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from upath import UPath

from lstdata.build.events import FOLDER
from lstdata.storage import read_bytes, sizes_in

THREADS: Final = 16
"""That read small files at once: most of the time is the store's."""

_MUCH: Final = 1e15
_LATEST: Final = 32_503_680_000
"""The year 3000: what a clock says beyond is no time."""

_NAME = re.compile(r"(\d{8}T\d{6})(\d{3})?-(.+)-(\d+)-(driver|worker)(?:\.(\d+))?\.jsonl")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log."""

    time: float
    """In seconds since 1970, by the clock of its host."""
    kind: str
    details: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """A detail, such that it can be encoded; None where it is missing or no text."""
        value = self.details.get(name)
        return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """A detail; None where it is missing or no amount."""
        return amount(self.details.get(name))

    def count(self, name: str) -> int:
        """A detail; 0 where it is missing or no amount."""
        return int(self.number(name) or 0)

    def numbers(self, name: str) -> dict[str, float]:
        """A detail that maps names to numbers, as far as it does."""
        value = self.details.get(name)
        items = value.items() if isinstance(value, dict) else ()
        return {key: found for key, given in items if (found := amount(given)) is not None}


@dataclass
class ProcessLog:
    """The events of one process, in the order in which it wrote them."""

    role: str
    host: str
    pid: int
    began: float
    """By its name: when it was opened."""
    events: list[Event] = field(default_factory=list)

    @property
    def last(self) -> float:
        """When it last gave a sign of life. The last line's time, not the latest: a clock may have been set back."""
        return self.events[-1].time if self.events else self.began

    def of(self, *kinds: str) -> Iterable[Event]:
        return (event for event in self.events if event.kind in kinds)

    def last_of(self, *kinds: str) -> Event | None:
        return next((event for event in reversed(self.events) if event.kind in kinds), None)


class EventLogs:
    """The logs of a run folder. What was read once is not parsed again: files only grow."""

    def __init__(self, out: UPath) -> None:
        self._folder = out / FOLDER
        self._sizes: dict[str, int] = {}
        self._parsed: dict[str, tuple[int, list[Event]]] = {}
        """By file: bytes taken in, and what they say."""

    def look(self) -> None:
        """See which files there are now, and how long they are."""
        self._sizes = sizes_in(self._folder)

    def read(self, role: str, wanted: Callable[[ProcessLog], bool] = lambda _: True) -> list[ProcessLog]:
        """The logs of the processes of a role, as far as was seen by `look`, in the order in which they began.

        `wanted` sees each without its events, and leaves out those that need not be read.
        """
        found: dict[tuple[str, int, float], list[tuple[int, str]]] = {}
        for name in self._sizes:
            match = _NAME.fullmatch(name)
            if match is None or match[5] != role:
                continue
            began = _seconds(f"{match[1]}{match[2] or '000'}")
            if began is not None and wanted(ProcessLog(role, match[3], int(match[4]), began)):
                found.setdefault((match[3], int(match[4]), began), []).append((int(match[6] or 0), name))
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._take_in, (name for parts in found.values() for _, name in parts)))
        logs = [
            ProcessLog(role, host, pid, began, [e for _, name in sorted(parts) for e in self._parsed[name][1]])
            for (host, pid, began), parts in found.items()
        ]
        return sorted(logs, key=lambda log: (log.began, log.host, log.pid))

    def _take_in(self, name: str) -> None:
        taken, events = self._parsed.setdefault(name, (0, []))
        if self._sizes[name] <= taken:
            return
        try:
            data = read_bytes(self._folder / name)
        except FileNotFoundError:
            return
        end = data.rfind(b"\n") + 1
        events += filter(None, map(_event, data[taken:end].splitlines()))
        self._parsed[name] = max(taken, end), events


def amount(value: object) -> float | None:
    """A number that can be how much there is of something, as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MUCH:
        return None
    return float(value)


def _event(line: bytes) -> Event | None:
    """None for a line that is torn, damaged or of something else."""
    try:
        said = json.loads(line)
        when = datetime.fromisoformat(said["time"])
        seconds = amount((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
        return None if seconds is None or seconds > _LATEST else Event(seconds, str(said["event"]), said)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _seconds(stamp: str) -> float | None:
    try:
        return datetime.strptime(stamp + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
