"""`build-shards` with `segment.enabled`: segments in the run folder, and everything after them as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lstdata.build import Asked, planned
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.index import INDEX_SCHEMA, read_rejects, read_table
from lstdata.storage import read_json, sha256_file
from lstdata.verify import verify
from tests.conftest import OPTIONS, Quiet, build
from tests.segment.conftest import in_this_process, worked_off_here

SEGMENTED = [
    "plan.shard_seconds=200",
    "segment.enabled=true",
    "segment.target_seconds=10",
    "segment.max_seconds=15",
    "segment.longer_than=20",
]


def hashes(out: Path) -> dict[str, str]:
    kinds = (".tar", ".parquet", ".npz")
    return {str(p.relative_to(out)): sha256_file(p) for p in out.rglob("*") if p.suffix in kinds}


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstdata.segment.run.run_tasks", in_this_process)
        patch.setattr("lstdata.build.drive.work_off", worked_off_here)
        yield


@pytest.fixture(scope="module")
def segmented(corpus: Path) -> Path:
    """A finished run; leave it as it was."""
    out = corpus.parent / "run"
    build(corpus, out, *SEGMENTED)
    return out


def test_long_recordings_become_samples_of_their_segments(corpus: Path, segmented: Path) -> None:
    assert verify(segmented).problems == []
    run = read_json(segmented / "run.json")
    assert run["source"] == {"path": str(corpus), "kind": "table"}
    assert run["sha256"]["segments.parquet"] == sha256_file(segmented / "segments.parquet")
    samples = read_table(segmented / "index.parquet", INDEX_SCHEMA).to_pylist()
    assert len(samples) > 10 and max(row["seconds"] for row in samples) <= 15
    assert {row["id"].rpartition("-")[0] or row["id"] for row in samples} == {"talk-0", "talk-1", "talk-2", "short"}
    letters = {letter.id: (letter.reason, letter.stage) for letter in read_rejects(segmented / "rejects.parquet")}
    assert letters == {"broken": ("undecodable", "source"), "plain": ("needs_word_times", "source")}


def test_a_build_that_was_ended_after_segmenting_goes_on(corpus: Path, segmented: Path, tmp_path: Path) -> None:
    """Also with other options of what comes later: the segments are kept."""
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"units\.clusters"):
        build(corpus, out, *SEGMENTED, "units.clusters=60000", "units.fit_frames=60000")
    (out / "plan.parquet").unlink()
    (out / "run.json").unlink()
    before = (out / "segments.parquet").stat().st_mtime_ns
    build(corpus, out, *SEGMENTED)
    assert (out / "segments.parquet").stat().st_mtime_ns == before
    ours, theirs = hashes(out), hashes(segmented)
    assert {k: v for k, v in ours.items() if k != "segments.parquet"} == {
        k: v for k, v in theirs.items() if k != "segments.parquet"
    }


def test_a_finished_run_is_left_alone_and_other_options_are_refused(corpus: Path, segmented: Path) -> None:
    before, listener = hashes(segmented), Quiet()
    build(corpus, segmented, *SEGMENTED, listener=listener)
    assert listener.names == [] and hashes(segmented) == before
    with pytest.raises(ConfigError, match=r"`segment\.target_seconds` 10\.0 → 12"):
        build(corpus, segmented, *SEGMENTED, "segment.target_seconds=12")
    with pytest.raises(ConfigError, match=r"`segment\.enabled` true → false"):
        build(corpus, segmented)
    assert hashes(segmented) == before


def test_a_dry_run_tells_segments_from_recordings(corpus: Path, segmented: Path, tmp_path: Path) -> None:
    config = load(BuildConfig, None, [*OPTIONS, *SEGMENTED])
    with planned(Asked(str(corpus), tmp_path / "new", config)) as (plan, _):
        assert plan.unsegmented
    with planned(Asked(str(corpus), segmented, config)) as (plan, _):
        assert not plan.unsegmented and plan.records > 10
    assert not (tmp_path / "new").exists()
