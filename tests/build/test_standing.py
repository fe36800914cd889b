"""What a run folder holds: complete, missing or doubtful, told from one listing and the sidecars."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from lstdata.build.plan_table import PlannedShard
from lstdata.build.standing import standing
from lstdata.errors import Unavailable

SHARDS = [PlannedShard(f"train-{n:06d}", "train", n, 5, 50.0, f"print-{n}") for n in range(4)]


def letter(reason: str, *, environmental: bool = False) -> dict[str, Any]:
    where = {"id": "a", "stage": "decode", "reason": reason, "message": "m", "source": "a.wav"}
    return where | {"environmental": environmental}


def write(folder: Path, shard: PlannedShard, rejected: list[dict[str, Any]], *, tar: int = 10) -> None:
    shards = folder / "shards"
    shards.mkdir(exist_ok=True)
    (shards / f"{shard.name}.tar").write_bytes(b"x" * tar)
    (shards / f"{shard.name}.parquet").write_bytes(b"y")
    stated = {"bytes": 10, "fingerprint": f"built-{shard.fingerprint}", "rejected": rejected}
    (shards / f"{shard.name}.json").write_text(json.dumps(stated))


def names(folder: Path) -> tuple[list[str], list[str]]:
    found = standing(UPath(folder), SHARDS, lambda shard: f"built-{shard.fingerprint}")
    return [s.name for s in found.complete], [s.name for s in found.missing]


def test_an_empty_folder_lacks_all(tmp_path: Path) -> None:
    assert names(tmp_path) == ([], [s.name for s in SHARDS])


def test_complete_shards_are_told_from_those_of_other_options_or_cut_short(tmp_path: Path) -> None:
    write(tmp_path, SHARDS[0], [])
    write(tmp_path, SHARDS[1], [], tar=9)
    write(tmp_path, SHARDS[2], [])
    (tmp_path / "shards" / "train-000002.json").write_text('{"bytes": 10, "fingerprint": "other", "rejected": []}')
    write(tmp_path, SHARDS[3], [])
    (tmp_path / "shards" / "train-000003.parquet").unlink()
    assert names(tmp_path) == (["train-000000"], ["train-000001", "train-000002", "train-000003"])


@pytest.mark.parametrize("torn", ["", "{", "[1]", '{"bytes": 10}', "null"])
def test_a_sidecar_that_is_none_is_a_missing_shard(tmp_path: Path, torn: str) -> None:
    write(tmp_path, SHARDS[0], [])
    (tmp_path / "shards" / "train-000000.json").write_text(torn)
    assert names(tmp_path)[0] == []


def test_a_sidecar_that_the_disk_does_not_give_is_no_missing_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, SHARDS[0], [])

    def stale(path: object) -> Any:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "read_bytes", stale)
    with pytest.raises(Unavailable, match=r"train-000000\.json` cannot be read: Stale file handle"):
        names(tmp_path)


def test_dead_letters_are_kept_by_shard_and_filters_are_nobodys_fault(tmp_path: Path) -> None:
    write(tmp_path, SHARDS[0], [letter("undecodable"), letter("filtered_min_seconds")])
    write(tmp_path, SHARDS[1], [letter("worker_died", environmental=True), letter("undecodable")])
    write(tmp_path, SHARDS[2], [])
    found = standing(UPath(tmp_path), SHARDS, lambda shard: f"built-{shard.fingerprint}")
    assert [s.name for s in found.complete] == ["train-000000", "train-000001", "train-000002"]
    assert [(x.shard.name, len(x.environmental)) for x in found.doubtful] == [("train-000001", 1)]
    assert found.reasons() == {"undecodable": 2, "worker_died": 1}
