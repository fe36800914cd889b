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
from lstdata.train.config import TrainConfig, required
from lstdata.train.recipe import LstRecipe, Splits, recipe_config
from lstdata.train.run import Say

SECONDS_BETWEEN_LINES = 5.0


def launch(config: TrainConfig, model: ModelConfig, stream: RowStream, validation: Corpus, out: Path, say: Say) -> None:
    """Train to the end of the schedule or to `stop_at`; a folder with checkpoints is continued from the last."""
    splits = Splits(train=stream, validation=validation)
    recipe = LstRecipe(config, model, splits, out, Progress(required(config.steps), say))
    with _own_logging():
        run(recipe, recipe_config(config, model), out, no_rich=True, no_progress=True)


class Progress(MetricRecorder):
    """A line every few seconds: step, losses, raw tokens per second."""

    def __init__(self, steps: int, say: Say) -> None:
        self._steps = steps
        self._say = say
        self._said = 0.0
        self._tokens = 0.0
        self._since = time.monotonic()

    def record_metric_values(self, category: str, values: Mapping[str, object], step_nr: int | None = None) -> None:
        now = time.monotonic()
        if category == "train":
            self._tokens += float(str(values["tokens"]))
            if now - self._said < SECONDS_BETWEEN_LINES and step_nr != self._steps:
                return
        rate = "" if category != "train" else f" · {self._tokens / max(now - self._since, 1e-9):,.0f} tokens/s"
        losses = " · ".join(
            f"{name.removeprefix('loss_')} {values[name]:.3f}"
            for name in ("loss", "loss_text", "loss_units")
            if name in values
        )
        self._say(f"{category} {step_nr}/{self._steps} · {losses}{rate}")
        if category == "train":
            self._said, self._tokens, self._since = now, 0.0, now

    def close(self) -> None:
        pass


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
