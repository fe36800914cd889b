"""The Ray runner: the same shard builds as tasks; the driver sees only their summaries."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator, Sequence
from typing import Any

from lstdata.build.plan_table import PlannedShard
from lstdata.build.shard import ShardResult, build_shard, pin_threads
from lstdata.build.spec import BuildSpec
from lstdata.errors import ConfigError, LstDataError, Unavailable

TASK_RETRIES = 2
"""How often Ray repeats a shard whose worker or node died."""


def run_ray(
    spec: BuildSpec, shards: Sequence[PlannedShard], workers: int, address: str | None
) -> Generator[ShardResult | tuple[str, LstDataError], None, None]:
    """Build shards as Ray tasks of one CPU; yields each result, or (shard, fault), as it comes.

    At most two tasks per worker are submitted at a time. `address` joins a running cluster, whose CPUs then bound
    the parallelism; else a local one of `workers` CPUs is started and stopped.
    """
    import ray

    _connect(ray, workers, address)
    build = ray.remote(num_cpus=1, max_retries=TASK_RETRIES, name="lstdata build shard")(_build)
    pending, running = list(reversed(shards)), dict[Any, str]()
    in_flight = 2 * (workers if address is None else max(1, int(ray.cluster_resources().get("CPU", 1))))
    try:
        while pending or running:
            while pending and len(running) < in_flight:
                shard = pending.pop()
                running[build.remote(spec, shard)] = shard.name
            done, _ = ray.wait(list(running), num_returns=1)
            name = running.pop(done[0])
            try:
                result: ShardResult | LstDataError = ray.get(done[0])
            except ray.exceptions.RayError as error:
                result = Unavailable(f"shard {name}: {' '.join(str(error).split())[:300]}")
            yield (name, result) if isinstance(result, LstDataError) else result
    finally:
        ray.shutdown()


def check_address(address: str | None) -> None:
    """ConfigError where nothing answers at `host:port` within five seconds; Ray itself would wait for minutes."""
    place = (address or "").removeprefix("ray://")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise ConfigError(f"`run.address` {address!r} is no running Ray cluster: {error}.") from error


def _connect(ray: Any, workers: int, address: str | None) -> None:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    quiet = {"configure_logging": True, "logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is None:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"`run.address` {address!r} is no running Ray cluster: {error}.") from error


def _build(spec: BuildSpec, shard: PlannedShard) -> ShardResult | LstDataError:
    pin_threads()
    try:
        return build_shard(spec, shard)
    except LstDataError as error:
        return error
