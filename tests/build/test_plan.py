"""The plan: every record once, whole recordings together, splits that do not leak, the same bytes every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.build.arrange import _cut
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import (
    Plan,
    iter_rejected,
    read_shard_rows,
    sample_key,
)
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError
from lstdata.records import Audio
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.source_table import scan_fingerprint


class Rows:
    """A source of given rows; opening one is not planning's business."""

    kind = "rows"
    root = "nowhere"

    def __init__(self, rows: list[SourceRow]) -> None:
        self.rows = rows

    def scan(self) -> Iterator[SourceRow]:
        yield from self.rows

    def open(self, locator: Locator) -> Audio:
        raise AssertionError("planning must not decode")


def row(id: str, recording: str | None = None, **fields: object) -> SourceRow:
    values: dict[str, object] = {"duration": 10.0, "text": "a b"} | fields
    return SourceRow(id=id, recording=recording or id, locator=Locator(path=f"{id}.wav"), **values)  # type: ignore[arg-type]


def planned(plan: Plan, path: Path) -> dict[str, list[str]]:
    return {s.name: [r.row.id for r in read_shard_rows(path, s.number)] for s in plan.shards}


def test_everything_a_source_says_comes_back(tmp_path: Path) -> None:
    full = SourceRow(
        id="Ä/1",
        locator=Locator(path="x.flac", start=5, end=99, channel=1),
        recording="x",
        duration=1.5,
        text="hé 日本",
        words=(TimedWord("hé", 0.0, 0.5), TimedWord("日本", 0.5, 1.0)),
        speaker="s",
        language="fr",
        license="CC0",
        split="dev",
        custom={"b": [1, None], "a": "x"},
    )
    plan = make_plan(Rows([full]), PlanConfig(), tmp_path / "plan.parquet")
    (record,) = read_shard_rows(tmp_path / "plan.parquet", 0)
    assert record.row == full
    assert record.split == "dev" and plan.shards[0].name == "dev-000000"
    assert record.key == sample_key("Ä/1")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 8), st.one_of(st.none(), st.floats(0.1, 900)), st.booleans()),
        min_size=1,
        max_size=80,
    ),
    order=st.sampled_from(["block", "source", "global"]),
    size=st.integers(1, 9),
)
def test_every_row_is_in_one_shard_or_rejected(
    tmp_path: Path, rows: list[tuple[int, int, float | None, bool]], order: str, size: int
) -> None:
    source = Rows(
        [row(f"u{a}", f"r{b}", duration=c, reject=("bad_row", "x") if bad else None) for a, b, c, bad in rows]
    )
    config = PlanConfig(order=order, shard_samples=size, shard_seconds=300.0)  # type: ignore[arg-type]
    path = tmp_path / "plan.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstdata.build.spill._BATCH", 7)
        patch.setattr("lstdata.build.spill._DEALT", 2)
        plan = make_plan(source, config, path)
        before = path.read_bytes()
        assert make_plan(source, config, path) == plan and path.read_bytes() == before
    shards = planned(plan, path)
    rejected = [r.row for r in iter_rejected(path)]
    assert plan.records == len(rows) == sum(map(len, shards.values())) + len(rejected)
    assert Counter([i for ids in shards.values() for i in ids] + [r.id for r in rejected]) == Counter(
        f"u{a}" for a, *_ in rows
    )
    written = [i for ids in shards.values() for i in ids]
    assert len(set(written)) == len(written)
    assert {r.reject[0] for r in rejected if r.reject} <= {"bad_row", "duplicate_id"}


def test_the_first_usable_of_equal_ids_is_kept(tmp_path: Path) -> None:
    rows = [row("a", reject=("bad_row", "x")), row("a", text="kept"), row("a", text="late"), row("b")]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(validation=0), path)
    kept = [r.row for s in plan.shards for r in read_shard_rows(path, s.number)]
    assert sorted((r.id, r.text) for r in kept) == [("a", "kept"), ("b", "a b")]
    assert sorted(r.row.reject[0] for r in iter_rejected(path) if r.row.reject) == ["bad_row", "duplicate_id"]


