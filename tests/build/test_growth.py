"""A plan that grows: what was planned stays, nothing is lost or doubled, and no group is divided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.build.growth import grow_plan
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import Plan, iter_rejected, read_plan, read_shard
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError
from lstdata.source_row import SourceRow
from lstdata.source_table import row_fingerprint, scan_fingerprint
from lstdata.storage import sha256_file
from tests.build.test_plan import Rows, planned, row

TINY = PlanConfig(shard_samples=3, shard_seconds=60.0, validation=0.2)


def grown(rows: list[SourceRow], path: Path, config: PlanConfig = TINY) -> Plan:
    return grow_plan(Rows(rows), config, path, lambda sha256: None)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.build.spill._BATCH", 5)
    monkeypatch.setattr("lstdata.build.spill._DEALT", 1)


CORPUS = st.lists(
    st.builds(
        lambda id, recording, speaker, seconds, bad, split: row(
            f"u{id}",
            f"r{recording}",
            speaker=speaker,
            duration=seconds,
            split=split,
            reject=("bad_row", "x") if bad else None,
        ),
        st.integers(0, 40),
        st.integers(0, 12),
        st.one_of(st.none(), st.integers(0, 25).map("s{}".format)),
        st.one_of(st.none(), st.floats(0.1, 90)),
        st.integers(0, 9).map(lambda n: n == 0),
        st.sampled_from([None, None, None, "test", "train"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=CORPUS,
    more=st.lists(CORPUS, min_size=1, max_size=3),
    order=st.sampled_from(["block", "source", "global"]),
    mix=st.randoms(use_true_random=False),
)
@pytest.mark.usefixtures("small_pieces")
def test_whatever_is_added_nothing_planned_changes(tmp_path: Path, first, more, order, mix) -> None:  # type: ignore[no-untyped-def]
    config = replace(TINY, order=order)
    path = tmp_path / "plan.parquet"
    plan = make_plan(Rows(first), config, path)
    rows = list(first)
    for new in more:
        before = [read_shard(path, shard.number) for shard in plan.shards]
        held = {id for ids in planned(plan, path).values() for id in ids}
        new = [r for r in new if r.id not in held]
        rows += new
        if order != "source":
            mix.shuffle(rows)
        plan = grown(rows, path, config)
        assert [read_shard(path, shard.number) for shard in plan.shards[: len(before)]] == before
        check(plan, path, rows)


def check(plan: Plan, path: Path, rows: list[SourceRow]) -> None:
    shards = planned(plan, path)
    written = [id for ids in shards.values() for id in ids]
    assert len(shards) == len(plan.shards) and len(set(written)) == len(written)
    assert Counter([*written, *(r.row.id for r in iter_rejected(path))]) == Counter(r.id for r in rows)
    assert set(written) == {r.id for r in rows if r.reject is None}
    assert (plan.records, plan.source_fingerprint) == (len(rows), scan_fingerprint(rows))
    for split, numbers in numbered(plan).items():
        assert numbers == list(range(len(numbers))), split
    said = {row_fingerprint(r): r for r in rows}
    splits: dict[str | None, set[str]] = {}
    for shard in plan.shards:
        for r in map(said.get, read_shard(path, shard.number)["fingerprint"].to_pylist()):
            assert r is not None and r.split in (None, shard.split)
            if r.split is None:
                speaker = r.speaker if plan.rules.by_speaker else None
                splits.setdefault(speaker or r.recording, set()).add(shard.split)
    assert all(len(found) == 1 for found in splits.values()), splits


def numbered(plan: Plan) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for shard in plan.shards:
        split, _, number = shard.name.rpartition("-")
        found.setdefault(split, []).append(int(number))
    return found


@pytest.mark.parametrize("order", ["block", "global"])
def test_the_listing_of_new_records_does_not_matter(tmp_path: Path, order: str) -> None:
    config = replace(TINY, order=order)
    old = [row(f"u{i}", duration=20.0 + i) for i in range(20)]
    new = [row(f"v{i}", duration=20.0 + i) for i in range(30)]
    found = []
    for number, rows in enumerate([old + new, new[::-1] + old, old[::-1] + new]):
        path = tmp_path / f"{number}.parquet"
        make_plan(Rows(old), config, path)
        found.append(planned(grown(rows, path, config), path))
    assert found[0] == found[1] == found[2]


def test_source_order_is_kept_among_the_new(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    config = replace(TINY, order="source", validation=0)
    make_plan(Rows([row("b"), row("d")]), config, path)
    plan = grown([row(id) for id in "abcde"], path, config)
    assert planned(plan, path) == {"train-000000": ["b", "d"], "train-000001": ["a", "c", "e"]}


def test_no_group_that_is_known_is_divided_and_the_target_stays(tmp_path: Path) -> None:
    """Twenty speakers decide once: fewer at the start, and it stays by recording; a shard stays as long as it was."""
    path = tmp_path / "plan.parquet"
    config = PlanConfig(validation=0.3)
    old = [row(f"u{i}", speaker=f"s{i % 19}") for i in range(95)]
    new = [row(f"v{i}", speaker=f"s{i % 50}", duration=100.0) for i in range(900)]
    first = make_plan(Rows(old), config, path)
    plan = grown(old + new, path, config)
    assert plan.rules == first.rules and first.rules.target == 300.0 and not plan.rules.by_speaker
    assert max(s.seconds for s in plan.shards) == 300.0
    by_speaker = make_plan(Rows(old + new), config, tmp_path / "new.parquet")
    assert by_speaker.rules.by_speaker and by_speaker.rules.target > 300.0


def test_a_corpus_of_one_group_gets_its_validation_when_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    config = PlanConfig(validation=0.0001)
    make_plan(Rows([row("a", duration=300.0)]), config, path)
    plan = grown([row("a", duration=300.0), row("b", duration=900.0)], path, config)
    assert {s.split for s in plan.shards} == {"train"}, "a group that is most of the audio is not held out"
    plan = grown([row("a", duration=300.0), row("b", duration=900.0), row("c", duration=30.0)], path, config)
    assert planned(plan, path)["validation-000000"] == ["c"]


def test_what_was_rejected_and_can_be_used_now_is_new(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    make_plan(Rows([row("a"), row("b", reject=("bad_row", "x")), row("a", text="late")]), TINY, path)
    plan = grown([row("a", text="early"), row("b"), row("a"), row("c", reject=("bad_row", "y"))], path)
    assert sorted(id for ids in planned(plan, path).values() for id in ids) == ["a", "b"]
    rejected = {(r.row.id, r.row.text, r.row.reject and r.row.reject[0]) for r in iter_rejected(path)}
    assert rejected == {("a", "early", "duplicate_id"), ("c", "a b", "bad_row")}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            [row("a"), row("b", duration=4.3), row("c")],
            r"the 3 records .*, 1 changed, e\.g\. `b`: duration 10.0 → 4.3",
        ),
        ([row("a"), row("c"), row("new")], r", 1 vanished, e\.g\. `b`\. Give a new folder"),
        ([row("b", text=None), row("new")], r"1 changed, e\.g\. `b`: text a b → none; 2 vanished, e\.g\. `(a|c)`"),
        ([row("a"), row("b"), row("c", reject=("bad_row", "x"))], r"1 changed, e\.g\. `c`: now rejected as bad_row"),
        ([row("a"), row("b"), row("c", split="test")], r"1 changed, e\.g\. `c`: split \w+ → test"),
        ([], r"3 vanished"),
    ],
)
def test_a_record_that_changed_or_vanished_is_named_and_the_plan_stays(
    tmp_path: Path, now: list[SourceRow], said: str
) -> None:
    path = tmp_path / "plan.parquet"
    make_plan(Rows([row("a"), row("b"), row("c")]), TINY, path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=said):
        grown(now, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_new_sum_is_told_before_the_new_plan_is_there(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    make_plan(Rows([row("a")]), TINY, path)
    old, told = sha256_file(path), []

    def tell(sha256: str) -> None:
        told.append((sha256, sha256_file(path)))

    grow_plan(Rows([row("a"), row("b")]), TINY, path, tell)
    assert told == [(sha256_file(path), old)]

    def fail(sha256: str) -> None:
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        grow_plan(Rows([row("a"), row("b"), row("c")]), TINY, path, fail)
    assert sha256_file(path) == told[0][0] and list(tmp_path.iterdir()) == [path]
    assert read_plan(path).records == 2


def test_killed_in_two_growths_a_folder_still_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First after the new plan is there, then before the next one is: `run.json` knows the plan at every moment."""
    from lstdata.build import resume
    from tests.conftest import build, write_cuts

    corpus, out = write_cuts(tmp_path / "corpus", 3), tmp_path / "out"
    build(corpus, out)
    with monkeypatch.context() as killed:
        killed.setattr(resume, "_settle", _die)
        write_cuts(corpus, 2, first=3)
        with pytest.raises(KeyboardInterrupt):
            build(corpus, out)
    with monkeypatch.context() as killed:
        killed.setattr("lstdata.build.growth.committing", _die)
        write_cuts(corpus, 2, first=5)
        with pytest.raises(KeyboardInterrupt):
            build(corpus, out)
    assert build(corpus, out).written == 7


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
