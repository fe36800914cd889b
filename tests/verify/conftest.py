"""Runs to damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import build, write_cuts


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy of a run of a few shards."""
    return Path(shutil.copytree(built, tmp_path / "run"))


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, `one` and `two`, of the same four utterances: their shards differ in what was drawn alone."""
    folder = tmp_path_factory.mktemp("few")
    corpus = write_cuts(folder / "corpus", 4)
    build(corpus, folder / "one")
    build(corpus, folder / "two", "interleave.seed=1")
    return folder


@pytest.fixture
def small(few: Path, tmp_path: Path) -> Path:
    """A copy of a run of one shard, to damage often."""
    return Path(shutil.copytree(few / "one", tmp_path / "run"))
