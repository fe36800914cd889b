"""Runs on an object store divided and joined there: the samples that they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.cli.verbs import cli
from lstdata.shards import iter_samples
from lstdata.storage import place
from lstdata.verify import verify
from tests.storage.conftest import Bucket


def samples(bucket: Bucket, below: str) -> dict[str, list[int]]:
    files = bucket.files(below)
    tars = [data for name, data in files.items() if name.endswith(".tar")]
    return {one.sample.id: one.sample.units.tolist() for tar in tars for *_, one in iter_samples(tar, below)}


@pytest.mark.slow
def test_parts_of_a_run_on_a_store_are_joined_there(bucket: Bucket, built: Path) -> None:
    url = bucket.upload(built, "run")
    options = ["--no-report", "--no-verify", "--workers", "1"]
    into = ["--into", "a=1speakers", "--into", "b=rest"]
    cli(["split", url, f"{bucket.url}/parts", *into, *options], standalone_mode=False)
    parts = [samples(bucket, f"parts/{name}") for name in "ab"]
    assert parts[0] | parts[1] == samples(bucket, "run") and sum(map(len, parts)) == 12
    cli(
        ["merge", *(f"{bucket.url}/parts/{name}" for name in "ab"), f"{bucket.url}/out", *options],
        standalone_mode=False,
    )
    assert samples(bucket, "out") == samples(bucket, "run")
    assert verify(place(f"{bucket.url}/out")).problems == []
