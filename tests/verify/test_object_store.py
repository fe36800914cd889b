"""A run on an object store is verified, and mended, as one in a folder."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from upath import UPath

from lstdata.storage import place
from lstdata.verify import How, verify
from lstdata.verify.depth import QUICK, Depth
from lstdata.verify.repair import carry_out, plan_repair
from tests.verify.test_resume import Interrupting

TAR = "shards/train-000000.tar"


@pytest.fixture
def stored(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UPath:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.put(f"{built}/", "/bucket/run/", recursive=True)
    return place("memory://bucket/run")


@pytest.mark.parametrize("how", [How(), How(depth=QUICK), How(depth=Depth(samples=3))], ids=["all", "quick", "some"])
def test_it_is_verified(stored: UPath, how: How) -> None:
    assert verify(stored, how).problems == []
    path = stored / TAR
    data = bytearray(path.read_bytes())
    data[700] ^= 1
    path.write_bytes(bytes(data))
    verdict = verify(stored, how)
    assert verdict.damaged == ["train-000000"] and "sha256 or size differs" in verdict.problems[0]


def test_it_goes_on_where_it_was(stored: UPath, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        verify(stored, listener=Interrupting(2))
    assert len(list((tmp_path / "cache" / "lstdata").iterdir())) == 1
    listener = Interrupting()
    assert verify(stored, listener=listener).problems == []
    assert "has checked 2 of" in listener.notes[0] and list((tmp_path / "cache" / "lstdata").iterdir()) == []


def test_what_is_damaged_is_forgotten(stored: UPath) -> None:
    (stored / TAR).unlink()
    carry_out(stored, plan_repair(stored, verify(stored)))
    left = {path.name for path in (stored / "shards").iterdir()}
    assert not any(name.startswith("train-000000.") for name in left) and "train-000001.json" in left
