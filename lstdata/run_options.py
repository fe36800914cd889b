"""How a build is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a build is carried out; nothing here but `device` changes a byte of the output, and that is on record."""

    runner: Literal["local", "ray"] = "local"
    workers: int | None = None
    """Worker processes, one core each; None: as many as there are cores."""
    address: str | None = None
    """Of a running Ray cluster; None starts a local one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Of pretrained models; `auto`: a GPU where this machine has one and a model is used. It is part of a run folder's
    compute class."""
    gpus_per_worker: float = 0.25
    """On Ray with `device` cuda, of work whose models are in its workers; local workers all use the first GPU."""
    model_actors: int | None = None
    """On Ray: actors that hold a build's models, asked by its shard tasks; 0: models are in the tasks. None: as many as
    the cluster's GPUs have room for with `device` cuda, else 0."""
    gpus_per_model: float = 0.5
    """Of a model actor, with `device` cuda."""
    cpus_per_model: float = 0.5
    """Of a model actor; what actors hold is not there for shard tasks."""
    model_start_timeout: float = 600.0
    """Seconds for all model actors to be placed and to have loaded."""
    max_reject_rate: float = 0.05
    """Share of records that may fail, of those that no filter left out; judged after 100 records, and at the end."""
    patience: float = 300.0
    """Seconds that a build waits for the world, between rounds of tries: while no shard can be built, counted from the
    first that could not; 0: what failed is not tried again in this run."""
    record_timeout: float = 600.0
    """Seconds of wall time for one record through all stages of a build; one that twice takes longer is left out."""

    def mistakes(self) -> Iterator[str]:
        if self.workers is not None and self.workers < 1:
            yield f"`workers` must be ≥ 1, but is {self.workers}."
        for name in ("gpus_per_worker", "gpus_per_model", "cpus_per_model", "model_start_timeout", "record_timeout"):
            if getattr(self, name) <= 0:
                yield f"`{name}` must be > 0, but is {getattr(self, name)}."
        if self.model_actors is not None and self.model_actors < 0:
            yield f"`model_actors` must be ≥ 0, but is {self.model_actors}."
        if not self.patience >= 0:
            yield f"`patience` must be ≥ 0, but is {self.patience}."
        if not 0 <= self.max_reject_rate <= 1:
            yield f"`max_reject_rate` must be in [0, 1], but is {self.max_reject_rate}."
