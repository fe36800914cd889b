"""A source that goes away in the midst of a build and comes back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from lstdata.build.plan_table import PlannedShard
from tests.build.misbehaving import misbehave
from tests.build.test_faults import changed, events
from tests.conftest import Quiet, build


class Mount(Quiet):
    """Goes away when the first shard is built; comes back when the build waits for the second time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.elsewhere = folder, folder.with_name("elsewhere")
        self.waits: list[str] = []

    def built(self, shard: PlannedShard, samples: int, reasons: Mapping[str, int]) -> None:
        super().built(shard, samples, reasons)
        if not self.waits:
            self.folder.rename(self.elsewhere)

    def note(self, line: str) -> None:
        if "tried again in" in line:
            self.waits.append(line)
            if len(self.waits) == 2:
                self.elsewhere.rename(self.folder)


def test_a_source_that_is_away_for_a_while_leaves_no_trace(
    cuts: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.build.rounds.MOST_FAULTS", 2)
    monkeypatch.setattr("lstdata.build.drive._pause", lambda seconds: None)
    misbehave(monkeypatch, {}, tmp_path)  # without the pauses of its workers
    mount, out = Mount(Path(shutil.copytree(cuts, tmp_path / "corpus"))), tmp_path / "out"
    totals = build(mount.folder, out, "run.patience=300", listener=mount)
    assert (totals.written, totals.rejected) == (12, 0)
    assert changed(out, built) == []
    assert len(mount.waits) == 2 and str(mount.folder) in mount.waits[1]
    kinds = [event["event"] for event in events(out, "driver") if event["event"] != "alive"]
    assert kinds.count("waiting") == 2 and "stopped" not in kinds
    assert events(out, "driver")[-1]["failed"] == 0
