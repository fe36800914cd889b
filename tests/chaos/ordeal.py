"""Carrying out a kill point: kill, run the same command again until it ends well, and look at what there is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psutil
from upath import UPath

from lstdata.storage import read_json
from lstdata.verify import verify
from tests.chaos.nodes import Nodes, begun, busy, of_ray
from tests.chaos.points import Blow, Point, RayBlow
from tests.chaos.running import DEADLINE, kill_all, log_of, marks_of, of_build, said, started, wait_until
from tests.chaos.scenes import Scenes, contents


def carry_out(point: Point, scenes: Scenes, folder: Path, nodes: Nodes | None) -> None:
    """AssertionError, naming the point, where the end is not that of an undisturbed build; then `folder` keeps it.

    `nodes` are Ray's, for a point there.
    """
    out = folder / f"{point.seed}-{point.kind}"
    point.scene.set_up(out)
    ordeal = _Ordeal(point, scenes, out, nodes)
    try:
        for command in point.scene.commands(out):
            ordeal.carry_through(command)
        ordeal.check()
    except (AssertionError, subprocess.TimeoutExpired) as error:
        kill_all(out)
        raise AssertionError(f"{point}\n{error}\n{said(out)}") from None
    shutil.rmtree(out)
    shutil.rmtree(marks_of(out))
    log_of(out).unlink()


class _Ordeal:
    def __init__(self, point: Point, scenes: Scenes, out: Path, nodes: Nodes | None) -> None:
        self._point, self._scenes, self._out, self._nodes = point, scenes, out, nodes
        self._struck: list[Blow | RayBlow] = []

    def carry_through(self, command: Sequence[str]) -> None:
        """Run the command until it exits 0: as often as its driver is killed, and once more."""
        command = [*command, *self._how()] if command[0] != "plan" else command
        for _ in range(1 + len(self._point.blows)):
            code, blow = self._run(command)
            assert code == 0 if blow is None else blow.allows(code), f"it exits {code} after {blow}"
            if code == 0:
                return
        raise AssertionError("it does not end")

    def check(self) -> None:
        assert len(self._struck) == len(self._point.blows), f"only {len(self._struck)} blows were struck"
        wait_until(lambda: not of_build(self._out) and not of_ray(self._out), "the end of every process of the build")
        here, there = contents(self._out), self._point.scene.contents
        differing = [name for name in sorted(here.keys() | there.keys()) if here.get(name) != there.get(name)]
        assert not differing, f"not as undisturbed: {', '.join(differing)}"
        problems = verify(UPath(self._out)).problems
        assert not problems, f"verify finds {problems}"
        totals = read_json(UPath(self._out) / "run.json")["totals"]
        assert totals["planned"] == totals["written"] + totals["rejected"], f"records are missing: {totals}"
        assert "Traceback" not in said(self._out), "a traceback"

    def _how(self) -> list[str]:
        workers = ["--workers", str(self._point.workers)]
        return workers if self._nodes is None else [*workers, "--runner", "ray", "--address", self._nodes.address]

    def _run(self, command: Sequence[str]) -> tuple[int, Blow | RayBlow | None]:
        """The driver's exit code, and the last blow that was struck meanwhile."""
        before = len(self._struck)
        own = [asdict(blow) for blow in self._point.blows if isinstance(blow, Blow)]
        with started(command, self._out, self._scenes.roots, blows=own) as process:
            if self._nodes is not None:
                self._strike_on_ray(process, self._nodes)
            elif self._point.kind == "zombie" and before == 0:
                self._leave_a_worker(process, command)
            code = process.wait(DEADLINE)
        if self._nodes is None:
            self._struck[before:] = self._point.blows[before : len(os.listdir(marks_of(self._out)))]
        return code, self._struck[-1] if len(self._struck) > before else None

    def _leave_a_worker(self, process: subprocess.Popen[bytes], command: Sequence[str]) -> None:
        """Kill the driver while a worker stands still, have another one finish, and let the worker go on."""
        mark = marks_of(self._out) / "0"
        wait_until(lambda: mark.exists() and mark.read_text() != "", "a worker stood still", process)
        worker = psutil.Process(int(mark.read_text()))
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "a worker stood still", process)
        process.kill()
        process.wait(DEADLINE)
        with started(command, self._out, self._scenes.roots) as second:
            code = second.wait(DEADLINE)
            assert code == 0, f"it exits {code} beside a worker of a dead driver"
            assert worker.pid in of_build(self._out), "the worker of the dead driver is gone already"
            worker.send_signal(signal.SIGCONT)
            wait_until(lambda: worker.pid not in of_build(self._out), "the end of a worker without a driver")

    def _strike_on_ray(self, process: subprocess.Popen[bytes], nodes: Nodes) -> None:
        """All that is to be killed before the driver is, and then the driver.

        A second blow comes too late where those that were not hit by the first have built all the rest meanwhile.
        """

        def over() -> bool:
            return bool(self._struck) and process.poll() == 0

        def hit(victim: str) -> bool:
            return self._hit(victim, nodes) or over()

        for blow in self._point.blows[len(self._struck) :]:
            assert isinstance(blow, RayBlow)
            wait_until(
                lambda at=blow.begun: begun(self._out) >= at or over(), f"{blow.begun} shards were begun", process
            )
            if blow.victim == "driver":
                process.send_signal(blow.signal)
            else:
                wait_until(lambda by=blow.victim: hit(by), f"a {blow.victim} could be killed", process)
            self._struck.append(blow)
            if blow.victim == "driver":
                return

    def _hit(self, victim: str, nodes: Nodes) -> bool:
        """False where there is none to be hit now."""
        found = nodes.actors() if victim == "actor" else busy(self._out)
        if not found:
            return False
        if victim == "node":
            return nodes.replace(found[0])
        try:
            os.kill(found[0], signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
