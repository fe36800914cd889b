"""The recipes' commands on clusters of this machine: `ray job submit`, and the script for Slurm."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lstdata.verify import verify
from tests.conftest import OPTIONS
from tests.pipelines.loopback import BIN, DEADLINE, Head, environment, marked, ray_head, running, wait_until

ROOT = Path(__file__).resolve().parents[2]
SETS = [argument for option in OPTIONS if not option.startswith("run.") for argument in ("--set", option)]


def shards(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((out / "shards").glob("*.tar"))}


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    with ray_head(tmp_path_factory.mktemp("head"), cpus=2) as made:
        yield made
    assert not marked(str(made.temporary))


def submit(head: Head, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ray job submit --working-dir .` from the root of the checkout, as docs/cluster.md has it."""
    command = [str(BIN / "ray"), "job", "submit", "--address", head.dashboard, "--working-dir", ".", "--"]
    command += [sys.executable, "pipelines/job.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.mark.slow
def test_a_job_without_the_token_is_refused(head: Head) -> None:
    done = submit(head, head.stranger, "--version")
    assert done.returncode != 0
    assert "Unauthorized" in done.stderr, done.stderr


@pytest.mark.slow
def test_a_submitted_build_makes_the_shards_of_a_local_one(head: Head, cuts: Path, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = submit(head, head.trusted, "build-shards", str(cuts), str(out), *SETS, "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout and "12 of 12 records written" in done.stdout
    assert verify(out).problems == []
    assert shards(out) == shards(built)


@pytest.mark.slow
def test_a_job_that_fails_says_how(head: Head, tmp_path: Path) -> None:
    done = submit(head, head.trusted, "build-shards", str(tmp_path / "nowhere"), str(tmp_path / "out"))
    assert done.returncode == 1
    assert "failed with exit code 2" in done.stdout and f"{tmp_path / 'nowhere'}" in done.stdout


@pytest.mark.slow
def test_the_token_is_in_a_file_of_its_owner_and_nowhere_else(head: Head) -> None:
    file = Path(head.trusted["HOME"]) / ".ray" / "auth_token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    logs = [head.log, *(p for p in head.temporary.rglob("*") if p.is_file() and p.suffix in (".log", ".out", ".err"))]
    assert len(logs) > 10
    assert not [log for log in logs if head.token in log.read_text(encoding="utf-8", errors="replace")]
    assert not marked(head.token), "in a command line or an environment"


SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
case $1 in
    show) tr , '\\n' <<<"$3" ;;
    requeue) echo "$2" >>"$HOME/requeued" ;;
esac
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a batch script on the first of two nodes, which are both this machine."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text, encoding="utf-8")
        (commands / name).chmod(0o755)
    number = str(os.getpid() + 1_000_000)
    given = environment(tmp_path, SLURM_JOB_ID=number, SLURM_JOB_NODELIST="first,second", SLURM_CPUS_PER_TASK="1")
    given |= {"LSTDATA_BIN": str(BIN), "LSTDATA_HEAD_IP": "127.0.0.1", "PATH": f"{commands}:{given['PATH']}"}
    yield given
    shutil.rmtree(f"/tmp/ray-{number}", ignore_errors=True)
    assert not marked(f"/tmp/ray-{number}")


@pytest.mark.slow
def test_a_build_on_slurm_goes_on_after_its_time_was_up(
    slurm: dict[str, str], cuts: Path, built: Path, tmp_path: Path
) -> None:
    """The first round is told that its time is up once it has planned; the second, in the same job, ends the build."""
    out, requeued = tmp_path / "out", tmp_path / "requeued"
    command = [str(ROOT / "pipelines" / "slurm.sh"), str(cuts), str(out), *SETS]
    mark = f"/tmp/ray-{slurm['SLURM_JOB_ID']}"

    with running(command, tmp_path / "first.log", mark, cwd=ROOT, env=slurm) as job:
        wait_until((out / "plan.parquet").exists, "the plan", job)
        job.send_signal(signal.SIGUSR1)
        assert job.wait(timeout=DEADLINE) != 0
    assert requeued.read_text(encoding="utf-8").split() == [slurm["SLURM_JOB_ID"]]
    assert not marked(mark)
    assert len(shards(out)) < len(shards(built))

    log = tmp_path / "second.log"
    with running(command, log, mark, cwd=ROOT, env=slurm) as job:
        wait_until(lambda: "ray: 1 CPU; 1 shard task of 1 CPU\n" in log.read_text(encoding="utf-8"), "the build", job)
        (token,) = (tmp_path / ".lstdata").rglob("token")
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert not marked(token.read_text(encoding="utf-8")), "in a command line or an environment"
        assert job.wait(timeout=DEADLINE) == 0, log.read_text(encoding="utf-8")
    assert verify(out).problems == []
    assert shards(out) == shards(built)
    assert len(requeued.read_text(encoding="utf-8").split()) == 1
    assert not list((tmp_path / ".lstdata").iterdir())
