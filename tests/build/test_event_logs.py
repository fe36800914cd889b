from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path

import pytest
from upath import UPath

from lstdata.build import events
from lstdata.build.event_logs import EventLogs, ProcessLog
from lstdata.build.events import EventLog


def read(out: UPath, role: str = "driver") -> list[ProcessLog]:
    logs = EventLogs(out)
    logs.look()
    return logs.read(role)


def kinds(out: UPath) -> list[str]:
    (log,) = read(out)
    return [event.kind for event in log.events]


@pytest.fixture
def out(tmp_path: Path) -> UPath:
    return UPath(tmp_path)


@pytest.fixture
def written(out: UPath) -> Path:
    """A driver's log of two lines."""
    with EventLog(out, "driver") as log:
        log.write("started", workers=2)
        log.write("alive")
    (path,) = (Path(out) / "events").iterdir()
    return path


def test_what_is_written_is_read(out: UPath, written: Path) -> None:
    (log,) = read(out)
    assert (log.role, log.host, log.pid) == ("driver", socket.gethostname(), os.getpid())
    assert [(event.kind, event.count("workers")) for event in log.events] == [("started", 2), ("alive", 0)]
    assert log.began <= log.events[0].time + 0.001 <= log.last + 0.001
    assert read(out, "worker") == []


def test_without_events_there_are_no_logs(out: UPath) -> None:
    assert read(out) == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"time": "2026-01-01T00:00:00+00:00", "event": "bui',
        b'{"time": "yesterday", "event": "alive"}\n',
        b'{"time": "2026-01-01T00:00:00+00:00"}\n',
        b'{"time": 7, "event": "alive"}\n',
        b'{"time": "9999-12-31T23:59:59-23:00", "event": "alive"}\n',
        b"[1]\nnull\n\n\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_torn_or_odd_line_is_passed_over(out: UPath, written: Path, line: bytes) -> None:
    with written.open("ab") as file:
        file.write(line)
    assert kinds(out) == ["started", "alive"]
    with written.open("ab") as file:
        file.write(b'\n{"time": "2026-01-01T00:00:00", "event": "ended", "failed": true, "pending": 1e999}\n')
    (log,) = read(out)
    assert log.events[-1].kind == "ended"
    assert log.last == 1_767_225_600
    assert (log.events[-1].count("failed"), log.events[-1].number("pending")) == (0, None)


def test_files_of_others_are_passed_over(out: UPath, written: Path) -> None:
    for name in ("notes.jsonl", "20260101T000000-host-7-driver.jsonl.tmp-1", "20269901T000000-host-7-driver.jsonl"):
        (written.parent / name).write_text("{}")
    assert len(read(out)) == 1


def test_a_log_that_grows_is_read_on_from_where_it_was(out: UPath, written: Path) -> None:
    logs = EventLogs(out)
    logs.look()
    before = logs.read("driver")[0].events[0]
    with written.open("ab") as file:
        file.write(b'{"time": "2026-01-01T00:00:00+00:00", "event": "en')
    logs.look()
    assert len(logs.read("driver")[0].events) == 2
    with written.open("ab") as file:
        file.write(b'ded"}\n')
    logs.look()
    after = logs.read("driver")[0].events
    assert [event.kind for event in after] == ["started", "alive", "ended"]
    assert after[0] is before


def test_logs_that_are_not_wanted_are_left_out(out: UPath, written: Path) -> None:
    logs = EventLogs(out)
    logs.look()
    assert logs.read("driver", lambda log: log.pid != os.getpid()) == []


def test_values_that_are_no_json_are_written_as_text(out: UPath) -> None:
    with EventLog(out, "driver") as log:
        log.write("failed", message="caf\udce9", path=Path("a"))
    (event,) = read(out)[0].events
    assert (event.text("message"), event.text("path")) == ("caf\\udce9", "a")
    (file,) = (Path(out) / "events").iterdir()
    assert json.loads(file.read_bytes())["message"] == "caf\udce9"


def test_lines_wait_for_a_disk_that_does_not_take_them(out: UPath) -> None:
    blocked = Path(out) / "events"
    blocked.write_text("a file where the folder belongs")
    log = EventLog(out, "driver")
    log.write("started")
    assert log.failed is not None
    blocked.unlink()
    log.write("alive")
    assert log.failed is None
    assert kinds(out) == ["started", "alive"]


def test_a_line_of_which_a_part_was_written_is_written_again(out: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(out, "driver")
    log.write("started")
    (path,) = (Path(out) / "events").iterdir()

    def full(self: EventLog) -> None:
        with path.open("ab") as file:
            file.write(b"".join(self._lines)[:20])
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(EventLog, "_append", full)
        log.write("alive")
        log.write("alive")
    log.write("ended")
    assert kinds(out) == ["started", "alive", "alive", "ended"]


def test_threads_share_a_log(out: UPath) -> None:
    with EventLog(out, "driver") as log:

        def write() -> None:
            for number in range(200):
                log.write("alive", number=number)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(kinds(out)) == 800


def test_an_object_is_put_whole_and_a_long_one_is_continued_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_OBJECT_BYTES", 1000)
    out = UPath("memory://events-of-a-build/out")
    with EventLog(out, "driver") as log:
        for number in range(40):
            log.write("alive", number=number)
            log.flush()
    assert len(list((out / "events").iterdir())) > 1
    (read_back,) = read(out)
    assert [event.count("number") for event in read_back.events] == list(range(40))
