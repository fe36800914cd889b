"""One build with a fault in it: its processes, what it decoded, and the end of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FAULTY = Path(__file__).resolve().parent / "faulty"

LIMIT = 120.0
"""Seconds for a build that nothing holds up."""


@dataclass(frozen=True)
class Case:
    """`folder` holds the output, what the faulty decoder writes down, and everything that the build said."""

    folder: Path
    bad_frames: int
    """The length of the recording that is bad."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def start(self, command: tuple[str, ...], kind: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(FAULTY), *filter(None, [os.environ.get("PYTHONPATH")])])
        faulty = {"FAULTY": str(self.folder), "FAULTY_KIND": kind, "FAULTY_FRAMES": str(self.bad_frames)}
        with open(self.folder / "said", "ab") as said:
            return subprocess.Popen(command, env=os.environ | faulty | {"PYTHONPATH": path}, stdout=said, stderr=said)

    def run(self, command: tuple[str, ...], kind: str = "none") -> int:
        process = self.start(command, kind)
        self.wait(process, LIMIT, lambda: False)
        return self.end(process)

    def wait(self, process: subprocess.Popen[bytes], seconds: float, enough: Callable[[], bool]) -> None:
        """Until the process ends, `enough` says so or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while process.poll() is None and not enough() and time.monotonic() < deadline:
            time.sleep(0.01)

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """End it and all that it left behind; its exit status, negative where it was killed."""
        if process.poll() is None:
            process.kill()
        process.wait()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return process.returncode

    def orphans(self, seconds: float) -> int:
        """How many processes that have the decoder are still there `seconds` after the one that started them."""
        deadline = time.monotonic() + seconds
        while (count := sum(map(_has_decoder, self.processes()))) and time.monotonic() < deadline:
            time.sleep(0.1)
        return count

    def processes(self) -> list[int]:
        """All that run with this case's environment; those that have ended and wait to be reaped have none."""
        mark, found = f"FAULTY={self.folder}\0".encode(), []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdecimal() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def count(self, name: str) -> int:
        """How often the faulty decoder began a recording (`decoded`), or the bad one (`met`)."""
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0


def _has_decoder(pid: int) -> bool:
    try:
        return b"sndfile" in Path(f"/proc/{pid}/maps").read_bytes()
    except OSError:
        return False
