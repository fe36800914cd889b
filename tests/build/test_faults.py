"""Faults of the world: counted in a row, judged as a rate, and what builds make of them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from lstdata.build.budget import LEAST_JUDGED, RejectBudget
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, Unavailable
from lstdata.storage import read_json
from lstdata.verify import verify
from lstdata.workers.faults import MOST_FAULTS, successes
from lstdata.workers.local import how_it_ended
from tests.build.misbehaving import misbehave
from tests.conftest import OPTIONS, build, write_cuts

DOWN = Unavailable("the mount is gone")


def test_faults_are_kept_apart_and_a_success_in_between_counts_anew() -> None:
    faults: list[LstDataError] = []
    results = [(0, "a"), *((n, DOWN) for n in range(MOST_FAULTS - 1)), (1, "b"), (2, DOWN), (3, "c")]
    assert list(successes(results, faults)) == [(0, "a"), (1, "b"), (3, "c")]
    assert faults == [DOWN] * MOST_FAULTS


def test_too_many_in_a_row_end_it() -> None:
    faults: list[LstDataError] = []
    results = iter([(n, DOWN) for n in range(MOST_FAULTS)] + [(99, "never asked for")])
    assert list(successes(results, faults)) == []
    assert len(faults) == MOST_FAULTS and next(results) == (99, "never asked for")


def test_the_users_fault_is_raised_at_once() -> None:
    with pytest.raises(ConfigError, match="another machine"):
        list(successes([(0, ConfigError("another machine")), (1, "a")], []))


def test_a_death_says_how() -> None:
    assert how_it_ended(-signal.SIGKILL) == "killed by SIGKILL (out of memory?)"
    assert how_it_ended(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert how_it_ended(3) == "exit code 3, see its standard error"


def test_nothing_is_judged_by_few_records_and_filters_are_not_judged() -> None:
    budget, out = RejectBudget(0.05), UPath("out")
    budget.add(LEAST_JUDGED - 1, {"undecodable": 50})
    assert budget.breach(out) is None
    budget.add(500, {"filtered_min_seconds": 499})
    line = budget.breach(out)
    assert line is not None and line.startswith("50.0% of the first 100 records failed (undecodable 50), more than")


def test_the_limit_itself_is_allowed_and_the_top_reasons_are_named() -> None:
    budget, out = RejectBudget(0.05), UPath("out")
    budget.add(100, {"a": 2, "b": 3})
    assert budget.breach(out) is None
    budget.add(100, {"c": 4, "d": 1, "e": 1})
    line = budget.breach(out)
    assert line is not None and "5.5% of the first 200 records failed (c 4, b 3, a 2), more than" in line
    assert "5.0%" in line and "`--max-reject-rate`" in line and f"`lstdata retry {out}`" in line


def sidecars(out: Path) -> dict[str, Any]:
    return {path.stem: read_json(path) for path in sorted((out / "shards").glob("*.json"))}


def changed(out: Path, built: Path) -> list[str]:
    """Shards of other bytes than those of an undisturbed build."""
    mine, theirs = sidecars(out), sidecars(built)
    assert mine.keys() == theirs.keys()
    return [name for name in mine if mine[name]["sha256"] != theirs[name]["sha256"]]


def events(out: Path, role: str) -> list[dict[str, Any]]:
    lines = (line for path in sorted((out / "events").glob(f"*{role}*")) for line in path.read_text().splitlines())
    return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_a_record_that_kills_its_worker_is_left_out_and_tried_first_next_time(
    cuts: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    misbehave(monkeypatch, {"utt-005": "kill"}, tmp_path)
    totals = build(cuts, out)
    assert (totals.written, totals.reasons, totals.environmental) == (11, {"worker_died": 1}, 1)
    [shard] = changed(out, built)
    [letter] = sidecars(out)[shard]["rejected"]
    assert (letter["id"], letter["stage"], letter["environmental"]) == ("utt-005", "build", True)
    assert letter["message"] == "its worker died twice: killed by SIGKILL (out of memory?)"
    assert verify(UPath(out)).environmental == 1 and verify(UPath(out)).problems == []
    kinds = [event["event"] for event in events(out, "driver")]
    assert kinds[:2] == ["freezing", "started"] and kinds[-1] == "ended"
    assert {"died", "probing", "poisoned", "built"} <= set(kinds)

    before = (out / "shards" / f"{shard}.json").stat()
    assert build(cuts, out).environmental == 1
    assert (out / "shards" / f"{shard}.json").stat() == before, "not built anew while its record still kills"
    misbehave(monkeypatch, {}, tmp_path)
    assert build(cuts, out).written == 12
    assert changed(out, built) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "stage", "reason"),
    [
        ("hang", "decode", "timed_out"),
        ("hang in C", "build", "worker_died"),
        ("eat", "decode", "out_of_memory"),
        ("bug", "decode", "unexpected_error"),
    ],
)
def test_a_record_that_hangs_or_eats_all_memory_is_left_out(
    fault: str,
    stage: str,
    reason: str,
    cuts: Path,
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    misbehave(monkeypatch, {"utt-005": fault}, tmp_path)
    totals = build(cuts, tmp_path / "out", "run.record_timeout=3")
    assert (totals.written, totals.reasons, totals.environmental) == (11, {reason: 1}, 1)
    [shard] = changed(tmp_path / "out", built)
    [letter] = sidecars(tmp_path / "out")[shard]["rejected"]
    assert (letter["id"], letter["stage"]) == ("utt-005", stage)
    said = {event["event"] for event in events(tmp_path / "out", "worker")}
    assert {"shard", "done"} <= said and (reason in said) == (reason in ("timed_out", "out_of_memory"))


def test_what_happens_once_leaves_no_trace(
    cuts: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehave(monkeypatch, {"utt-003": "kill once", "utt-005": "eat once", "utt-008": "disk once"}, tmp_path)
    totals = build(cuts, tmp_path / "out")
    assert (totals.written, totals.rejected) == (12, 0)
    assert changed(tmp_path / "out", built) == []


def test_many_faults_in_a_row_end_a_build_and_it_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, out = write_cuts(tmp_path / "corpus", 6), tmp_path / "out"
    monkeypatch.setattr("lstdata.build.rounds.MOST_FAULTS", 2)
    misbehave(monkeypatch, {f"utt-{n:03d}": "disk" for n in range(6)}, tmp_path)
    with pytest.raises(IncompleteBuild, match=r"2 shards in a row could not be built.*No space left on device"):
        build(corpus, out, "plan.shard_seconds=5")
    kinds = [event["event"] for event in events(out, "driver")]
    assert kinds.count("failed") == 2 and "stopped" in kinds and kinds[-1] == "ended"
    misbehave(monkeypatch, {}, tmp_path)
    assert build(corpus, out, "plan.shard_seconds=5").written == 6


def test_too_many_rejects_stop_a_build_early_and_a_higher_limit_lets_it_go_on(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.build.budget.LEAST_JUDGED", 3)
    misbehave(monkeypatch, {f"utt-{n:03d}": "bug" for n in range(12)}, tmp_path)
    with pytest.raises(IncompleteBuild, match=r"100\.0% of the first \d records failed \(unexpected_error \d\)"):
        build(cuts, tmp_path / "out")
    finished = set(sidecars(tmp_path / "out"))
    assert 0 < len(finished) < 6
    totals = build(cuts, tmp_path / "out", "run.max_reject_rate=1")
    assert totals.reasons == {"unexpected_error": 12} and finished < set(sidecars(tmp_path / "out"))


FULL_DISK = """
import resource
from lstdata.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
main()
"""


def test_a_full_disk_leaves_shards_pending(cuts: Path, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(cuts, out)
    for path in (out / "shards").glob("*.json"):
        path.unlink()
    options = [part for option in OPTIONS for part in ("--set", option)]
    command = [sys.executable, "-c", FULL_DISK, "build-shards", str(cuts), str(out), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "stay pending; run again to resume" in ended.stderr and "File too large" in ended.stderr
    assert not list((out / "shards").glob("*.tmp-*"))
    build(cuts, out)
    assert changed(out, built) == []


def test_recordings_whose_disk_was_away_are_built_when_it_is_back(cuts: Path, built: Path, tmp_path: Path) -> None:
    """A disk that is mounted below the source's root leaves an empty folder, or none."""
    source, out = Path(shutil.copytree(cuts, tmp_path / "corpus")), tmp_path / "out"
    build(source, out)
    for path in (out / "shards").glob("*.json"):
        path.unlink()
    (source / "audio").rename(tmp_path / "disk")
    totals = build(source, out)
    assert totals.reasons == {"missing_audio": 12} and totals.environmental == 12
    verdict = verify(out)
    assert (verdict.problems, verdict.environmental) == ([], 12)
    (source / "audio").mkdir()
    assert build(source, out).environmental == 12
    (source / "audio").rmdir()
    (tmp_path / "disk").rename(source / "audio")
    assert build(source, out).rejected == 0
    assert changed(out, built) == []


def test_an_output_that_became_read_only_leaves_shards_pending(cuts: Path, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(cuts, out)
    shards = out / "shards"
    (shards / "train-000000.json").unlink()
    steps = [["--bind", shards, shards], ["-o", "remount,ro,bind", shards]]
    if any(subprocess.run(["mount", *step], capture_output=True).returncode for step in steps):
        subprocess.run(["umount", shards], capture_output=True)
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(IncompleteBuild, match=r"1 of 1 shards stay pending.*Read-only file system"):
            build(cuts, out)
    finally:
        subprocess.run(["umount", shards], check=True)
    build(cuts, out)
    assert changed(out, built) == []
