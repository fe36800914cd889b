"""A Ray cluster of this machine alone, whose nodes are there to be killed, and the processes of a build on it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
from upath import UPath

from lstdata.build.event_logs import EventLogs, ProcessLog
from tests.pipelines.loopback import RAY

_QUICK: Final = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
"""So that a node's death is noticed within seconds."""


class Nodes:
    """A head without CPUs, and two nodes of one CPU each. Driven by one thread."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]  # a Ray that was started in this process before leaves its mode of authentication
        os.environ |= RAY | {"RAY_TMPDIR": self._folder}
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": _QUICK}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            self._cluster.add_node(num_cpus=1)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def replace(self, worker: int) -> bool:
        """Kill the node that a worker process is on, with all that is on it; another one comes up. False if it is gone.

        The node's process is killed first, as a worker that ends by itself would save its node.
        """
        with suppress(psutil.Error):
            raylet = psutil.Process(worker).ppid()
            for node in list(self._cluster.worker_nodes):
                if _raylet(node) == raylet:
                    os.kill(raylet, signal.SIGKILL)
                    self._cluster.remove_node(node, allow_graceful=False)
                    self._cluster.add_node(num_cpus=1)
                    return True
        return False

    def actors(self) -> list[int]:
        """Processes of the model actors that are up."""
        raylets = {_raylet(node) for node in self._cluster.worker_nodes}
        return [p.pid for raylet in raylets for p in _children(raylet) if _title(p).startswith("ray::SpeechModels")]

    def close(self) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


def begun(out: Path) -> int:
    """Shards that workers have begun, in all builds of a run folder."""
    return sum(1 for log in _logs(out) for _ in log.of("shard"))


def busy(out: Path) -> list[int]:
    """Workers on Ray that are at a shard, by their event logs."""
    at_one = [log.pid for log in _logs(out) if (last := log.last_of("shard", "done")) and last.kind == "shard"]
    return [pid for pid in at_one if _is_on_ray(pid)]


def of_ray(out: Path) -> list[int]:
    """Living processes on Ray that have worked on a run folder."""
    return [log.pid for log in _logs(out) if _is_on_ray(log.pid)]


def _logs(out: Path) -> list[ProcessLog]:
    logs = EventLogs(UPath(out))
    logs.look()
    return logs.read("worker")


def _is_on_ray(pid: int) -> bool:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _title(process).startswith("ray::")
    return False


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children()
    return []


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)
