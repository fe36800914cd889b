"""The processes of the steps that are running: on a leash, each with a log, ended together."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self

from lstdata.reproduce.folder import LOGS
from lstdata.reproduce.step import Step
from lstdata.terminal import visible

PROGRAM: Final = (sys.executable, "-m", "lstdata.reproduce.leash")

PATIENCE: Final = 60.0
"""Seconds that steps have to end after they were asked to."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A step whose process has ended."""

    step: Step
    code: int
    """As `Popen.returncode`."""
    log: Path
    begun: int
    """Where in the log its output begins."""

    def last_words(self) -> str:
        """Its line of error, or else its last line."""
        with open(self.log, "rb") as file:
            file.seek(self.begun)
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return visible((errors or lines or ["it said nothing"])[-1])


class Children:
    """Steps that run; as a context, at whose end none of them does."""

    def __init__(self, out: Path, names: Mapping[str, str], jobs: int = 1, program: Sequence[str] = PROGRAM) -> None:
        """`names`: what `$NAME` in commands stands for; `jobs`: how many share the cores of this machine."""
        self._out, self._names, self._program = out, names, program
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._environment = {"OMP_NUM_THREADS": str(max(1, cores // jobs)), **os.environ}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ask them to end as a terminal would; a second Ctrl-C, or patience at its end, kills them."""
        children = list(self._running.values())
        for child in children:
            child.send_signal(signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        try:
            for child in children:
                child.wait(max(0.0, deadline - time.monotonic()))
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            for child in children:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def __len__(self) -> int:
        return len(self._running)

    def start(self, step: Step) -> None:
        """In a group of its own, so that Ctrl-C reaches it through this process alone."""
        words = [Template(word).substitute(self._names) for word in step.argv]
        log = self._out / LOGS / f"{step.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            output.write(f"$ lstdata {' '.join(words)}\n".encode())
            output.flush()
            begun = output.tell()
            child = subprocess.Popen(
                [*self._program, *words],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                env=self._environment,
            )
        self._running[step.name] = child
        watch = threading.Thread(
            target=lambda: self._ended.put(Ended(step, child.wait(), log, begun)), name=step.name, daemon=True
        )
        watch.start()

    def wait(self) -> Ended:
        """Of those that run, the next one that ends."""
        ended = self._ended.get()
        del self._running[ended.step.name]
        return ended
