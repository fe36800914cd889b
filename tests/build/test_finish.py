"""The end of a build: the tables take only what is of this run; `run.json` says what everything is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lstdata.build.finish import SEALED, finish, read_sidecar, seal, sealed, shard_fingerprint
from lstdata.build.plan_table import PlannedShard, read_plan
from lstdata.build.spec import BuildSpec
from lstdata.config import BuildConfig
from lstdata.errors import CorruptShard
from lstdata.storage import commit_json, read_json, sha256_file


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


def test_the_fingerprint_of_a_shard_is_the_same_to_builder_and_checker(tmp_path: Path) -> None:
    stages = {"plan": "a", "units": "b"}
    spec = BuildSpec("source", tmp_path, BuildConfig(), "class", tuple(stages.items()))
    assert spec.shard_fingerprint("records") == shard_fingerprint("records", stages)
    assert shard_fingerprint("records", stages | {"units": "c"}) != shard_fingerprint("records", stages)
    assert shard_fingerprint("others", stages) != shard_fingerprint("records", stages)


@pytest.mark.parametrize("text", ["", "[]", "{}", "7"])
def test_what_is_no_sidecar_is_named(run: Path, text: str) -> None:
    (run / "shards/train-000000.json").write_text(text)
    with pytest.raises(CorruptShard, match=r"train-000000\.json"):
        read_sidecar(run, "train-000000")


def test_a_sealed_run_states_its_files_and_itself(run: Path) -> None:
    stated = sealed(run, read_json(run / "run.json"))
    assert stated["sha256"] == {name: sha256_file(run / name) for name in SEALED}
    assert stated["seal"] == seal(stated) == seal({k: v for k, v in stated.items() if k != "seal"})
    assert sealed(run, stated) == stated
    assert seal(stated | {"totals": None}) != stated["seal"]
