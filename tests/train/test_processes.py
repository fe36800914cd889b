"""How several processes end as one, with small programs in place of training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lstdata.errors import ConfigError, CorruptShard, LstDataError
from lstdata.train.processes import supervise

PROGRAM = """
import json, os, signal, sys
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
task = json.loads(sys.stdin.readline())
def send(**message):
    print(json.dumps(message), flush=True)
def wait():
    while sys.stdin.read(1): pass
    os._exit(9)
"""


def run(tmp_path: Path, body: str, count: int = 2) -> tuple[list[dict[str, Any]], list[str]]:
    said: list[str] = []
    command = [sys.executable, "-c", PROGRAM + body]
    return supervise(command, {"word": "hello"}, count, said.append, tmp_path), said


def test_all_get_their_task_and_the_first_alone_speaks(tmp_path: Path) -> None:
    reports, said = run(tmp_path, "send(say=f'{rank} of {world}'); send(word=task['word'], rank=rank)", 3)
    assert reports == [{"word": "hello", "rank": rank} for rank in range(3)]
    assert said == ["0 of 3"]


def test_the_death_of_one_is_named_and_ends_the_others(tmp_path: Path) -> None:
    body = f"""
with open(f'{tmp_path}/{{rank}}', 'w') as file: file.write(str(os.getpid()))
if rank == 1:
    print('{{"say": "cut of', end='', flush=True)
    os.kill(os.getpid(), 9)
wait()
"""
    with pytest.raises(LstDataError, match=r"process 1 of 3 was ended by SIGKILL \(out of memory\?\)"):
        run(tmp_path, body, 3)
    for rank in range(3):
        file = tmp_path / str(rank)
        if file.exists():  # one that was ended before it wrote
            with pytest.raises(ProcessLookupError):
                os.kill(int(file.read_text()), 0)


@pytest.mark.parametrize("kind", [ConfigError, CorruptShard])
def test_an_error_of_ours_is_raised_once_and_as_what_it_was(tmp_path: Path, kind: type[LstDataError]) -> None:
    """Also where the other process has failed of the consequence before."""
    body = f"""
if rank == 0:
    send(lines=["RuntimeError: Connection closed by peer"])
    os._exit(1)
send(error="{kind.__name__}", lines=["the cause"])
os._exit(1)
"""
    with pytest.raises(kind, match=r"^the cause$"):
        run(tmp_path, body)


def test_a_failure_that_is_no_error_of_ours_names_the_log(tmp_path: Path) -> None:
    body = "if rank == 1: print('what libraries print', file=sys.stderr); raise ValueError\nwait()"
    with pytest.raises(LstDataError, match=r"process 1 of 2 failed with exit code 1: .*process_1\.log"):
        run(tmp_path, body)
    assert "what libraries print" in (tmp_path / "process_1.log").read_text()


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.train.processes.SECONDS_TO_FOLLOW", 0.0)
    monkeypatch.setattr("lstdata.train.processes.SECONDS_TO_END", 0.0)
    body = """
if rank == 0:
    send(error="LstDataError", lines=["over"])
    os._exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
wait()
"""
    with pytest.raises(LstDataError, match="over"):
        run(tmp_path, body)


PARENT = """
import sys
from pathlib import Path
from lstdata.train.processes import supervise
body, folder = sys.argv[1:]
supervise([sys.executable, "-c", body], {}, 2, lambda line: print(line, flush=True), Path(folder))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    """Each holds a pipe open, which ends with the last of them."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    body = PROGRAM + f"os.write(os.open('{pipe}', os.O_WRONLY), b'.')\nsend(say='ready')\nwait()"
    with open(tmp_path / "errors", "wb") as log:
        command = [sys.executable, "-c", PARENT, body, str(tmp_path)]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    with parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        os.set_blocking(held, True)
        assert os.read(held, 1) + os.read(held, 1) == b".."
        parent.send_signal(number)
        assert parent.wait() != 0
        assert os.read(held, 1) == b""
    os.close(held)
