"""Real Ray clusters on this machine alone: token-authenticated, on free ports, gone when the test is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

BIN = Path(sys.executable).parent
"""Where `ray` and `lstdata` are."""

DEADLINE = 300
"""Seconds after which what has not happened does not happen."""

RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "OMP_NUM_THREADS": "1"}


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment with another home and nothing of another Ray, nor a pytest that Ray would look for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTEST_"))}
    return kept | RAY | {"HOME": str(home), "PATH": f"{BIN}:{kept['PATH']}"} | more


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_until(true: Callable[[], bool], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Return once `true()`; AssertionError after the deadline, or where `process` ended first."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {DEADLINE} s"
        assert process is None or process.poll() is None, f"the process ended before {what}"
        time.sleep(0.05)


@contextmanager
def running(command: list[str], log: Path, mark: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """`command`, its output in `log`; afterwards it is ended, and so is all that it left whose command line has `mark`.

    `mark` has to be a path that this test alone has made.
    """
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=DEADLINE)
        for left in [process.pid, *marked(mark)]:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(left).kill()
        process.wait()


def marked(mark: str) -> list[int]:
    """Processes whose command line or environment names `mark`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if mark in " ".join(process.cmdline()) or mark in process.environ().values():
                found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]


@dataclass(frozen=True)
class Head:
    """A head node that answers: where, and the environment of those who have the token and of those who have not."""

    dashboard: str
    token: str
    trusted: dict[str, str]
    stranger: dict[str, str]
    temporary: Path
    log: Path


@contextmanager
def ray_head(folder: Path, cpus: int) -> Iterator[Head]:
    """A head with a token of its own, made as the documentation says; its logs in a short path of its own."""
    home, nobody = folder / "home", folder / "nobody"
    home.mkdir()
    nobody.mkdir()
    trusted = environment(home, RAY_AUTH_MODE="token")
    subprocess.run(["bash", "-c", "umask 077; ray get-auth-token --generate >/dev/null"], env=trusted, check=True)
    temporary = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    port, dashboard, client = free_ports(3)
    command = [str(BIN / "ray"), "start", "--head", "--block", f"--port={port}", f"--temp-dir={temporary}"]
    command += ["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command += [f"--ray-client-server-port={client}", "--dashboard-agent-listen-port=0", f"--num-cpus={cpus}"]
    command += ["--min-worker-port=0", "--max-worker-port=0"]
    try:
        with running(command, folder / "head.log", str(temporary), env=trusted) as head:
            url = f"http://127.0.0.1:{dashboard}"
            wait_until(lambda: answers(dashboard), "the dashboard's answer", head)
            token = (home / ".ray" / "auth_token").read_text(encoding="utf-8")
            yield Head(url, token, trusted, environment(nobody), temporary, folder / "head.log")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
