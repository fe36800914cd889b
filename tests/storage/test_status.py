"""`lstdata status` of a run folder on an object store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.storage.conftest import Bucket, Told

Run = Callable[..., Told]


def steady(told: Told) -> dict[str, Any]:
    """All that does not depend on when and where it was asked."""
    said = json.loads(told.out)
    assert told.code == 0, told.err
    return {name: said[name] for name in ("state", "message", "shards", "audio", "records", "stages", "incidents")}


@pytest.mark.parametrize("finished", [True, False])
def test_a_store_says_what_a_folder_says(
    bucket: Bucket, built: Path, lstdata: Run, tmp_path: Path, finished: bool
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(built, folder)
    if not finished:
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(run | {"totals": None}))
        next((folder / "shards").glob("*.json")).unlink()
    url = bucket.upload(folder, "out")
    said = steady(lstdata("status", url, "--json"))
    assert said == steady(lstdata("status", folder, "--json"))
    assert (said["state"], said["shards"]["pending"]) == (("finished", 0) if finished else ("planned", 1))


def test_where_there_is_no_run_it_exits_2(bucket: Bucket, lstdata: Run) -> None:
    told = lstdata("status", f"{bucket.url}/nothing")
    assert (told.code, told.errors) == (
        2,
        [f"error: `{bucket.url}/nothing` is no run folder, or not planned yet: it has no plan.parquet."],
    )
