"""What a build shows while it runs: a live view on a terminal, plain lines elsewhere, nothing under `--json`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lstdata.build.plan_table import PlannedShard
from lstdata.filters import REASONS as FILTER_REASONS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live


class BuildProgress:
    """How far a build is, how fast, and what goes wrong; satisfies `lstdata.build.Listener`."""

    def __init__(self, *, quiet: bool = False, workers: int | None = None) -> None:
        self._quiet, self._workers = quiet, workers
        self._live: Live | None = None
        self._shards = self._done = self._records = 0
        self._total = self._built = 0.0
        """Seconds of audio, or bytes of text, that were left at the start, and those of them that are built."""
        self._is_text = False
        self._reasons: Counter[str] = Counter()
        self._faults: list[str] = []
        self._began = self._said = self._heard = time.monotonic()

    def note(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def fault(self, line: str) -> None:
        self._faults.append(line)
        self.note(f"fault: {line}")

    def building(self, shards: int, done: int, size: float, *, is_text: bool = False) -> None:
        self._shards, self._done, self._total, self._is_text = shards, done, size, is_text
        self._began = self._said = self._heard = time.monotonic()
        if done:
            self.note(f"resuming: {done} of {shards} shards are complete")
        if not self._quiet and size and sys.stderr.isatty():
            self._start()

    def built(self, shard: PlannedShard, samples: int, reasons: Mapping[str, int]) -> None:
        self._done += 1
        self._records += samples + sum(reasons.values())
        self._reasons.update(reasons)
        self._built += shard.size
        self._heard = time.monotonic()
        if self._live is not None:
            self._live.refresh()
        elif self._heard - self._said > 10 or self._done == self._shards:
            self._said = self._heard
            self.note(" · ".join(filter(None, self._lines())))

    def close(self) -> None:
        """Leave the last view on the terminal."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            return
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=2)
        self._live.start()

    def _view(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        how_far, *more = self._lines()
        rows = Table.grid()
        rows.add_row(ProgressBar(total=self._total, completed=self._built, width=80))
        for line in (Text(how_far), *(Text(line, style="yellow") for line in more if line)):
            rows.add_row(line)
        return rows

    def _lines(self) -> tuple[str, str, str]:
        """How far and how fast; what was rejected; the faults: the last two may be empty."""
        last = self._faults[-1] if self._faults else ""
        return self._how_far(), self._rejects(), f"faults {len(self._faults)}, the last: {last}" if last else ""

    def _how_far(self) -> str:
        rate = self._built / max(self._heard - self._began, 1e-3)
        words = [f"shards {self._done}/{self._shards}"]
        if rate:
            left = (self._total - self._built) / rate - (time.monotonic() - self._heard)
            speed = f"{rate / 3600:.3f} audio-hours/s ({rate:,.0f}× real time)"
            if self._is_text:
                speed = f"{self._records:,} documents, {self._built / 1e6:,.1f} MB of text at {rate / 1e6:,.2f} MB/s"
            words += [speed, f"ETA {_clock(left)}"]
        if self._workers:
            words.append(f"{min(self._workers, self._shards - self._done)} of {self._workers} workers busy")
        return " · ".join(words)

    def _rejects(self) -> str:
        """With the three most frequent reasons; filters apart."""
        failed = [(reason, count) for reason, count in self._reasons.most_common() if reason not in FILTER_REASONS]
        rejected = sum(count for _, count in failed)
        filtered = self._reasons.total() - rejected
        top = ", ".join([f"{reason} {count:,}" for reason, count in failed[:3]] + ["…"] * (len(failed) > 3))
        words = [f"rejected {rejected:,} of {self._records:,}: {top}"] if rejected else []
        words += [f"left out by filters {filtered:,}"] if filtered else []
        return " · ".join(words)


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
