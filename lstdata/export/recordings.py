"""Which file has a sample's audio, and where in it: what the plan knows, and the file's own header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lstdata import audio
from lstdata.build.plan_table import read_plan, read_shard
from lstdata.config import BuildConfig, from_dict
from lstdata.errors import LstDataError
from lstdata.export.samples import Run, Shard
from lstdata.sources import open_source
from lstdata.storage import is_url, resolve

_PLACED = ("id", "path", "start", "channel", "rate", "offset", "size", "row_group")
_REMEMBERED = 1_024
"""Headers: segments of one recording follow one another."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stretch of a file."""

    path: str
    rate: int
    channels: int
    samples: int
    """Of each channel, by the header."""
    start: float
    """Seconds."""
    channel: int | list[int]
    """One, or all that are mixed down."""

    @property
    def seconds(self) -> float:
        """Of the whole file."""
        return self.samples / self.rate

    def manifest(self, id: str) -> dict[str, Any]:
        """lhotse's of the recording."""
        channels = list(range(self.channels))
        return {
            "id": id,
            "sources": [{"type": "file", "channels": channels, "source": self.path}],
            "sampling_rate": self.rate,
            "num_samples": self.samples,
            "duration": self.seconds,
            "channel_ids": channels,
        }


class Recordings:
    """The recordings of a run's samples, as far as they are files of this machine, still there, with a length."""

    def __init__(self, run: Run) -> None:
        self._plan = run.out / "plan.parquet"
        self._numbers = {shard.name: shard.number for shard in read_plan(self._plan).shards}
        self._root = _root(run)
        self._layout = lru_cache(maxsize=_REMEMBERED)(_layout)

    def of_shard(self, shard: Shard) -> dict[str, Recorded]:
        """By the sample's id."""
        if self._root is None:
            return {}
        rows = read_shard(self._plan, self._numbers[shard.name], _PLACED).to_pylist()
        found = ((row["id"], self._recorded(self._root, row)) for row in rows)
        return {id: recorded for id, recorded in found if recorded is not None}

    def _recorded(self, root: str, row: dict[str, Any]) -> Recorded | None:
        path = resolve(root, row["path"])
        if is_url(path) or any(row[name] is not None for name in ("offset", "size", "row_group")):
            return None
        layout = self._layout(path)
        if layout is None:
            return None
        rate, channels, samples = layout
        start = (row["start"] or 0) / (row["rate"] or rate)
        if start >= samples / rate:
            return None
        mixed: int | list[int] = list(range(channels)) if channels > 1 else 0
        return Recorded(path, rate, channels, samples, start, mixed if row["channel"] is None else row["channel"])


def _root(run: Run) -> str | None:
    """The folder that relative paths of the plan are under; None where the source is gone, or has no audio here."""
    try:
        source = open_source(run.stated["source"]["path"], from_dict(BuildConfig, run.stated["config"]).source)
        return None if source.inventory() is not None or is_url(source.root) else source.root
    except LstDataError:
        return None


def _layout(path: str) -> tuple[int, int, int] | None:
    """Hertz, channels and samples of each channel by a file's header; None where it is not there, or promises none."""
    try:
        rate, channels, samples = audio.layout(path)
    except LstDataError:
        return None
    return None if samples is None else (rate, channels, samples)
