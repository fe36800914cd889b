"""Several training processes on this machine, as one: one voice, one error, one end.

Each runs `lstdata.train.rank` in a session of its own, so that whatever it starts ends with it. Its standard input says
what to do and stays open: a process whose parent is gone reads the end of it, and goes too.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from lstdata.child import heard
from lstdata.config import to_dict
from lstdata.errors import LstDataError
from lstdata.train.config import TrainConfig

SECONDS_TO_FOLLOW: Final = 1.0
"""How long the others may take to fail of the same cause, so that the cause is said and not its consequence."""

SECONDS_TO_END: Final = 5.0
"""Between the request to end and the kill."""

RANK: Final = (sys.executable, "-m", "lstdata.train.rank")


@dataclass(frozen=True, slots=True)
class Rank:
    """A process among those that train together."""

    number: int
    world: int

    @property
    def first(self) -> bool:
        return self.number == 0


def this_rank() -> Rank | None:
    """What the environment says this process is; None where it is not one of several."""
    if "RANK" not in os.environ:
        return None
    return Rank(int(os.environ["RANK"]), int(os.environ.get("WORLD_SIZE", "1")))


@dataclass(eq=False)
class _Process:
    rank: int
    popen: subprocess.Popen[bytes]
    report: dict[str, Any] = field(default_factory=dict)
    code: int | None = None
    """What it exited with by itself."""


def run_processes(config: TrainConfig, out: Path, say: Callable[[str], None], count: int) -> dict[str, Any]:
    """Train in `count` processes and say what the first one says; its summary.

    Where one fails the others are ended, and what it failed of is raised, once, as an LstDataError or as the kind of it
    that the process raised.
    """
    task = {"config": to_dict(config), "out": str(out)}
    logs = out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    reports = supervise(RANK, task, count, say, logs)
    summary: dict[str, Any] = reports[0]["summary"]
    return summary


def supervise(
    command: Sequence[str], task: Mapping[str, Any], count: int, say: Callable[[str], None], logs: Path
) -> list[dict[str, Any]]:
    """Start `count` processes, give each its task, wait for all; their reports, by rank.

    A process writes JSON objects to its standard output, one a line: `{"say": line}`, or its report. What it writes to
    its standard error goes to `logs/process_R.log`.
    """
    events: queue.Queue[tuple[_Process, str | None]] = queue.Queue()
    processes: list[_Process] = []
    port = _free_port()
    try:
        for rank in range(count):
            popen = _start(command, _environment(rank, count, port), logs / f"process_{rank}.log")
            processes.append(_Process(rank, popen))
        for process in processes:
            threading.Thread(target=_listen, args=(process, events), daemon=True).start()
            _tell(process.popen, task)
        _wait(processes, events, say)
    finally:
        _end(processes)
    failed = [process for process in processes if process.code != 0]
    if failed:
        raise _failure(failed, count, logs)
    return [process.report for process in processes]


def _start(command: Sequence[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with open(log, "wb") as errors:
        return subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )


def _tell(popen: subprocess.Popen[bytes], task: Mapping[str, Any]) -> None:
    stdin: IO[bytes] = popen.stdin  # type: ignore[assignment]
    with suppress(BrokenPipeError):  # it is dead already: that is heard elsewhere
        stdin.write(json.dumps(task).encode() + b"\n")
        stdin.flush()


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _listen(process: _Process, events: queue.Queue[tuple[_Process, str | None]]) -> None:
    """Pass on what a process says; at its end, None."""
    with process.popen.stdout as stdout:  # type: ignore[union-attr]
        for line in stdout:
            try:
                message = json.loads(line)
            except ValueError:  # it was killed while it spoke
                continue
            if "say" in message:
                events.put((process, str(message["say"])))
            else:
                process.report = message
    process.popen.wait()
    events.put((process, None))


def _wait(
    processes: list[_Process], events: queue.Queue[tuple[_Process, str | None]], say: Callable[[str], None]
) -> None:
    """Until all have ended well, or, after one has failed, until the others had time to follow it."""
    deadline: float | None = None
    while any(process.code is None for process in processes):
        try:
            patience = None if deadline is None else max(0.0, deadline - time.monotonic())
            process, line = events.get(timeout=patience)
        except queue.Empty:
            return
        if line is not None:
            if process.rank == 0:
                say(line)
            continue
        process.code = process.popen.returncode
        if process.code and deadline is None:
            deadline = time.monotonic() + SECONDS_TO_FOLLOW


def _end(processes: list[_Process]) -> None:
    """Leave none running, nor what they started."""
    running = [process.popen for process in processes if process.code is None]
    deadline = time.monotonic() + SECONDS_TO_END
    for popen in running:
        _signal(popen, signal.SIGTERM)
    for popen in running:
        with suppress(subprocess.TimeoutExpired):
            popen.wait(max(0.0, deadline - time.monotonic()))
        _signal(popen, signal.SIGKILL)
        popen.wait()
    for process in processes:
        with suppress(OSError):
            process.popen.stdin.close()  # type: ignore[union-attr]


def _signal(popen: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(popen.pid, number)


def _failure(failed: Sequence[_Process], count: int, logs: Path) -> LstDataError:
    """What the first cause among failures is to be raised as."""
    process = min((process for process in failed if process.code is not None), key=_likely_consequence)
    code, who = process.code or 0, f"process {process.rank} of {count}"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return LstDataError(f"{who} was ended by {name}{hint}; run the same command again to resume.")
    lines = process.report.get("lines", ["it did not say why"])
    if "error" in process.report:
        return heard(process.report)
    log = logs / f"process_{process.rank}.log"
    return LstDataError(f"{who} failed with exit code {code}: {lines[0]} (see `{log}`).")


def _likely_consequence(process: _Process) -> int:
    """A killed process failed of nothing else; one that reports an error of ours hardly did; another may have."""
    return 0 if (process.code or 0) < 0 else 1 if "error" in process.report else 2


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
