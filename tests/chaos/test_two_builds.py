"""Two builds of one folder: the second is refused while the first lives, whatever its workers do."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from tests.chaos.points import Blow
from tests.chaos.running import DEADLINE, marks_of, said, started, wait_until
from tests.chaos.scenes import Scenes, contents, plan_command


@pytest.mark.slow
def test_a_second_build_is_refused_while_the_first_one_lives(scenes: Scenes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    [command] = scenes.build.commands(out)
    place = "out/shards/train-000003.tar"
    still = Blow("worker", "replace", place, 1, "before", signal=signal.SIGSTOP)
    with started([*command, "--workers", "1"], out, scenes.roots, blows=[asdict(still)]) as first:
        mark = marks_of(out) / "0"
        wait_until(lambda: mark.exists() and mark.read_text() != "", "a worker stood still", first)
        worker = psutil.Process(int(mark.read_text()))
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "a worker stood still", first)
        for another in (command, plan_command(command), ["retry", str(out)], [*command, "--rebuild"]):
            _check_refused(another, out, tmp_path / f"{len(another)}-{another[0]}", scenes)
        worker.send_signal(signal.SIGCONT)
        assert first.wait(DEADLINE) == 0, said(out)
    assert contents(out) == scenes.build.contents


def _check_refused(command: list[str], out: Path, beside: Path, scenes: Scenes) -> None:
    """Its output goes to a log beside another folder, as the first build's is at work."""
    with started(command, beside, scenes.roots) as second:
        code = second.wait(DEADLINE)
    assert (code, said(beside)) == (2, f"error: `{out}` is being written by another process.\n")
