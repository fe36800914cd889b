"""Training in several processes, by gloo on the CPU: the same curve, whatever they are, and whatever ends them."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lstdata.config import load
from lstdata.storage import place
from lstdata.train import TrainConfig, train
from lstdata.train.checkpoint import read_weights, steps

pytestmark = pytest.mark.slow

SETS = (
    *("rows.per_step=6", "rows.positions=64", "rows.tokens=128", "optimizer.warmup=2", "optimizer.lr=1e-3"),
    *("steps=40", "checkpoint_every=2", "validate_every=3"),
)


def run(data: Path, out: Path, *sets: str, processes: int = 1) -> None:
    train(load(TrainConfig, None, [*SETS, *sets]), place(data), place(out), lambda line: None, processes)


def published(out: Path, name: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics" / f"{name}.jsonl").read_text().splitlines()]


def curve(out: Path, name: str = "train") -> list[tuple[int, float]]:
    return [(row["Step"], row["loss"]) for row in published(out, name)]


def assert_close(out: Path, straight: Path) -> None:
    """Every figure of one, once, as the other has it, up to rounding; the weights too."""
    for name in ("train", "valid"):
        ours, theirs = curve(out, name), curve(straight, name)
        assert [step for step, _ in ours] == [step for step, _ in theirs]
        assert [loss for _, loss in ours] == pytest.approx([loss for _, loss in theirs], rel=1e-6)
    (ours_model, ours_weights), (theirs_model, theirs_weights) = read_weights(out), read_weights(straight)
    assert ours_model == theirs_model and list(ours_weights) == list(theirs_weights)
    for name, weight in ours_weights.items():
        torch.testing.assert_close(weight, theirs_weights[name], rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def straight(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen steps of one process, without dropout."""
    out = tmp_path_factory.mktemp("straight")
    run(built, out, "dropout=0.0", "stop_at=15")
    return out


def test_a_run_is_handed_from_one_number_of_processes_to_another(built: Path, straight: Path, tmp_path: Path) -> None:
    """From one to two that share the weights, to three, to two that do not, and back: the curve of one process.

    Where there are two, blocks are computed again for the gradient.
    """
    out = tmp_path / "out"
    hands = [(1, "auto"), (2, "fsdp"), (3, "fsdp"), (2, "ddp"), (1, "auto")]
    for place_in_line, (processes, parallel) in enumerate(hands, 1):
        recompute = f"recompute={str(processes == 2).lower()}"
        chosen = ("dropout=0.0", f"stop_at={3 * place_in_line}", f"parallel={parallel}", recompute)
        run(built, out, *chosen, processes=processes)
    assert_close(out, straight)
    assert (out / "logs" / "rank_2.log").is_file()


def test_two_processes_that_share_the_weights_have_the_curve_of_one(
    built: Path, straight: Path, tmp_path: Path
) -> None:
    """Each takes its three rows of a step in two passes."""
    chosen = ("dropout=0.0", "stop_at=15", "parallel=fsdp", "rows.per_batch=2")
    run(built, tmp_path / "out", *chosen, processes=2)
    assert_close(tmp_path / "out", straight)


def test_forty_eight_steps_equal_forty_and_eight(built: Path, tmp_path: Path) -> None:
    """Bit by bit, with dropout."""
    for out, stops in {tmp_path / "straight": [48], tmp_path / "parted": [40, 48]}.items():
        for stop in stops:
            run(built, out, "steps=48", "dropout=0.1", f"stop_at={stop}")
    assert curve(tmp_path / "parted") == curve(tmp_path / "straight")
    _, ours = read_weights(tmp_path / "parted")
    _, theirs = read_weights(tmp_path / "straight")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def command(data: Path, out: Path, *sets: str) -> list[str]:
    chosen = [word for item in (*SETS, *sets) for word in ("--set", item)]
    return [sys.executable, "-m", "lstdata", "train", "--data", str(data), "--out", str(out), *chosen]


def begun(data: Path, out: Path, *sets: str) -> subprocess.Popen[str]:
    """Two processes that have published a step."""
    words = [*command(data, out, *sets), "--processes", "2"]
    parent = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    for line in parent.stdout:
        if line.startswith("train "):
            return parent
    raise AssertionError(parent.communicate()[1])


def ranks(parent: subprocess.Popen[str]) -> dict[int, int]:
    """Process ids by rank."""
    found = {}
    for number in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split():
        variables = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
        rank = next((int(v.removeprefix(b"RANK=")) for v in variables if v.startswith(b"RANK=")), None)
        if rank is not None:
            found[rank] = int(number)
    return found


def gone(number: int) -> bool:
    """Whether a process has ended; one whose parent is gone may wait for another to say so."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_process_ends_the_run_in_one_line_and_it_is_resumed_exactly(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit, with dropout, as two processes that were left in peace; what the environment holds is nowhere."""
    monkeypatch.setenv("SOME_TOKEN", "the-secret-of-this-test")
    peaceful, killed = tmp_path / "peaceful", tmp_path / "killed"
    run(built, peaceful, "stop_at=2", "parallel=fsdp", processes=2)
    shutil.copytree(peaceful, killed)
    run(built, peaceful, "stop_at=20", "parallel=fsdp", processes=2)

    parent = begun(built, killed, "parallel=fsdp")
    numbers = ranks(parent)
    assert sorted(numbers) == [0, 1]
    os.kill(numbers[1], signal.SIGKILL)
    _, errors = parent.communicate()
    assert parent.returncode == 1
    assert errors.splitlines() == [
        "error: process 1 of 2 was ended by SIGKILL (out of memory?); run the same command again to resume."
    ]
    assert all(gone(number) for number in numbers.values())

    assert not any(b"the-secret" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert steps(killed)[-1] < 20
    run(built, killed, "stop_at=20", "parallel=fsdp", processes=2)
    for name in ("train", "valid"):
        assert curve(killed, name) == curve(peaceful, name)
    _, ours = read_weights(killed)
    _, theirs = read_weights(peaceful)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_process_outlives_the_command(built: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    parent = begun(built, tmp_path / "out")
    descriptors = [os.pidfd_open(process) for process in ranks(parent).values()]
    parent.send_signal(number)
    _, errors = parent.communicate()
    assert parent.returncode == code
    assert len([line for line in errors.splitlines() if line]) == (code > 0)
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 30)[0]
        os.close(descriptor)


def test_torchrun_starts_ranks_too_and_a_mistake_is_said_once(built: Path, straight: Path, tmp_path: Path) -> None:
    """Each rank has all the weights and takes its three rows of a step in two passes: the curve of one process."""
    out = tmp_path / "out"

    def torchrun(*sets: str) -> subprocess.CompletedProcess[str]:
        _, *words = command(built, out, "dropout=0.0", *sets)
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return subprocess.run([sys.executable, *launcher, *words], capture_output=True, text=True, check=False)

    wrong = torchrun("rows.per_step=3")
    assert wrong.returncode == 1 and not out.exists()
    assert wrong.stderr.count("must be a multiple of the 2 processes, but is 3") == 1
    assert torchrun("stop_at=15", "parallel=ddp", "rows.per_batch=2").returncode == 0
    assert_close(out, straight)
