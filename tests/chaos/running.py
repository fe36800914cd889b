"""`lstdata` in processes of its own, that end within a deadline and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from tests.pipelines.loopback import RAY

DEADLINE: Final = 300.0
"""Seconds after which what has not happened does not happen."""

POLL: Final = 0.005

_INJECTED: Final = Path(__file__).parent / "injected"
_VARIABLE: Final = "LSTDATA_CHAOS"


def wait_until(true: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """AssertionError after the deadline, or where `process` ended before."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert process is None or process.poll() is None, f"the build ended, with {process.poll()}, before {what}"
        assert time.monotonic() < end, f"{what} did not happen within {DEADLINE:g} s"
        time.sleep(POLL)


@contextmanager
def started(
    command: Sequence[str],
    out: Path,
    sources: Mapping[str, Path],
    trace: Path | None = None,
    blows: Sequence[Mapping[str, Any]] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """A process group of `lstdata` with this command, its output in `log_of(out)`; whoever asks waits for it.

    Where the context ends by an exception, all of the group is killed; else what outlives the driver is left to itself.
    `marks_of(out)` holds a file for each of the blows that has been struck, which names the process that it hit.
    """
    marks_of(out).mkdir(exist_ok=True)
    watch = {
        "roots": {"out": str(out)} | {name: str(path) for name, path in sources.items()},
        "trace": trace and str(trace),
        "blows": list(blows),
        "marks": str(marks_of(out)),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTEST_"))}
    path = os.pathsep.join(filter(None, [str(_INJECTED), kept.get("PYTHONPATH")]))
    environment = kept | RAY | {_VARIABLE: json.dumps(watch), "PYTHONPATH": path}
    with open(log_of(out), "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lstdata", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def carry_through(command: Sequence[str], out: Path, sources: Mapping[str, Path], trace: Path | None = None) -> None:
    """Undisturbed, to its end."""
    with started(command, out, sources, trace) as process:
        code = process.wait(DEADLINE)
    assert code == 0, f"undisturbed, `lstdata {command[0]}` exits {code}: {said(out)}"


def marks_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.marks")


def log_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.log")


def said(out: Path) -> str:
    return log_of(out).read_text(errors="replace")[-4000:]


def kill_all(out: Path) -> None:
    """What was started for a run folder and lives."""
    for pid in of_build(out):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def of_build(out: Path) -> list[int]:
    """Living processes of all that was started for a run folder on this machine, those of Ray's cluster left aside."""
    mark = json.dumps(str(out))
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if mark in process.environ().get(_VARIABLE, "") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]
