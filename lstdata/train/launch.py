"""Running the recipe: fairseq2's logs kept to files and free of the environment, progress said in plain lines."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

import torch
from fairseq2.error import OperationalError
from fairseq2.metrics.recorders import MetricRecorder
from fairseq2.recipe.run import run

from lstdata.errors import ConfigError, LstDataError
from lstdata.model.config import ModelConfig
from lstdata.status.times import spoken
from lstdata.train.config import TrainConfig, required
from lstdata.train.data import TrainingData
from lstdata.train.recipe import LstRecipe, recipe_config
from lstdata.train.run import Say
from lstdata.train.warm_start import WarmStart

SECONDS_BETWEEN_LINES = 5.0


def launch(
    config: TrainConfig, model: ModelConfig, start: WarmStart | None, data: TrainingData, out: Path, say: Say
) -> None:
    """Train to the end of the schedule or to `stop_at`; a folder with checkpoints is continued from the last."""
    _check_devices(config)
    recipe = LstRecipe(config, model, start, data, out, Progress(required(config.steps), say))
    with _own_logging(), _said_plainly(), closing(recipe):
        run(recipe, recipe_config(config, model), out, no_rich=True, no_progress=True)


def _check_devices(config: TrainConfig) -> None:
    """ConfigError where this machine has GPUs, but not one for each of its processes; or none, and needs one."""
    if not torch.cuda.is_available():
        if config.attention == "flex":
            raise ConfigError("`attention` flex has no gradient on a CPU: use auto, blocked or dense.")
        if config.compile and config.attention != "dense":
            raise ConfigError(
                "`compile` needs `attention` dense on a CPU: blocks would be compiled anew for each batch."
            )
    devices, processes = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if 0 < devices < processes:
        raise ConfigError(f"Processes on a machine must be ≤ its GPUs ({devices}), but are {processes}.")


@contextmanager
def _said_plainly() -> Iterator[None]:
    """What the world may do to a run, in one line each."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise LstDataError(
            f"The GPU's memory does not hold a step: {str(error).split('. ')[0]}. "
            "Use more processes, `recompute`, or `parallel: fsdp`; run the same command again to resume."
        ) from error
    except OperationalError as error:
        raise LstDataError(f"{str(error).rstrip('.')}: {error.__cause__ or 'no cause is known'}.") from error


class Progress(MetricRecorder):
    """A line every few seconds: step, losses, raw tokens per second, and when the last step will be over."""

    def __init__(self, steps: int, say: Say) -> None:
        self._steps = steps
        self._say = say
        self._said = 0.0
        self._tokens = self._seconds = 0.0
        self._since: tuple[float, int] | None = None
        """When this invocation's first step was over, and which it was."""

    def record_metric_values(self, category: str, values: Mapping[str, object], step_nr: int | None = None) -> None:
        now, step = time.monotonic(), step_nr or 0
        if category != "train":
            self._say(f"{category} {step}/{self._steps} · {_losses(values)}")
            return
        if self._since is None:
            self._since = now, step
        self._tokens += float(str(values["tokens"]))
        self._seconds += float(str(values["seconds"]))
        if now - self._said >= SECONDS_BETWEEN_LINES or step >= self._steps:
            rate = f"{self._tokens / self._seconds:,.0f} tokens/s"
            self._say(f"train {step}/{self._steps} · {_losses(values)} · {rate}{self._left(now, step)}")
            self._said, self._tokens, self._seconds = now, 0.0, 0.0

    def _left(self, now: float, step: int) -> str:
        """By the mean time of a step so far, validation and checkpoints included; not known after the first."""
        since, first = self._since or (now, step)
        if step == first or step >= self._steps:
            return ""
        return f" · {spoken((now - since) / (step - first) * (self._steps - step))} left"

    def close(self) -> None:
        pass


def _losses(values: Mapping[str, object]) -> str:
    names = (name for name in ("loss", "loss_text", "loss_units") if name in values)
    return " · ".join(f"{name.removeprefix('loss_')} {values[name]:.3f}" for name in names)


class _WithoutEnvironment(logging.Filter):
    """Drops the line in which fairseq2 lists every environment variable, credentials included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Environment Variables")


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Libraries' warnings belong in the log of the rank."""
    logging.getLogger("fairseq2").warning("%s (%s:%d)", message, filename, lineno)


@contextmanager
def _own_logging() -> Iterator[None]:
    """The root logger as it was before, once fairseq2 has had it for itself."""
    root, library = logging.getLogger(), logging.getLogger("fairseq2")
    handlers, level, propagate = root.handlers[:], root.level, root.propagate
    hide = _WithoutEnvironment()
    library.addFilter(hide)
    library.setLevel(logging.ERROR)
    root.handlers = []
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _log_warning
            yield
    finally:
        library.removeFilter(hide)
        library.setLevel(logging.NOTSET)
        for handler in library.handlers[:]:
            library.removeHandler(handler)
            handler.close()
        root.handlers, root.propagate = handlers, propagate
        root.setLevel(level)
