"""Rows that processes make ahead."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstdata.config import InterleaveConfig, PatchingConfig, load, to_dict
from lstdata.errors import ConfigError, CorruptShard, LstDataError
from lstdata.loader.feed import Feed
from lstdata.loader.frames import Frame, read_frame, write_error, write_frame
from lstdata.loader.mixture import Mixture, merged_mixtures
from lstdata.loader.rows import LaneState
from lstdata.loader.spec import MixtureSpec, SourceSpec
from lstdata.packing import Row
from tests.loader.test_rows import same

PER_STEP = 6


@pytest.fixture
def spec(built: Path) -> MixtureSpec:
    """The same speech twice, drawn in two ways."""
    sources = [
        SourceSpec(
            name=strategy,
            path=str(built),
            share=share,
            tokens_per_row=100,
            interleave=load(InterleaveConfig, None, [f"strategy={strategy}", "text_words=[3, 9]"]),
            patching=PatchingConfig(strategy="curriculum", boundary_noise_ms=40),
        )
        for strategy, share in (("lst", 1), ("speech", 2))
    ]
    return MixtureSpec(
        sources=tuple(sources), positions=64, tokens=128, per_step=PER_STEP, rows=10 * PER_STEP, lanes=4, seed=0
    )


def own(mixture: Mixture, step: int, rank: int = 0, world: int = 1) -> list[Row]:
    return [mixture.row(number) for number in mixture.rows_of_step(step, rank, world)]


def equal(ours: list[Row], theirs: list[Row]) -> bool:
    return all(same(a, b) and a.continued == b.continued for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("world", "workers"), [(1, 3), (2, 2)])
def test_rows_and_state_are_those_of_one_process_also_after_a_resume(
    spec: MixtureSpec, world: int, workers: int
) -> None:
    states = []
    for rank in range(world):
        expected, mixture = spec.open(), spec.open()
        feed = Feed(spec, mixture, rank=rank, world=world, workers=workers)
        for step in range(3):
            assert equal(feed.rows(step), own(expected, step, rank, world))
            assert mixture.state() == expected.state()
        feed.close()
        assert equal(feed.rows(3), own(expected, 3, rank, world))
        feed.close()
        states.append(mixture.state())
    straight, resumed = spec.open(), spec.open()
    resumed.restore(json.loads(json.dumps(merged_mixtures(states))))
    feed = Feed(spec, resumed, workers=1)
    assert equal(feed.rows(4), own(straight, 4))
    feed.close()


def processes(feed: Feed) -> list[subprocess.Popen[bytes]]:
    return list(feed._running.values())


def test_closing_ends_every_process(spec: MixtureSpec) -> None:
    feed = Feed(spec, spec.open(), workers=2)
    feed.rows(0)
    begun = processes(feed)
    feed.close()
    assert [process.returncode for process in begun] == [0, 0]
    feed.close()


def test_a_damaged_shard_is_said_as_itself(spec: MixtureSpec, built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "run")
    for shard in (tmp_path / "run" / "shards").glob("*.tar"):
        data = bytearray(shard.read_bytes())
        data[700::1024] = bytes(len(data[700::1024]))
        shard.write_bytes(data)
    spec = replace(spec, sources=(replace(spec.sources[0], path=str(tmp_path / "run")),))
    feed = Feed(spec, spec.open(), workers=2)
    with pytest.raises(CorruptShard, match="is damaged"):
        feed.rows(0)
    assert not processes(feed)


def test_what_a_process_cannot_open_is_said_as_itself(spec: MixtureSpec, tmp_path: Path) -> None:
    moved = replace(spec, sources=tuple(replace(source, path=str(tmp_path)) for source in spec.sources))
    with pytest.raises(ConfigError, match="must be a finished run folder"):
        Feed(moved, spec.open(), workers=1).rows(0)


def test_a_process_that_is_killed_is_said_and_ends_the_others(spec: MixtureSpec) -> None:
    feed = Feed(spec, spec.open(), workers=2)
    feed.rows(0)
    killed, other = processes(feed)
    killed.kill()
    with pytest.raises(LstDataError, match=r"`rows\.workers`.* killed by SIGKILL \(out of memory\?\)"):
        for step in count(1):
            feed.rows(step)
    assert other.returncode == 0


PROGRAM = """
import json, os, signal, sys
from lstdata.loader.feed import Feed
from lstdata.loader.spec import MixtureSpec
from lstdata.options import from_dict
spec = from_dict(MixtureSpec, json.loads(sys.argv[1]))
feed = Feed(spec, spec.open(), workers=2)
feed.rows(0)
assert "torch" not in sys.modules
"""


def run(spec: MixtureSpec, body: str) -> subprocess.CompletedProcess[str]:
    """In a session of its own; returns once nobody holds its standard error, so once all that it started has ended."""
    command = [sys.executable, "-c", PROGRAM + body, json.dumps(to_dict(spec))]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, start_new_session=True, timeout=120)


@pytest.mark.parametrize(("body", "code"), [("os.kill(os.getpid(), 9)", -signal.SIGKILL), ("os._exit(3)", 3), ("", 0)])
def test_processes_end_with_the_one_that_they_feed(spec: MixtureSpec, body: str, code: int) -> None:
    ended = run(spec, body)
    assert (ended.returncode, ended.stderr) == (code, "")


def test_an_interrupt_is_for_the_one_that_they_feed(spec: MixtureSpec) -> None:
    ended = run(spec, "for step in range(1, 10**9):\n    feed.rows(step)\n    os.killpg(0, signal.SIGINT)")
    assert ended.stderr.count("Traceback") == 1
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")


def row(tokens: int = 5, late: bool = False) -> Frame:
    values = np.arange(tokens, dtype=np.int32)
    read_late = values[:3] % 2 == 1 if late else None
    return Frame(7, Row(values, values[:3], values[:2], 1, read_late), LaneState(4, 1, 2, ((0, 3, 2, 1),)))


@pytest.mark.parametrize(("tokens", "late"), [(0, False), (5, False), (5, True)])
def test_a_row_comes_back_and_a_part_of_one_is_none(tokens: int, late: bool) -> None:
    file = io.BytesIO()
    write_frame(file, row(tokens, late))
    back = read_frame(io.BytesIO(file.getvalue()))
    assert back is not None and same(back.row, row(tokens, late).row) and back.row.continued == 1
    assert (back.number, back.state) == (7, row().state)
    for end in range(len(file.getvalue())):
        assert read_frame(io.BytesIO(file.getvalue()[:end])) is None


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ConfigError("`a` is 1.", "`b` is 2."), ConfigError, "`b` is 2"),
        (LstDataError("no"), LstDataError, "no"),
        (ValueError("odd"), RuntimeError, "where it was"),
    ],
)
def test_an_error_takes_the_place_of_a_row(error: Exception, kind: Any, message: str) -> None:
    file = io.BytesIO()
    write_error(file, error, "where it was")
    with pytest.raises(kind, match=message):
        read_frame(io.BytesIO(file.getvalue()))
    assert read_frame(io.BytesIO(file.getvalue()[:-1])) is None
