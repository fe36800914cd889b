"""A corpus on an object store, built to an object store: the bytes that a build here has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.conftest import Bucket, Told

OPTIONS = ("--set", "plan.shard_seconds=15", "--set", "tokenizer.vocab_size=300")

pytestmark = pytest.mark.slow


def test_a_build_on_a_store_has_the_bytes_of_a_local_one(
    bucket: Bucket, built: Path, cuts: Path, lstdata: Callable[..., Told]
) -> None:
    source, out = bucket.upload(cuts, "corpus"), f"{bucket.url}/out"
    told = lstdata("build-shards", source, out, *OPTIONS, "--workers", "2")
    assert told.code == 0, told.err
    files = bucket.files("out")
    names = [f"shards/{path.name}" for path in sorted((built / "shards").iterdir())]
    names += ["plan.parquet", "index.parquet", "shards.parquet", "rejects.parquet", "vocab.json", "tokenizer.json"]
    names += ["codebook.npz", "codebook.json"]
    assert {name: files[name] for name in names} == {name: (built / name).read_bytes() for name in names}
    assert {name.split("/")[0] for name in files} == {name.split("/")[0] for name in names} | {
        "run.json",
        "report.html",
        "events",
    }
