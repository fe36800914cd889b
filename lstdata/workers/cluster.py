"""The Ray cluster: joined or started, and how much room it has."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lstdata.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from lstdata.workers import Share

_EDGE: Final = 1e-6
"""By which shares may miss a whole, as Ray counts in ten thousandths."""

_is_ours = False
"""Whether the connection was made by `connected`, and ends with it."""


def check_address(address: str | None) -> None:
    """ConfigError where nothing answers at the address within five seconds; Ray itself would wait for minutes.

    `auto` is what `RAY_ADDRESS` says, else the cluster that was last started on this machine; its file outlives it.
    """
    place = (address or "").removeprefix("ray://")
    if address == "auto":
        place = os.environ.get("RAY_ADDRESS", "").removeprefix("ray://") or _last_started()
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        named = f"{address!r}" if address != "auto" else f"'auto', which is {place},"
        raise ConfigError(f"`run.address` {named} is no running Ray cluster: {error}.") from error


def _last_started() -> str:
    """Empty where no file says: then Ray itself looks for processes, and is quick about it."""
    from ray._common.utils import get_ray_address_file

    try:
        return Path(get_ray_address_file(None)).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


@contextmanager
def connected(workers: int | None, address: str | None) -> Iterator[Any]:
    """The module `ray`, connected while the context lasts; a connection that is there already is used, and left.

    `address` joins a running cluster; else a local one of `workers` CPUs, or all cores, is started and stopped.
    Raises ConfigError where there is no cluster to join, and Unavailable where none can be started.
    """
    import ray

    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    quiet = {"configure_logging": True, "logging_level": logging.ERROR, "log_to_driver": False}
    cores = workers or len(os.sched_getaffinity(0))
    try:
        with _own_sigterm():
            if address is None:
                ray.init(address="local", num_cpus=cores, include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
    except Exception as error:  # where its processes die or are late, Ray raises nothing more special
        said = " ".join(str(error).split()).rstrip(".")
        if address is None:
            raise Unavailable(f"Ray could not be started on this machine: {said}.") from error
        raise ConfigError(f"`run.address` {address!r} is no running Ray cluster: {said}.") from error
    global _is_ours
    _is_ours = True
    try:
        yield ray
    finally:
        _is_ours = False
        ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """What this process does at SIGTERM is not for Ray to replace: its own handler ends with another code, unsaid."""
    mine = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(mine) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, mine)


def connection_is_ours() -> bool:
    """Then it will be closed, and all that is under way ends with it."""
    return _is_ours


def live_nodes(ray: Any) -> list[tuple[str, dict[str, float]]]:
    """(id, resources) of each node that is up."""
    return [(node["NodeID"], node["Resources"]) for node in ray.nodes() if node["Alive"]]


def room(nodes: Iterable[tuple[str, Mapping[str, float]]], share: Share, held: Mapping[str, float]) -> int:
    """Tasks of this share that fit on the nodes at once; `held` are CPUs by node that others have."""
    found = 0
    for id, resources in nodes:
        fit = (resources.get("CPU", 0.0) - held.get(id, 0.0) + _EDGE) / share.cpus
        if share.gpus > 0:
            fit = min(fit, (resources.get("GPU", 0.0) + _EDGE) / share.gpus)
        found += max(0, int(fit))
    return found


def described(nodes: Iterable[tuple[str, Mapping[str, float]]]) -> str:
    """As `12 CPUs, 2 GPUs`."""
    nodes = list(nodes)
    counts = ((kind, sum(r.get(kind, 0.0) for _, r in nodes)) for kind in ("CPU", "GPU"))
    return ", ".join(f"{count:g} {kind}{'' if count == 1 else 's'}" for kind, count in counts if count or kind == "CPU")
