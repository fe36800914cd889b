"""What a build shows while it runs: a live line on a terminal, plain lines elsewhere, nothing under `--json`."""

from __future__ import annotations

import sys
import time
from typing import Any

from lstdata.build.plan_table import PlannedShard


class BuildProgress:
    """Audio-hours per second, ETA and rejects; satisfies `lstdata.build.Listener`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._bar: Any = None
        self._task: Any = None
        self._shards = self._done = self._samples = self._rejected = 0
        self._left = self._built_seconds = 0.0
        self._began = self._said = time.monotonic()

    def note(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def building(self, shards: int, done: int, seconds: float) -> None:
        self._shards, self._done, self._left = shards, done, seconds
        self._began = self._said = time.monotonic()
        if done:
            self.note(f"resuming: {done} of {shards} shards are complete")
        if self._live and seconds:
            self._start_bar(seconds)

    def built(self, shard: PlannedShard, samples: int, rejected: int) -> None:
        self._done += 1
        self._samples += samples
        self._rejected += rejected
        self._left -= shard.seconds
        self._built_seconds += shard.seconds
        if self._bar is not None:
            self._bar.update(self._task, advance=shard.seconds, status=self._status())
        elif not self._quiet and (time.monotonic() - self._said > 10 or self._done == self._shards):
            self._said = time.monotonic()
            self.note(self._status())

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _status(self) -> str:
        rate = self._built_seconds / max(time.monotonic() - self._began, 1e-3)
        eta = self._left / rate if rate else 0.0
        return (
            f"shards {self._done}/{self._shards} · {rate / 3600:.3f} audio-hours/s ({rate:.0f}× real time) · "
            f"ETA {_clock(eta)} · {self._rejected} rejected"
        )

    def _start_bar(self, seconds: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(bar_width=24), TextColumn("{task.fields[status]}"))
        self._bar = Progress(*columns, console=Console(stderr=True), transient=False)
        self._task = self._bar.add_task("build", total=seconds, status=f"shards {self._done}/{self._shards}")
        self._bar.start()


class CountProgress:
    """One kind of thing, counted: a live line on a terminal, a plain line every ten seconds elsewhere."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what, self._quiet = what, quiet
        self._live = sys.stderr.isatty()
        self._said = time.monotonic()

    def note(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def update(self, done: int, total: int) -> None:
        if self._quiet:
            return
        if self._live:
            print(f"\r{self._what} {done}/{total} ", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            print(f"{self._what} {done}/{total}", file=sys.stderr, flush=True)

    def __enter__(self) -> CountProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live and not self._quiet:
            print(file=sys.stderr)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(max(seconds, 0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
