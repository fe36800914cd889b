"""Where numbers are computed: the device of models, and the compute class of workers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from lstdata.align import chosen_aligner
from lstdata.compute import compute_class
from lstdata.config import BuildConfig, RunConfig
from lstdata.errors import ConfigError, LstDataError
from lstdata.workers import run_tasks

T = TypeVar("T")


@dataclass(frozen=True)
class Computing:
    device: str
    """cpu or cuda."""
    compute_class: str

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"

    def gpus_per_worker(self, run: RunConfig) -> float:
        """What each worker asks Ray for."""
        return gpus_per_worker(run, self.on_gpu)


def gpus_per_worker(run: RunConfig, on_gpu: bool) -> float:
    return run.gpus_per_worker if on_gpu else 0.0


def computing_of(run: RunConfig, models: bool) -> Computing:
    """Of work in which pretrained `models` take part or not. ConfigError where a GPU is asked for that there is not."""
    device = _device(run) if models else "cpu"
    if device == "cuda" and run.runner == "ray":
        return Computing(device, run_once(partial(compute_class, device, True), run, True, "looking for a GPU"))
    return Computing(device, compute_class(device, models))


def uses_models(config: BuildConfig) -> bool:
    """Whether a pretrained model takes part in a build."""
    encodes = config.units.extractor == "encoder" and config.units.taken_from is None
    return encodes or chosen_aligner(config.words) == "ctc"


def _device(run: RunConfig) -> str:
    if run.device == "cpu":
        return "cpu"
    import torch

    if run.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if run.runner == "local" and not torch.cuda.is_available():
        raise ConfigError("`run.device` is cuda, but this machine has no GPU that torch can use.")
    return "cuda"


def run_once(work: Callable[[], T], run: RunConfig, on_gpu: bool, name: str) -> T:
    """Do one thing that takes a model or much memory in a worker: the driver may have neither, and may not die over it.

    `work` and its outcome are pickled for that. Raises what the work raised, and Unavailable where the worker died.
    """
    tasks = run_tasks(partial(_Only, work), [name], run, gpus_per_worker=gpus_per_worker(run, on_gpu))
    with closing(tasks) as results:
        [(_, outcome)] = list(results)
    if isinstance(outcome, LstDataError):
        raise outcome
    return outcome[0]


@dataclass(frozen=True)
class _Only(Generic[T]):
    """Does it, its outcome in a tuple: None is an outcome too."""

    work: Callable[[], T]

    def __call__(self, task: str) -> tuple[T]:
        return (self.work(),)