def test_rows_come_in_the_plans_order_however_small_the_pieces_are(tmp_path: Path) -> None:
    rows = [row(f"u{i}", f"r{i % 11}", duration=1.0 + i % 7) for i in range(200)]
    config = PlanConfig(order="global", shard_samples=13)
    made = []
    for batch, dealt in ((4096, 256), (3, 1), (16, 5), (1, 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lstdata.build.spill._BATCH", batch)
            patch.setattr("lstdata.build.spill._DEALT", dealt)
            make_plan(Rows(rows), config, tmp_path / "plan.parquet")
        made.append((tmp_path / "plan.parquet").read_bytes())
    assert made[1:] == made[:1] * 3
    assert [p.name for p in tmp_path.iterdir()] == ["plan.parquet"]


@settings(max_examples=200, deadline=None)
@given(
    records=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40_000)), min_size=1, max_size=60),
    target=st.integers(1, 60_000),
    most=st.integers(1, 9),
)
def test_shards_are_cut_by_seconds_and_by_count(records: list[tuple[int, int]], target: int, most: int) -> None:
    """Against the rule as a loop over records; milliseconds, so that sums are exact."""
    blocks = np.sort(np.array([block for block, _ in records], np.uint64))
    lengths = [length for _, length in records]
    wanted, start, total = [], 0, 0
    for end, length in enumerate(lengths, 1):
        total += length
        edge = end == len(lengths) or blocks[end] != blocks[end - 1]
        full = total >= target or end - start >= most
        if (full and edge) or total >= 2 * target or end - start >= 2 * most or end == len(lengths):
            wanted.append(list(range(start, end)))
            start, total = end, 0
    seconds = np.array(lengths) / 1000
    found = _cut(np.arange(len(records)), seconds, blocks, target / 1000, most)
    assert [part.tolist() for part in found] == wanted


def test_both_limits_of_a_shard_come_from_the_options(tmp_path: Path) -> None:
    rows = [row(f"u{i}") for i in range(100)]
    path = tmp_path / "plan.parquet"
    by_seconds = make_plan(Rows(rows), PlanConfig(shard_seconds=95.0, validation=0), path)
    assert [s.records for s in by_seconds.shards] == [10] * 10
    by_count = make_plan(Rows(rows), PlanConfig(shard_seconds=95.0, shard_samples=7, validation=0), path)
    assert [s.records for s in by_count.shards] == [7] * 14 + [2]
    assert make_plan(Rows(rows), PlanConfig(), path).rules.target == 300.0
    hours = make_plan(Rows([row(f"u{i}", duration=3600.0) for i in range(128)]), PlanConfig(validation=0), path)
    assert hours.rules.target == 7200.0 and [s.records for s in hours.shards] == [2] * 64


def test_a_recording_stays_in_one_split_and_together(tmp_path: Path) -> None:
    rows = [row(f"u{i}", f"r{i % 40}") for i in range(400)]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(validation=0.2, shard_samples=30), path)
    split_of: dict[str, set[str]] = {}
    for shard in plan.shards:
        records = read_shard_rows(path, shard.number)
        blocks = [r.row.recording for r in records]
        assert len(set(blocks)) == sum(a != b for a, b in zip(blocks, [None, *blocks], strict=False)), shard.name
        for record in records:
            split_of.setdefault(record.row.recording, set()).add(shard.split)
    assert all(len(splits) == 1 for splits in split_of.values())
    held_out = sum(splits == {"validation"} for splits in split_of.values())
    assert 1 <= held_out <= 20


@pytest.mark.parametrize(("speakers", "apart"), [(19, False), (20, True)])
def test_twenty_speakers_are_enough_to_split_by(tmp_path: Path, speakers: int, apart: bool) -> None:
    rows = [row(f"u{i}", speaker=f"s{i % speakers}") for i in range(speakers * 20)]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(validation=0.3), path)
    splits: dict[str | None, set[str]] = {}
    for shard in plan.shards:
        for record in read_shard_rows(path, shard.number):
            splits.setdefault(record.row.speaker, set()).add(shard.split)
    assert all(len(s) == 1 for s in splits.values()) == apart


def test_two_groups_are_enough_for_a_validation_split(tmp_path: Path) -> None:
    plan = make_plan(Rows([row("a"), row("b")]), PlanConfig(), tmp_path / "plan.parquet")
    assert sorted(s.split for s in plan.shards) == ["train", "validation"]
    plan = make_plan(Rows([row("a")]), PlanConfig(), tmp_path / "plan.parquet")
    assert [s.split for s in plan.shards] == ["train"]


def held_out(rows: list[SourceRow], config: PlanConfig, path: Path) -> set[str]:
    """Ids of the `validation` split."""
    plan = make_plan(Rows(rows), config, path)
    shards = [s for s in plan.shards if s.split == "validation"]
    return {r.row.id for s in shards for r in read_shard_rows(path, s.number)}


