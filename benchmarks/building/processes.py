"""A command with all that it starts: processor time, the driver's memory, and what else the machine did meanwhile."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

_MARK = "LSTDATA_BENCHMARK"
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 1.0


Waits = list[tuple[float, float]]
"""(time, seconds until then)."""


@dataclass(frozen=True)
class Usage:
    wall: float
    cpu: float
    """Of all its processes, those of Ray included; what one did after the last look at it is missed."""
    others: float
    """Cores that other processes had, on average."""
    waits: Mapping[int, Mapping[str, Waits]]
    """By process and thread."""

    def waited(self, pid: int, begin: float, end: float) -> float:
        """Seconds of those in which the process could have worked, but others had all cores; of the thread with most.

        Its one thread that works is the one that waits.
        """
        threads = (zip(*waits, strict=True) for waits in self.waits[pid].values())
        return max(float(np.diff(np.interp((begin, end), times, seconds))[0]) for times, seconds in threads)


def watched(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> Usage:
    """Run it to its end; CalledProcessError, with all it said, where it fails."""
    mark = f"{_MARK}={secrets.token_hex(8)}"
    marked = os.environ | (environment or {}) | dict([mark.split("=")])
    machine, started = _machine_seconds(), time.monotonic()
    with subprocess.Popen(list(map(str, command)), env=marked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        look = _Look(mark)
        assert run.stdout is not None
        said = run.stdout.read()
        run.wait()
        wall = time.monotonic() - started
        look.end()
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, list(map(str, command)), said.decode())
    cpu = sum(look.seconds.values())
    return Usage(wall, cpu, max(0.0, _machine_seconds() - machine - cpu) / wall, look.waits)


class _Look:
    """Finds the processes that carry the mark, again and again, and keeps what they have spent."""

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()
        self.seconds: dict[int, float] = {}
        self.waits: defaultdict[int, defaultdict[str, Waits]] = defaultdict(partial(defaultdict, list))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            for process in Path("/proc").iterdir():
                if process.name.isdecimal():
                    with suppress(OSError):
                        self._take(process, int(process.name))

    def _take(self, process: Path, pid: int) -> None:
        if pid not in self.seconds and self._mark not in (process / "environ").read_bytes():
            return
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        self.seconds[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
        for thread in (process / "task").iterdir():
            waited = int((thread / "schedstat").read_text().split()[1]) / 1e9
            self.waits[pid][thread.name].append((time.time(), waited))


def _machine_seconds() -> float:
    """That all processors of the machine have worked."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / _TICKS


def own_megabytes() -> float:
    """Of this process's own memory, without mapped files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")) / 1024
