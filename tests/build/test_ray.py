"""Builds on Ray: the bytes of local ones, whatever dies and however late nodes come."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from lstdata.build.hosting import task_share
from lstdata.build.metrics import observe
from lstdata.build.task import ShardResult
from lstdata.config import RunConfig
from lstdata.errors import ConfigError, Unavailable
from lstdata.storage import read_json
from lstdata.workers import Share, WorkerDied, work_off
from lstdata.workers.cluster import check_address, described, room
from lstdata.workers.queue import Given, Queue
from lstdata.workers.ray_faults import fault
from tests.build.contents import hashes
from tests.build.misbehaving import misbehave
from tests.conftest import Quiet, build

NODES = [("a", {"CPU": 4.0}), ("b", {"CPU": 8.0, "GPU": 2.0})]


class Noting(Quiet):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


def sums(out: Path) -> dict[str, Any]:
    sidecars = {path.stem: read_json(path) for path in sorted((out / "shards").glob("*.json"))}
    return {name: (stated["sha256"], stated["index_sha256"], stated["rejected"]) for name, stated in sidecars.items()}


def test_room_is_by_node_and_what_others_hold_is_not_there() -> None:
    assert room(NODES, Share(1.0), {}) == 12
    assert room(NODES, Share(1.0), {"b": 0.5}) == 11
    assert room(NODES, Share(0.5, 0.5), {}) == 4
    assert room(NODES, Share(1.0, 4.0), {}) == 0
    assert described(NODES) == "12 CPUs, 2 GPUs" and described([("a", {"CPU": 1.0})]) == "1 CPU"


def test_a_task_has_a_cpu_or_what_is_left_of_one() -> None:
    assert task_share({"a": 4.0, "b": 0.5}, None) == 1.0
    assert task_share({"a": 0.5}, None) == 0.5
    assert task_share({"a": 0.5, "b": 0.25}, 8) == 0.5
    assert task_share({"a": 1.5}, 2) == 0.75
    assert task_share({"a": 1.0}, 3) == 0.3333
    assert task_share({"a": 0.0}, None) == 0.0


def test_a_cluster_that_is_gone_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"'auto', which is 127\.0\.0\.1:1, is no running Ray cluster"):
        check_address("auto")
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr("ray._common.utils.get_ray_address_file", lambda folder: str(tmp_path / "ray_current_cluster"))
    check_address("auto")
    (tmp_path / "ray_current_cluster").write_text("127.0.0.1:2\n")
    with pytest.raises(ConfigError, match=r"which is 127\.0\.0\.1:2, is no"):
        check_address("auto")


def test_only_what_goes_away_with_its_node_is_given_out_again_at_once() -> None:
    errors = ray.exceptions
    gone = fault(errors, errors.NodeDiedError("node 192.0.2.1"))
    assert isinstance(gone, WorkerDied) and gone.with_node
    full = fault(errors, errors.OutOfMemoryError("node 192.0.2.1, worker ab"))
    assert isinstance(full, WorkerDied) and not full.with_node and full.verdict == "out of memory"
    for error in (errors.RuntimeEnvSetupError("no pip"), errors.OutOfDiskError(), errors.TaskUnschedulableError("no")):
        found = fault(errors, error)
        assert isinstance(found, Unavailable) and type(error).__name__ in str(found)


@pytest.mark.slow
def test_the_bytes_are_those_of_a_local_build(cuts: Path, built: Path, tmp_path: Path) -> None:
    listener = Noting()
    build(cuts, tmp_path / "out", "run.runner=ray", "run.workers=2", listener=listener)
    assert hashes(tmp_path / "out") == hashes(built)
    assert "ray: 2 CPUs; 2 shard tasks of 1 CPU" in listener.notes


def test_metrics_are_rays_and_cost_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ShardResult("train-000000", 3, 1, 2, 5.0, reasons={"undecodable": 2}, stage_seconds={"decode": 0.5})
    monkeypatch.setattr("lstdata.build.metrics._counters", lambda: pytest.fail("no task of Ray's"))
    observe(result)
    counted: dict[str, list[tuple[Any, ...]]] = {}

    class Counter:
        def __init__(self, name: str) -> None:
            self.name = name

        def inc(self, *details: Any) -> None:
            assert details[0] > 0, "Ray refuses to count nothing"
            counted.setdefault(self.name, []).append(details)

    counters = {name: Counter(name) for name in ("shards", "seconds", "rejected", "stages")}
    monkeypatch.setattr("lstdata.build.metrics._counters", lambda: counters)
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    observe(result)
    observe(ShardResult("train-000001", 1, 0, 1, 0.0, reasons={"undecodable": 1}, stage_seconds={"decode": 0.0}))
    assert counted == {
        "shards": [(1,), (1,)],
        "seconds": [(5.0,)],
        "rejected": [(2, {"reason": "undecodable"}), (1, {"reason": "undecodable"})],
        "stages": [(0.5, {"stage": "decode"})],
    }


@pytest.mark.slow
def test_a_record_that_kills_is_found_and_one_that_hangs_is_interrupted(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehave(monkeypatch, {"utt-005": "kill", "utt-007": "hang", "utt-001": "kill once"}, tmp_path)
    totals = build(cuts, tmp_path / "out", "run.runner=ray", "run.workers=2", "run.record_timeout=3")
    assert (totals.written, totals.reasons) == (10, {"timed_out": 1, "worker_died": 1})


@pytest.mark.slow
def test_a_node_that_goes_away_costs_nothing_but_time(cuts: Path, built: Path, tmp_path: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    doomed = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)

    class Preempting(Quiet):
        def built(self, *details: Any) -> None:
            super().built(*details)
            if len(self.names) == 2:
                cluster.remove_node(doomed)
                cluster.add_node(num_cpus=1)

    try:
        build(cuts, tmp_path / "out", "run.runner=ray", "run.workers=null", listener=Preempting())
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert sums(tmp_path / "out") == sums(built)


@pytest.mark.slow
@pytest.mark.parametrize(("up", "said"), [(0, "ray: 0 CPUs; 2 shard tasks of 1 CPU; they wait"), (1, "ray: 1 CPU; 2")])
def test_a_build_is_resumed_on_a_cluster_whose_nodes_come_late(
    up: int, said: str, cuts: Path, built: Path, tmp_path: Path
) -> None:
    """A task has a whole CPU, so that no node that comes later takes more of them than it has cores."""
    shutil.copytree(built, tmp_path / "out")
    for sidecar in sorted((tmp_path / "out" / "shards").glob("*.json"))[1:]:
        sidecar.unlink()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(up):
        cluster.add_node(num_cpus=1)

    class Scaling(Noting):
        def note(self, line: str) -> None:
            super().note(line)
            if line.startswith("ray: "):
                cluster.add_node(num_cpus=1)

    listener = Scaling()
    try:
        build(
            cuts,
            tmp_path / "out",
            "run.runner=ray",
            "run.workers=2",
            f"run.address={cluster.address}",
            listener=listener,
        )
    finally:
        cluster.shutdown()
    (line,) = [line for line in listener.notes if line.startswith("ray: ")]
    assert line.startswith(said) and "of 1 CPU" in line
    assert sums(tmp_path / "out") == sums(built)


class Waiting:
    """Work that says that it has begun and goes on when it may."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, given: Given[str]) -> str:
        (self.folder / f"begun-{given.deaths + given.node_deaths}").touch()
        until(lambda: (self.folder / "go").exists())
        return given.task


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_node_that_goes_away_is_told_from_a_worker_that_dies(tmp_path: Path) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    doomed = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    queue, outcomes = Queue(["task"]), list[Any]()

    def drive() -> None:
        for given, outcome in work_off(partial(Waiting, tmp_path), queue, RunConfig(runner="ray")):
            outcomes.append(outcome)
            if isinstance(outcome, WorkerDied):
                queue.take_back(given, outcome)

    driver = threading.Thread(target=drive)
    driver.start()
    try:
        until((tmp_path / "begun-0").exists)
        cluster.remove_node(doomed, allow_graceful=False)
        until(lambda: bool(outcomes))
        (tmp_path / "go").touch()
        cluster.add_node(num_cpus=1)
        driver.join(120)
    finally:
        ray.shutdown()
        cluster.shutdown()
    died, done = outcomes
    assert isinstance(died, WorkerDied) and died.with_node, died
    assert done == "task"
