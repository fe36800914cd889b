"""lhotse's own recipes for published corpora: which there are, carrying one out, and what it wrote."""

from __future__ import annotations

import difflib
import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from lstdata.errors import ConfigError, DamagedSource, LstDataError
from lstdata.sources.encoding import json_lines
from lstdata.sources.manifests import manifests_in

if TYPE_CHECKING:
    import click

PIPELINES = {
    "commonvoice": "pipelines/commonvoice.yaml",
    "librilight": "pipelines/libri-light.yaml",
    "librispeech": "pipelines/librispeech.yaml",
    "ljspeech": "pipelines/ljspeech.yaml",
    "mls": "pipelines/mls.yaml",
    "peoples-speech": "pipelines/peoples-speech.yaml",
}
"""The options that suit what a recipe writes, by the recipe's name; the files are in a checkout of the project."""

_MOST_WARNINGS = 10
"""How many of a recipe's warnings are shown; a corpus may give one for each of its files."""


class RecipeStopped(LstDataError):
    """The corpus, or the network, is not what the recipe needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a recipe left in its output folder."""

    corpus: str
    out: str
    manifests: tuple[str, ...]
    """Names of the files that hold recordings or cuts."""
    recordings: int
    """Recordings, or cuts where the recipe writes those."""
    hours: float

    @property
    def next(self) -> str:
        """The command that builds from it, with the options for this corpus where the working folder has them."""
        config = PIPELINES.get(self.corpus)
        options = f" --config {config}" if config and os.path.isfile(config) else ""
        return f"lstdata build-shards {self.out} RUN{options}"

    def describe(self) -> str:
        files = "one manifest" if len(self.manifests) == 1 else f"{len(self.manifests)} manifests"
        return f"{self.corpus}: {self.recordings} recordings, {self.hours:.2f} h, in {files} in {self.out}"


def recipes() -> Mapping[str, click.Command]:
    """lhotse's `prepare` commands by name, sorted. Imports lhotse and every recipe of it: seconds."""
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    from lhotse.bin.modes import prepare

    return dict(sorted(prepare.commands.items()))


def recipe(name: str) -> click.Command:
    """Raises ConfigError, with the nearest names, for a corpus that lhotse has no recipe for."""
    known = recipes()
    if name not in known:
        near = difflib.get_close_matches(name.lower().replace("_", "-"), known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else "`lstdata prepare --list` names all."
        raise ConfigError(f"lhotse has no recipe for `{name}`. {hint}")
    return known[name]


def carry_out(corpus: str, write: Callable[[], object], out: str, warn: Callable[[str], None]) -> Prepared:
    """Let a recipe write its manifests into the folder `out`, and count them; its first warnings go to `warn`.

    Raises ConfigError where a package is missing, RecipeStopped for whatever else a recipe raises, naming the
    manifests that were complete by then: the next run of the recipe leaves them as they are.
    """
    try:
        with _warnings_to(warn):
            write()
    except Exception as error:
        if isinstance(error, ImportError) or "pip install" in str(error):
            missing = f"lhotse's recipe `{corpus}` needs a package that is missing: {_line(error)}."
            raise ConfigError(missing) from error
        raise _stopped(corpus, out, error) from error
    try:
        prepared = _look(corpus, out)
    except (ConfigError, DamagedSource) as error:
        raise RecipeStopped(f"{error} Delete it and run again: lhotse's recipes leave what is there.") from error
    if not prepared.recordings:
        raise RecipeStopped(f"lhotse's recipe `{corpus}` ended, but left no recordings or cuts in `{out}`.")
    return prepared


def _look(corpus: str, out: str) -> Prepared:
    found = manifests_in(out, os.listdir(out)) if os.path.isdir(out) else ()
    durations = {path: _durations(path) for manifest in found if (path := manifest.cuts or manifest.recordings)}
    return Prepared(
        corpus=corpus,
        out=out,
        manifests=tuple(os.path.basename(path) for path, (count, _) in durations.items() if count),
        recordings=sum(count for count, _ in durations.values()),
        hours=round(sum(seconds for _, seconds in durations.values()) / 3600, 4),
    )


def _durations(path: str) -> tuple[int, float]:
    """How many recordings or cuts a manifest holds, and their seconds."""
    count, seconds = 0, 0.0
    for _, value in json_lines(path):
        if isinstance(value, dict):
            count += 1
            duration = value.get("duration")
            seconds += duration if isinstance(duration, int | float) and math.isfinite(duration) else 0.0
    return count, seconds


def _stopped(corpus: str, out: str, error: Exception) -> RecipeStopped:
    try:
        complete = _look(corpus, out).manifests
    except (ConfigError, DamagedSource):  # damaged, as where the disk was full
        complete = ()
    before = f" Complete before that: {', '.join(complete)}." if complete else ""
    return RecipeStopped(f"lhotse's recipe `{corpus}` stopped: {_reason(error)}.{before}")


def _reason(error: Exception) -> str:
    """What is wrong, and, where the message alone would not say it, the line of the recipe that found it."""
    said = _line(error)
    if isinstance(error, URLError):
        return f"it fetches a part of the corpus itself, and could not: {said}"
    if isinstance(error, AssertionError | OSError) and said:
        return said
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}lhotse{os.sep}" in f.filename]
    if not frames:
        return f"{type(error).__name__}: {said}"
    frame = frames[-1]
    if said and frame.line and frame.line.startswith("raise "):
        return said
    place = f"{os.path.basename(frame.filename)}, line {frame.lineno}: `{frame.line}`"
    return f"{type(error).__name__}: {said} ({place})" if said else f"{type(error).__name__} ({place})"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:500]


@contextmanager
def _warnings_to(warn: Callable[[str], None]) -> Iterator[None]:
    """What is logged as a warning inside goes to `warn`: the first ones, and how many more there were."""
    handler = _First(warn)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        if handler.seen > _MOST_WARNINGS:
            warn(f"… and {handler.seen - _MOST_WARNINGS} more warnings.")


class _First(logging.Handler):
    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.seen = 0
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        self.seen += 1
        if self.seen <= _MOST_WARNINGS:
            self._warn(" ".join(record.getMessage().split()))


def absolute_paths(command: click.Command, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe's parameters, paths made absolute.

    Recipes write the paths they are given into the manifests, which are read again from other working folders.
    """
    import click

    paths = {parameter.name for parameter in command.params if isinstance(parameter.type, click.Path)}
    return {
        name: os.path.abspath(value) if name in paths and isinstance(value, str) else value
        for name, value in values.items()
    }
