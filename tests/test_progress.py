"""What a person sees of a build while it runs."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from lstdata.build.plan_table import PlannedShard
from lstdata.progress import BuildProgress

SHARDS = [PlannedShard(f"train-{n:06d}", "train", n, 5, 360.0, "") for n in range(4)]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("lstdata.progress.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Terminal:
    """A terminal that is stderr once it is entered; afterwards, what it was sent is known."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        self._file = os.fdopen(slave, "w")
        self.text = ""

    def __enter__(self) -> Terminal:
        self._before, sys.stderr = sys.stderr, self._file
        return self

    def __exit__(self, *exception: object) -> None:
        sys.stderr = self._before
        self._file.flush()
        with suppress(BlockingIOError):
            while sent := os.read(self._master, 1 << 16):
                self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", sent.decode())
        self._file.close()
        os.close(self._master)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def build(progress: BuildProgress, clock: Clock) -> None:
    """Two of four shards, 4 s each, by two workers."""
    progress.building(4, 0, 1440.0)
    clock.now += 4
    progress.built(SHARDS[0], 5, {})
    clock.now += 8
    progress.built(SHARDS[1], 2, {"no_path": 1, "undecodable": 1, "filtered_min_seconds": 1})


def test_lines_come_at_most_every_ten_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = BuildProgress(workers=2)
    build(progress, clock)
    clock.now += 3
    progress.built(SHARDS[2], 5, {})
    progress.built(SHARDS[3], 5, {})
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "shards 2/4 · 0.017 audio-hours/s (60× real time) · ETA 0:12 · 2 of 2 workers busy · "
        "rejected 2 of 10: no_path 1, undecodable 1 · left out by filters 1",
        "shards 4/4 · 0.027 audio-hours/s (96× real time) · ETA 0:00 · 0 of 2 workers busy · "
        "rejected 2 of 20: no_path 1, undecodable 1 · left out by filters 1",
    ]


def test_a_terminal_shows_a_bar_and_what_goes_wrong(clock: Clock, terminal: Terminal) -> None:
    with terminal:
        progress = BuildProgress(workers=2)
        build(progress, clock)
        clock.now += 5
        progress.fault("shard train-000002: its worker was killed")
        progress.close()
    lines = terminal.text.splitlines()
    assert "fault: shard train-000002: its worker was killed" in [line.strip() for line in lines]
    assert [line.strip() for line in lines[-3:]] == [
        "shards 2/4 · 0.017 audio-hours/s (60× real time) · ETA 0:07 · 2 of 2 workers busy",
        "rejected 2 of 10: no_path 1, undecodable 1 · left out by filters 1",
        "faults 1, the last: shard train-000002: its worker was killed",
    ]
    assert set(lines[-4].strip()) <= set("━╸╺ ") and "━" in lines[-4]


def test_a_dumb_terminal_gets_lines(clock: Clock, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with terminal:
        progress = BuildProgress()
        build(progress, clock)
        progress.close()
    assert terminal.text.startswith("shards 2/4 · ")


def test_quiet_is_silent(clock: Clock, terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> None:
        progress = BuildProgress(quiet=True)
        build(progress, clock)
        progress.note("plan")
        progress.fault("a mount is gone")
        progress.close()

    act()
    with terminal:
        act()
    assert (terminal.text, capsys.readouterr().err) == ("", "")


def test_resuming_is_said(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    BuildProgress().building(10, 4, 600.0)
    assert capsys.readouterr().err == "resuming: 4 of 10 shards are complete\n"
