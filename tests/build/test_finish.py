"""The end of a build: the tables take only what is of this run; `run.json` says what everything is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lstdata.build.finish import SEALED, finish, read_sidecar, seal, sealed, shard_fingerprint, total
from lstdata.build.plan_table import PlannedShard, read_plan
from lstdata.build.spec import BuildSpec, stage_fingerprints
from lstdata.config import BuildConfig, load
from lstdata.errors import CorruptShard, IncompleteBuild
from lstdata.records import DeadLetter
from lstdata.storage import commit_json, read_json, sha256_file
from lstdata.verify import verify


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(built, tmp_path / "run"))


def test_a_shard_of_another_run_is_refused(run: Path) -> None:
    stages = {k: v for k, v in read_json(run / "run.json")["fingerprints"].items() if k != "source"}
    plan = read_plan(run / "plan.parquet")

    def expected(shard: PlannedShard) -> str:
        return shard_fingerprint(shard.fingerprint, stages)

    index = sha256_file(run / "index.parquet")
    assert finish(plan, run, expected).written == 12 and sha256_file(run / "index.parquet") == index
    path = run / "shards/train-000001.json"
    commit_json(path, read_json(path) | {"fingerprint": "0" * 16})
    with pytest.raises(CorruptShard, match="train-000001 is not of this run: its fingerprint is 0000000000000000"):
        finish(plan, run, expected)


@pytest.mark.parametrize("name", ["train-000001.tar", "train-000001.parquet"])
def test_a_sidecar_of_another_writer_than_its_files_does_not_pass(run: Path, name: str) -> None:
    """Removed, so that the next run builds the shard; nothing else is touched."""
    stages = {k: v for k, v in read_json(run / "run.json")["fingerprints"].items() if k != "source"}
    path, index = run / "shards" / name, sha256_file(run / "index.parquet")
    path.write_bytes((run / "shards" / name.replace("000001", "000000")).read_bytes() + b"x")
    with pytest.raises(IncompleteBuild, match=r"rows of shard train-000001 are not those of its sidecar: run"):
        finish(read_plan(run / "plan.parquet"), run, lambda shard: shard_fingerprint(shard.fingerprint, stages))
    assert not (run / "shards/train-000001.json").exists() and (run / "shards/train-000000.json").exists()
    assert sha256_file(run / "index.parquet") == index


def test_what_a_dead_worker_left_is_gone_in_the_end(run: Path) -> None:
    stages = {k: v for k, v in read_json(run / "run.json")["fingerprints"].items() if k != "source"}
    left = run / "shards/train-000001.json.tmp-123-0a1b2c3d"
    left.write_text("{")
    assert verify(run).problems == [f"`shards/{left.name}` is what a killed writer left."]
    finish(read_plan(run / "plan.parquet"), run, lambda shard: shard_fingerprint(shard.fingerprint, stages))
    assert not left.exists()


def test_the_fingerprint_of_a_shard_is_the_same_to_builder_and_checker(tmp_path: Path) -> None:
    stages = {"plan": "a", "units": "b"}
    spec = BuildSpec("source", tmp_path, BuildConfig(), "class", "class", tuple(stages.items()))
    assert spec.shard_fingerprint("records") == shard_fingerprint("records", stages)
    assert shard_fingerprint("records", stages | {"units": "c"}) != shard_fingerprint("records", stages)
    assert shard_fingerprint("others", stages) != shard_fingerprint("records", stages)


def letters(**reasons: int) -> list[DeadLetter]:
    return [DeadLetter(f"{r}-{i}", "any", r, "", "") for r, number in reasons.items() for i in range(number)]


def test_what_filters_leave_out_is_rejected_but_no_failure() -> None:
    sidecar = {"samples": 5, "seconds": 1800.0, "header_mismatches": 2, "units": 45_000, "words": 40}
    sidecar |= {"text_bytes": 0, "text_tokens": 0}
    totals = total(10, [sidecar], letters(filtered_min_snr_db=3, undecodable=1, unexpected_error=1))
    assert (totals.planned, totals.written, totals.rejected, totals.filtered) == (10, 5, 5, 3)
    assert (totals.failed, totals.wanted, totals.reject_rate) == (2, 7, 2 / 7)
    assert totals.header_mismatches == 2
    assert totals.describe() == (
        "5 of 10 records written (0.50 h, 45000 units, 1 shards), 3 left out by filters (filtered_min_snr_db 3), "
        "2 rejected (undecodable 1, unexpected_error 1)"
    )


def test_a_run_of_which_filters_leave_nothing_has_no_reject_rate() -> None:
    totals = total(3, [], letters(filtered_languages=3))
    assert (totals.wanted, totals.reject_rate) == (0, 0.0)
    assert totals.describe().endswith("3 left out by filters (filtered_languages 3), 0 rejected")


def test_another_filter_is_another_stage() -> None:
    plain, strict = (load(BuildConfig, None, sets) for sets in ([], ["filter.min_seconds=1"]))
    before, after = (stage_fingerprints(config, "c", "t", None, None) for config in (plain, strict))
    assert {name for name in before if before[name] != after[name]} == {"filter"}


@pytest.mark.parametrize("text", ["", "[]", "{}", "7"])
def test_what_is_no_sidecar_is_named(run: Path, text: str) -> None:
    (run / "shards/train-000000.json").write_text(text)
    with pytest.raises(CorruptShard, match=r"train-000000\.json"):
        read_sidecar(run, "train-000000")


def test_a_sealed_run_states_its_files_and_itself(run: Path) -> None:
    stated = sealed(run, read_json(run / "run.json"))
    assert stated["sha256"] == {name: sha256_file(run / name) for name in SEALED if name != "segments.parquet"}
    assert stated["seal"] == seal(stated) == seal({k: v for k, v in stated.items() if k != "seal"})
    assert sealed(run, stated) == stated
    assert seal(stated | {"totals": None}) != stated["seal"]
