"""`lstdata status` on folders that a build has written, or was killed in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from upath import UPath

from lstdata.cli.looking import status_command
from lstdata.status import watch as watching
from lstdata.status.judging import status_of
from lstdata.status.reading import Looker
from lstdata.status.status import Status

BUILT = {"samples": 1, "rejected": 0, "seconds": 10.0, "stage_seconds": {"units": 2.0}}


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A run that was ended before its tables were written, without events."""
    copy = tmp_path / "run"
    shutil.copytree(built, copy)
    shutil.rmtree(copy / "events")
    run = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(run | {"totals": None}))
    return copy


def log(folder: Path, role: str, *events: tuple[float, str, dict[str, Any]], pid: int = 1) -> None:
    """Events whose times are seconds from now."""
    now = time.time()

    def stamp(seconds: float) -> datetime:
        return datetime.fromtimestamp(now + seconds, UTC)

    (folder / "events").mkdir(exist_ok=True)
    name = f"{stamp(events[0][0]):%Y%m%dT%H%M%S}000-my-host-{pid}-{role}.jsonl"
    lines = [{"time": stamp(at).isoformat(), "event": kind, **details} for at, kind, details in events]
    (folder / "events" / name).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"time": "20')


def run(*arguments: object) -> Result:
    return CliRunner().invoke(status_command, [str(a) for a in arguments])


def said(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "shards").glob("*.json"))


def test_a_finished_run(built: Path) -> None:
    status = said(built)
    assert status["state"] == "finished"
    assert status["shards"]["done"] == status["shards"]["planned"] == len(names(built))
    assert (status["records"]["planned"], status["records"]["written"]) == (12, 12)
    assert status["audio"]["done_seconds"] == pytest.approx(status["audio"]["planned_seconds"])
    assert {stage["name"] for stage in status["stages"]} >= {"decode", "units", "commit"}