@pytest.mark.parametrize("validation", [0.0001, 0.01, 0.1])
@pytest.mark.parametrize("seed", range(8))
def test_of_few_groups_one_with_little_audio_is_held_out(tmp_path: Path, validation: float, seed: int) -> None:
    """Whatever their hashes are: they held out the one recording of hours, or all of them."""
    rows = [row("hours", duration=36_000.0)]
    rows += [row(f"{name}{i}", name, duration=10.0 + i) for name in ("short", "longer") for i in range(3)]
    rows += [row("longer3", "longer", duration=1.0)]
    config = PlanConfig(seed=seed, validation=validation)
    found = held_out(rows, config, tmp_path / "plan.parquet")
    assert found in ({"short0", "short1", "short2"}, {"longer0", "longer1", "longer2", "longer3"})
    assert held_out(rows[::-1], config, tmp_path / "plan.parquet") == found


@pytest.mark.parametrize("seed", range(8))
def test_of_long_groups_the_shortest_is_held_out(tmp_path: Path, seed: int) -> None:
    rows = [row(name, duration=seconds) for name, seconds in (("a", 400.0), ("b", 300.0), ("c", 310.0))]
    assert held_out(rows, PlanConfig(seed=seed), tmp_path / "plan.parquet") == {"b"}


def test_of_equally_long_groups_the_hash_decides(tmp_path: Path) -> None:
    rows = [row(f"u{i}", duration=0.1 + 0.2 * (i % 2)) for i in range(6)]
    rows += [row(f"v{i}", f"u{i}", duration=0.3 - 0.2 * (i % 2)) for i in range(6)]
    found = set()
    for seed in range(12):
        config = PlanConfig(seed=seed, validation=0.0001)
        (one,) = {id[1:] for id in held_out(rows, config, tmp_path / "plan.parquet")}
        assert held_out(rows[::-1], config, tmp_path / "plan.parquet") == {f"u{one}", f"v{one}"}
        found.add(one)
    assert len(found) > 2


@pytest.mark.parametrize("seed", range(20))
def test_one_group_is_never_held_out(tmp_path: Path, seed: int) -> None:
    assert (
        held_out([row("a"), row("b", "a")], PlanConfig(seed=seed, validation=0.4), tmp_path / "plan.parquet") == set()
    )


def test_a_large_share_that_was_asked_for_is_held_out(tmp_path: Path) -> None:
    rows = [row(f"u{i}") for i in range(400)]
    assert 160 < len(held_out(rows, PlanConfig(validation=0.5), tmp_path / "plan.parquet")) < 240


def test_a_sources_own_splits_are_kept(tmp_path: Path) -> None:
    rows = [row(f"u{i}", split="validation" if i % 10 == 0 else "train") for i in range(50)]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(), path)
    found = {r.row.id: s.split for s in plan.shards for r in read_shard_rows(path, s.number)}
    assert found == {r.id: r.split for r in rows}


def test_the_order_of_a_sources_listing_does_not_matter_to_shards_by_block(tmp_path: Path) -> None:
    rows = [row(f"u{i}") for i in range(50)]
    one, two = tmp_path / "a.parquet", tmp_path / "b.parquet"
    config = PlanConfig(shard_samples=7)
    assert planned(make_plan(Rows(rows), config, one), one) == planned(make_plan(Rows(rows[::-1]), config, two), two)


def test_order_source_keeps_it(tmp_path: Path) -> None:
    rows = [row(f"u{i}") for i in range(20)]
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(rows), PlanConfig(order="source", shard_samples=6, validation=0), path)
    assert [i for ids in planned(plan, path).values() for i in ids] == [r.id for r in rows]


def test_the_seed_changes_order_and_split(tmp_path: Path) -> None:
    rows = [row(f"u{i}") for i in range(60)]
    plans = []
    for seed in (0, 1):
        path = tmp_path / f"{seed}.parquet"
        plans.append(planned(make_plan(Rows(rows), PlanConfig(seed=seed, validation=0.2), path), path))
    assert plans[0] != plans[1]


def test_a_fingerprint_notices_any_change(tmp_path: Path) -> None:
    base = [row("a"), row("b")]
    variants = [base, base[::-1], base[:1], [row("a"), row("b", text="c d")], [row("a"), row("b", duration=9.0)]]
    assert len({scan_fingerprint(rows) for rows in variants}) == len(variants)
    assert make_plan(Rows(base), PlanConfig(), tmp_path / "p").source_fingerprint == scan_fingerprint(base)


def test_an_empty_source_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no records"):
        make_plan(Rows([]), PlanConfig(), tmp_path / "plan.parquet")
    assert list(tmp_path.iterdir()) == []


def test_keys_are_what_every_reader_splits_alike() -> None:
    ids = ["Track 2.0 (Clean).mp3", "a/b/c", "Ünï", "", "-", "x" * 300, "a.b", "a-b", "日本"]
    keys = [sample_key(i) for i in ids]
    assert all(set(k) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") and 0 < len(k) < 64 for k in keys)
    assert len(set(keys)) == len(ids)
