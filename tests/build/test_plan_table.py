"""The plan's file: what its footer says, and where its rows are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lstdata.build.plan import make_plan
from lstdata.build.plan_table import iter_rejected, planned_shard, read_plan, read_shard
from lstdata.config import PlanConfig
from lstdata.errors import CorruptShard
from tests.build.test_plan import Rows, planned, row


def test_the_footer_says_what_the_rows_say(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    rows = [row(f"u{i}", duration=None if i % 3 else 2.5) for i in range(30)] + [row("x", reject=("bad_row", "x"))]
    plan = make_plan(Rows(rows), PlanConfig(shard_samples=4), path)
    assert read_plan(path) == plan
    assert tuple(planned_shard(read_shard(path, s.number), s.number) for s in plan.shards) == plan.shards
    assert sum(s.unknown_lengths for s in plan.shards) == 20 and plan.seconds == 10 * 2.5 + 20 * 10


def test_a_plan_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.parquet"
    make_plan(Rows([row("a")]), PlanConfig(), path)
    monkeypatch.setattr("lstdata.build.plan_table.VERSION", 6)
    later = Path(shutil.copy(path, tmp_path / "later.parquet"))
    with pytest.raises(CorruptShard, match="a plan of version 5, but this one reads 6"):
        read_plan(later)
    pq.write_table(pq.read_table(path).replace_schema_metadata(), path)
    with pytest.raises(CorruptShard, match="is not a plan"):
        read_plan(path)


def test_small_shards_share_a_row_group_and_none_is_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.build.plan_table.GROUP_ROWS", 10)
    rows = [row(f"u{i}") for i in range(40)] + [row(f"x{i}", reject=("bad_row", "x")) for i in range(3)]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(order="source", shard_samples=4, validation=0), path)
    assert [s.number for s in plan.shards] == list(range(10))
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)] == [12, 12, 12, 4, 3]
    assert list(planned(plan, path).values()) == [[f"u{i + n}" for n in range(4)] for i in range(0, 40, 4)]
    assert [r.row.id for r in iter_rejected(path)] == ["x0", "x1", "x2"]