def test_shards_are_done_that_a_build_would_keep(folder: Path) -> None:
    """By the same rule, but from `run.json` in place of the source and its models."""
    status = said(folder)
    assert (status["state"], status["shards"]["done"], status["records"]["written"]) == (
        "planned",
        len(names(folder)),
        12,
    )
    first, second = names(folder)[:2]
    (folder / "shards" / f"{first}.json").unlink()
    sidecar = folder / "shards" / f"{second}.json"
    sidecar.write_text(sidecar.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    assert said(folder)["shards"]["pending"] == 2


def test_a_build_at_work(folder: Path) -> None:
    first, second = names(folder)[:2]
    for name in (first, second):
        (folder / "shards" / f"{name}.json").unlink()
    log(folder, "driver", (-100, "started", {"workers": 2, "runner": "local"}), (-1, "alive", {}))
    at = {"shard": first, "id": "utt-003", "position": 2, "stage": "words"}
    log(folder, "worker", (-90, "shard", {"name": first, "records": 4}), (-80, "at", at), (-2, "at", at), pid=2)
    log(folder, "worker", (-3, "shard", {"name": second, "records": 4}), pid=3)
    status = said(folder)
    assert (status["state"], status["driver"]["host"], status["driver"]["pid"]) == ("running", "my-host", 1)
    assert (status["shards"]["running"], status["shards"]["stuck"], status["shards"]["pending"]) == (1, 1, 0)
    lines = run(folder).stdout.splitlines()
    assert lines[0].startswith("state") and "running · since" in lines[0]
    assert any(
        line.startswith("stuck") and f"shard {first} for" in line and "my-host:2, last heard" in line
        and "record 3 of 4 `utt-003` · stage words for" in line
        for line in lines
    )  # fmt: skip


def test_a_build_that_was_killed(folder: Path) -> None:
    name = names(folder)[0]
    (folder / "shards" / f"{name}.json").unlink()
    log(folder, "driver", (-900, "started", {"workers": 2}), (-600, "alive", {}))
    log(folder, "worker", (-800, "shard", {"name": name, "records": 4}), pid=2)
    status = said(folder)
    assert (status["state"], status["shards"]["pending"], status["shards"]["running"]) == ("interrupted", 1, 0)
    assert status["workers"][0]["shard"] == name
    assert "nobody works on it; the same command resumes" in run(folder).stdout


def test_a_folder_that_is_none_exits_2(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "lstdata", "status", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == (f"error: `{tmp_path}` is no run folder, or not planned yet: it has no plan.parquet.\n")
    assert run(tmp_path / "nothing").exit_code == 2


def test_a_plan_whose_run_json_is_still_to_come(folder: Path) -> None:
    (folder / "run.json").unlink()
    assert said(folder)["state"] == "planned"


def test_nothing_is_written(folder: Path) -> None:
    log(folder, "driver", (-100, "started", {"workers": 2}), (-1, "alive", {}))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    run(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_heavy_libraries_stay_out(folder: Path) -> None:
    heavy = ["torch", "webdataset", "ray", "lhotse", "transformers", "rich"]
    code = (
        "import sys\nfrom lstdata.cli.looking import status_command\n"
        f"status_command([{str(folder)!r}], standalone_mode=False)\n"
        f"sys.exit(' '.join(name for name in {heavy} if name in sys.modules) or None)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr


def test_a_shard_that_is_built_anew_is_read_anew(folder: Path) -> None:
    """Between two looks only what may have changed is read."""
    name = names(folder)[0]
    sidecar = folder / "shards" / f"{name}.json"
    stated = json.loads(sidecar.read_text())
    looker = Looker(UPath(folder))

    def written() -> int:
        return status_of(looker.look(time.time()), time.time()).records.written

    assert written() == 12
    letter = {"id": "a", "stage": "units", "reason": "timed_out", "message": "", "source": "", "environmental": True}
    sidecar.write_text(json.dumps(stated | {"rejected": [letter]}))
    log(folder, "driver", (-100, "started", {"workers": 2}), (-1, "built", BUILT | {"name": name}))
    assert written() == 11


def statuses(folder: Path, *times: Callable[[], None]) -> Callable[[], Status]:
    """Looks; before each but the first, something happens."""
    looker, coming = Looker(UPath(folder)), iter((lambda: None, *times))

    def look() -> Status:
        next(coming)()
        return status_of(looker.look(time.time()), time.time())

    return look


def test_watching_ends_when_nobody_works_on_it(folder: Path, capsys: pytest.CaptureFixture[str], built: Path) -> None:
    log(folder, "driver", (-100, "started", {"workers": 2}), (-1, "alive", {}))
    finish = [lambda: None, lambda: (folder / "run.json").write_text((built / "run.json").read_text())]
    watching.watch(statuses(folder, *finish), 5, as_json=True, pause=lambda seconds: None)  # type: ignore[arg-type]
    lines = [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["running", "running", "finished"]


def test_a_store_that_does_not_answer_is_asked_again(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lstdata.errors import Unavailable

    def fail() -> None:
        raise Unavailable("`s3://bucket/out` cannot be reached")

    pauses: list[float] = []
    running = iter([fail, lambda: None])
    looker = Looker(UPath(built))

    def look() -> Status:
        next(running)()
        return status_of(looker.look(time.time()), time.time())

    watching.watch(look, 5, as_json=False, pause=pauses.append)
    captured = capsys.readouterr()
    assert captured.err == "`s3://bucket/out` cannot be reached; trying again\n"
    assert "finished" in captured.out
    assert len(pauses) == 1


def test_the_live_view_has_a_line_for_everything(folder: Path) -> None:
    from rich.console import Console

    name = names(folder)[0]
    (folder / "shards" / f"{name}.json").unlink()
    log(folder, "driver", (-100, "started", {"workers": 30}), (-1, "alive", {}))
    for number in range(30):
        log(folder, "worker", (-5, "shard", {"name": f"train-1{number:05d}"}), pid=10 + number)
    status = status_of(Looker(UPath(folder)).look(time.time()), time.time())
    console = Console(width=200, height=24, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(watching.view_of(status, 24))
    lines = console.export_text().splitlines()
    assert [line.split()[0] for line in lines[2:]][:4] == ["state", "driver", "shards", "audio"]
    assert len(lines) <= 24
    assert any("and 20 more" in line for line in lines)


def test_ctrl_c_leaves_quietly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(folder, "driver", (-100, "started", {"workers": 2}), (-1, "alive", {}))

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    result = run(folder, "--watch", "0.5")
    assert (result.exit_code, result.exception) == (0, None)
    assert result.stdout.startswith("state")
