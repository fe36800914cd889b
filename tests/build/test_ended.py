"""Builds that are ended from outside: by a signal to the driver, or to all its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lstdata.verify import verify
from tests.build.contents import hashes
from tests.conftest import OPTIONS, build


def command(source: Path, out: Path, *sets: str) -> list[str]:
    options = [part for option in (*OPTIONS, *sets) for part in ("--set", option)]
    return [sys.executable, "-m", "lstdata", "build-shards", str(source), str(out), "--no-report", *options]


def await_a_shard(driver: subprocess.Popen[Any], out: Path) -> None:
    """Or the end of the build, where that comes first."""
    while driver.poll() is None and not list(out.glob("shards/*.json")):
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("after", ["plan.parquet", "codebook.npz", "shards/train-000000.json"])
def test_kill_9_then_run_again(cuts: Path, built: Path, tmp_path: Path, after: str) -> None:
    """Kill the driver and its workers as soon as a file appears; the second run ends with the undisturbed bytes."""
    out = tmp_path / "out"
    first = subprocess.Popen(command(cuts, out), start_new_session=True, stderr=subprocess.DEVNULL)
    while first.poll() is None and not (out / after).exists():
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert first.returncode == -signal.SIGKILL
    again = subprocess.run(command(cuts, out), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert hashes(out) == hashes(built)


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_asked_to_end_it_leaves_a_folder_that_resumes(
    cuts: Path, built: Path, tmp_path: Path, sent: signal.Signals, said: str
) -> None:
    """One line, exit 130 or 143, no worker left, "stopped" in the events; the next run ends with the same bytes."""
    out = tmp_path / "out"
    first = subprocess.Popen(command(cuts, out), start_new_session=True, stderr=subprocess.PIPE, text=True)
    await_a_shard(first, out)
    assert len(_workers(first.pid)) == 2
    os.killpg(first.pid, sent)
    _, shown = first.communicate()
    assert first.returncode == 128 + sent
    assert f"{said}; run the same command again to resume" in shown and "Traceback" not in shown
    assert not _workers(first.pid)
    assert any('"event": "stopped"' in log.read_text() for log in (out / "events").glob("*-driver.jsonl"))
    build(cuts, out)
    assert hashes(out) == hashes(built)


@pytest.mark.slow
def test_terminated_on_ray_it_ends_as_anywhere(cuts: Path, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = subprocess.Popen(command(cuts, out, "run.runner=ray"), stderr=subprocess.PIPE, text=True)
    await_a_shard(first, out)
    first.terminate()
    _, shown = first.communicate()
    assert first.returncode == 128 + signal.SIGTERM, shown
    assert shown.splitlines()[-1] == "error: terminated; run the same command again to resume."
    assert "Traceback" not in shown and "SIGTERM" not in shown
    build(cuts, out)
    assert hashes(out) == hashes(built)


@pytest.mark.slow
def test_workers_outlive_the_server_that_they_were_forked_from(cuts: Path, built: Path, tmp_path: Path) -> None:
    """It is the process that an out-of-memory killer, or a person, might pick."""
    out = tmp_path / "out"
    driver = subprocess.Popen(command(cuts, out, "run.workers=2"), stderr=subprocess.PIPE, text=True)
    await_a_shard(driver, out)
    (server,) = [p for p in _children(driver.pid) if "forkserver" in _command(p)]
    os.kill(server, signal.SIGKILL)
    _, shown = driver.communicate()
    assert driver.returncode == 0, shown
    assert hashes(out) == hashes(built)


@pytest.mark.slow
def test_workers_end_with_their_driver(cuts: Path, tmp_path: Path) -> None:
    """An orphan must not go on committing: somebody else may hold the lock by then."""
    out = tmp_path / "out"
    driver = subprocess.Popen(command(cuts, out), stderr=subprocess.DEVNULL)
    await_a_shard(driver, out)
    (server,) = [p for p in _children(driver.pid) if "forkserver" in _command(p)]
    (worker,) = _children(server)
    driver.kill()
    driver.wait()
    for _ in range(1000):
        if not Path(f"/proc/{worker}/cmdline").exists() or not _command(worker):
            break
        time.sleep(0.01)
    else:
        pytest.fail("the worker outlived its driver by ten seconds")
    build(cuts, out)
    assert verify(out).problems == []


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _workers(group: int) -> list[int]:
    """Worker processes of a process group, and the server that they are forked from."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pgrp = int(path.read_text().rpartition(")")[2].split()[2])
        except OSError:
            continue
        pid = int(path.parent.name)
        if pgrp == group and "forkserver" in _command(pid):
            found.append(pid)
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
