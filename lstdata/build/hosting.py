"""Where shards are built: on Ray, what each task holds and the actors that hold the models."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lstdata.computing import gpus_per_worker, uses_models
from lstdata.config import RunConfig
from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.workers import Share
from lstdata.workers.cluster import connected, described, live_nodes, room

if TYPE_CHECKING:
    from lstdata.build.models import ModelActors
    from lstdata.build.spec import BuildSpec

_GRAIN: Final = 10_000
"""Shares are told apart by Ray to a ten thousandth."""

_LEAST_CPU: Final = 0.01


@dataclass(frozen=True)
class Hosting:
    """What shard tasks are given."""

    share: Share = field(default_factory=Share)
    held: Mapping[str, float] = field(default_factory=dict)
    """CPUs by node that model actors have."""
    models: ModelActors | None = None
    """None: a task's models are its worker's own."""


@contextmanager
def hosting(spec: BuildSpec, note: Callable[[str], None]) -> Iterator[Hosting]:
    """The cluster is connected, and all models are loaded, before the first task; both end with the context.

    Raises ConfigError and Unavailable where there is no room for what is asked for.
    """
    run = spec.config.run
    if run.runner == "local":
        yield Hosting()
        return
    with connected(run.workers, run.address) as ray:
        wanted = _actors_wanted(ray, spec)
        actors: list[Any] = []
        try:
            held = _start(ray, spec, wanted, actors)
            yield _arranged(ray, spec, actors, held, note)
        finally:
            for actor in actors:
                with suppress(Exception):
                    ray.kill(actor)


def task_share(free: Mapping[str, float], workers: int | None) -> float:
    """CPUs of one task on a cluster that was started here: one, or what a node has left if that is less.

    `free` is by node. Where `workers` are wanted on a single node, they share what it has.
    """
    most = max(free.values(), default=0.0)
    if workers is not None and len(free) == 1:
        most /= workers
    return min(1.0, math.floor(most * _GRAIN + 1e-6) / _GRAIN)


def _actors_wanted(ray: Any, spec: BuildSpec) -> int:
    run = spec.config.run
    if not uses_models(spec.config):
        return 0
    if run.model_actors is not None or spec.device != "cuda":
        return run.model_actors or 0
    return max(1, int(ray.cluster_resources().get("GPU", 0.0) / run.gpus_per_model))


def _start(ray: Any, spec: BuildSpec, wanted: int, actors: list[Any]) -> Counter[str]:
    """Fill `actors`, all of them ready; CPUs by node that they hold."""
    if not wanted:
        return Counter()
    from lstdata.build.models import SpeechModels

    run = spec.config.run
    gpus = run.gpus_per_model if spec.device == "cuda" else 0.0
    make = ray.remote(num_cpus=run.cpus_per_model, num_gpus=gpus, max_restarts=-1, max_task_retries=1)(SpeechModels)
    actors += [make.remote(spec) for _ in range(wanted)]
    calls = [actor.ready.remote() for actor in actors]
    done, waiting = ray.wait(calls, num_returns=len(calls), timeout=run.model_start_timeout)
    held: Counter[str] = Counter()
    for call in done:
        held[_ready(ray, call)] += run.cpus_per_model  # type: ignore[assignment]
    if waiting:
        have = described(live_nodes(ray))
        raise Unavailable(
            f"{len(done)} of {_described_actors(run, wanted, gpus)} were ready after {run.model_start_timeout:g} s; "
            f"the cluster has {have}. Ask for fewer (`run.model_actors`), for smaller ones (`run.gpus_per_model`, "
            "`run.cpus_per_model`), or wait for longer (`run.model_start_timeout`)."
        )
    return held


def _ready(ray: Any, call: Any) -> str:
    try:
        return str(ray.get(call))
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, LstDataError):
            raise error.cause from None
        raise LstDataError(f"a model actor failed to load: {type(error.cause).__name__}: {error.cause}") from error
    except ray.exceptions.RayError as error:
        raise Unavailable(f"a model actor died while it loaded: {' '.join(str(error).split())[:300]}") from error


def _arranged(
    ray: Any, spec: BuildSpec, actors: list[Any], held: Mapping[str, float], note: Callable[[str], None]
) -> Hosting:
    run, nodes = spec.config.run, live_nodes(ray)
    on_gpu = spec.device == "cuda"
    share = Share(_cpus(run, nodes, held), 0.0 if actors else gpus_per_worker(run, on_gpu))
    fit = room(nodes, share, held)
    count = run.workers or max(1, fit)
    line = f"ray: {described(nodes)}; {_counted(count, 'shard task')} of {_described_share(share)}"
    if actors:
        line += f", {_described_actors(run, len(actors), run.gpus_per_model if on_gpu else 0.0)}"
    if not fit:
        line += "; they wait for a node that has that to spare"
    note(line)
    if not actors:
        return Hosting(share)
    from lstdata.build.models import ModelActors

    return Hosting(share, held, ModelActors(tuple(actors)))


def _cpus(run: RunConfig, nodes: list[tuple[str, dict[str, float]]], held: Mapping[str, float]) -> float:
    """Of one task. A cluster that is joined may have no node yet, or one of many: there it is a CPU, less only where no
    node that is up has one left."""
    free = {id: resources["CPU"] - held.get(id, 0.0) for id, resources in nodes if resources.get("CPU")}
    if run.address is not None:
        left = task_share(free, None)
        return left if left >= _LEAST_CPU else 1.0
    cpus = task_share(free, run.workers)
    if cpus < _LEAST_CPU:
        taken = "The model actors leave no CPU" if held else "There is no CPU"
        raise ConfigError(f"{taken} for shard tasks: the cluster has {described(nodes)}.")
    return cpus


def _described_actors(run: RunConfig, count: int, gpus: float) -> str:
    return f"{_counted(count, 'model actor')} of {_described_share(Share(run.cpus_per_model, gpus))}"


def _described_share(share: Share) -> str:
    return (f"{share.gpus:g} GPU and " if share.gpus else "") + f"{share.cpus:g} CPU"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
