"""`verify` finds what is wrong and names shard and sample."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lstdata.errors import ConfigError, IncompleteBuild, LstDataError
from lstdata.index import INDEX_SCHEMA, read_table
from lstdata.storage import commit_json, read_json
from lstdata.verify import verify

TAR = "shards/train-000000.tar"
SIDECAR = "shards/train-000000.json"


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(built, tmp_path / "run"))


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_every_flipped_byte_of_a_tar_is_found_and_its_sample_named(run: Path) -> None:
    rows = [r for r in read_table(run / "index.parquet", INDEX_SCHEMA).to_pylist() if r["shard"] == "train-000000"]
    last = rows[-1]
    for offset in (3, 130, 600, last["offset"] + 40, last["offset"] + last["bytes"] - 600):
        flip(run / TAR, offset)
        problems = " ".join(verify(run).problems)
        damaged = rows[0] if offset < rows[0]["bytes"] else last
        assert "shard train-000000" in problems and f"`{damaged['id']}`" in problems, offset
        flip(run / TAR, offset)
    assert verify(run).problems == []


def _edit_sidecar(run: Path) -> None:
    stated = read_json(run / SIDECAR)
    commit_json(run / SIDECAR, stated | {"units": stated["units"] + 1})


def _lose_a_letter(run: Path) -> None:
    stated = read_json(run / SIDECAR)
    commit_json(run / SIDECAR, stated | {"rejected": [{"id": "x"}]})


def _swap_shards(run: Path) -> None:
    one, two = run / TAR, run / "shards/train-000001.tar"
    data = one.read_bytes()
    shutil.copy(two, one)
    two.write_bytes(data)


def _cut_index(run: Path) -> None:
    pq.write_table(pq.read_table(run / "index.parquet").slice(1), run / "index.parquet")


def _another_codebook(run: Path) -> None:
    card = read_json(run / "vocab.json")
    commit_json(run / "vocab.json", card | {"codebook_sha256": "0" * 64})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / TAR).write_bytes((run / TAR).read_bytes()[:-3000]), "train-000000: the tar is not"),
        (lambda run: (run / TAR).unlink(), "train-000000"),
        (lambda run: (run / SIDECAR).unlink(), "train-000000 is not built"),
        (lambda run: (run / SIDECAR).write_text("{"), "cannot be read"),
        (lambda run: (run / "shards/train-000000.parquet").write_bytes(b"x"), "index rows"),
        (lambda run: shutil.copy(run / TAR, run / "shards/train-000099.tar"), r"train-000099\.tar` belongs to no"),
        (_edit_sidecar, "units is"),
        (_lose_a_letter, "train-000000"),
        (_swap_shards, "was not planned there"),
        (_cut_index, r"`index\.parquet` and the shards disagree"),
        (_another_codebook, r"`codebook\.npz` is not the one"),
    ],
)
def test_damage_is_named(run: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(run)
    verdict = verify(run)
    assert any(re.search(message, problem) for problem in verdict.problems), verdict.problems


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run folder"):
        verify(tmp_path)


def test_an_unfinished_run(run: Path) -> None:
    commit_json(run / "run.json", json.loads((run / "run.json").read_text()) | {"totals": None})
    with pytest.raises(IncompleteBuild, match="not finished"):
        verify(run)


@pytest.mark.parametrize("name", ["plan.parquet", "shards.parquet", "rejects.parquet", "index.parquet"])
def test_a_missing_table_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(LstDataError, match=name.replace(".", r"\.")):
        verify(run)
