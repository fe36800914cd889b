"""Runs to reshape: of units, so that no audio is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.shards import encode_sample, iter_samples
from tests.conftest import build
from tests.sources.unit_files import interleaved, spoken, write_lines


def write_units(folder: Path, first: int, last: int) -> Path:
    """Utterances `first` to `last - 1`, and one that is a dead letter."""
    lines = [{"file_id": f"u/{n}", "interleaved": interleaved(spoken(n))} for n in range(first, last)]
    lines.append({"file_id": f"blank/{first}", "interleaved": interleaved([("a", [500, 1]), ("b", [2])])})
    write_lines(folder / "u.chunk.00.on_the_fly", lines)
    return folder


@pytest.fixture(scope="session")
def units_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 24 samples in four shards, one of validation, with a dead letter; leave it as it was."""
    folder = tmp_path_factory.mktemp("reshape")
    options = ("plan.validation=0.2", "plan.shard_samples=7", "patching.patch_size=3", "interleave.seed=5")
    build(write_units(folder / "units", 0, 24), folder / "run", *options)
    return folder / "run"


@pytest.fixture(scope="session")
def other_run(units_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another of six more samples, with the same tokenizer and options; its ids differ."""
    folder = tmp_path_factory.mktemp("other")
    tokenizer = f"tokenizer.path={units_run / 'tokenizer.json'}"
    build(write_units(folder / "u", 24, 30), folder / "more", tokenizer, "patching.patch_size=3", "interleave.seed=5")
    return folder / "more"


def stored(*runs: Path) -> dict[str, dict[str, bytes]]:
    """The members of every sample, with its key and split, by id."""
    found: dict[str, dict[str, bytes]] = {}
    for tar in (tar for run in runs for tar in sorted((run / "shards").glob("*.tar"))):
        for *_, one in iter_samples(tar.read_bytes(), str(tar)):
            assert one.sample.id not in found
            found[one.sample.id] = {"key": one.sample.key.encode(), **encode_sample(one)}
    return found


def tars(run: Path) -> dict[str, bytes]:
    return {tar.name: tar.read_bytes() for tar in (run / "shards").glob("*.tar")}
