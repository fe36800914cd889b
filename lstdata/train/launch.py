"""Running the recipe: fairseq2's logs kept to files and free of the environment, progress said in plain lines."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairseq2.metrics.recorders import MetricRecorder
from fairseq2.recipe.run import run

from lstdata.loader.corpus import Corpus
from lstdata.loader.rows import RowStream
from lstdata.model.config import ModelConfig
from lstdata.status.times import spoken
from lstdata.train.config import TrainConfig, required
from lstdata.train.recipe import LstRecipe, Splits, recipe_config
from lstdata.train.run import Say
from lstdata.train.warm_start import WarmStart

SECONDS_BETWEEN_LINES = 5.0


def launch(
    config: TrainConfig,
    model: ModelConfig,
    start: WarmStart | None,
    stream: RowStream,
    validation: Corpus,
    out: Path,
    say: Say,
) -> None:
    """Train to the end of the schedule or to `stop_at`; a folder with checkpoints is continued from the last."""
    splits = Splits(train=stream, validation=validation)
    recipe = LstRecipe(config, model, start, splits, out, Progress(required(config.steps), say))
    with _own_logging():
        run(recipe, recipe_config(config, model), out, no_rich=True, no_progress=True)


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
        if now - self._said >= SECONDS_BETWEEN_LINES or step == self._steps:
            rate = f"{self._tokens / self._seconds:,.0f} tokens/s"
            self._say(f"train {step}/{self._steps} · {_losses(values)} · {rate}{self._left(now, step)}")
            self._said, self._tokens, self._seconds = now, 0.0, 0.0

    def _left(self, now: float, step: int) -> str:
        """By the mean time of a step so far, validation and checkpoints included; not known after the first."""
        since, first = self._since or (now, step)
        if step == first or step == self._steps:
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


def _without_its_own_deprecations(show: Callable[..., None]) -> Callable[..., None]:
    def show_others(message: Warning | str, category: type[Warning], filename: str, *rest: Any) -> None:
        if not (category is DeprecationWarning and "fairseq2" in filename):
            show(message, category, filename, *rest)

    return show_others


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
            warnings.showwarning = _without_its_own_deprecations(warnings.showwarning)
            yield
    finally:
        library.removeFilter(hide)
        library.setLevel(logging.NOTSET)
        for handler in library.handlers[:]:
            library.removeHandler(handler)
            handler.close()
        root.handlers, root.propagate = handlers, propagate
        root.setLevel(level)
