"""A verify that was interrupted goes on where it was; how it was carried out changes nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.build.arrange import Rules
from lstdata.build.plan_table import Plan, PlannedShard
from lstdata.errors import ConfigError
from lstdata.storage import commit_json, read_json
from lstdata.verify import How, each, verify
from lstdata.verify.depth import EVERYTHING, QUICK, Depth
from lstdata.verify.shard import ShardChecker, Task

TAR = "shards/train-000001.tar"


class Interrupting:
    """A listener that presses Ctrl-C after so many shards; it remembers what was said."""

    def __init__(self, after: int = -1) -> None:
        self.after, self.notes, self.updates = after, list[str](), list[tuple[int, int]]()

    def note(self, line: str) -> None:
        self.notes.append(line)

    def update(self, done: int, total: int) -> None:
        self.updates.append((done, total))
        if done == self.after:
            raise KeyboardInterrupt


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shards that were looked into, and were not as an earlier verify had found them."""
    names: list[str] = []

    class Noting(ShardChecker):
        def __call__(self, task: Task):  # type: ignore[no-untyped-def]
            found = super().__call__(task)
            names.extend([task.shard.name] * (found is not None))
            return found

    monkeypatch.setattr(each, "ShardChecker", Noting)
    return names


@pytest.fixture
def damaged(run: Path) -> Path:
    """Something is wrong in the first shard, in another, and in a table."""
    for name in ("shards/train-000000.tar", TAR, "index.parquet"):
        data = bytearray((run / name).read_bytes())
        data[700] ^= 1
        (run / name).write_bytes(data)
    commit_json(run / "shards/train-000002.json", read_json(run / "shards/train-000002.json") | {"units": 1})
    return run


def interrupt(run: Path, after: int, how: How = How()) -> None:  # noqa: B008 — it is frozen
    with pytest.raises(KeyboardInterrupt):
        verify(run, how, Interrupting(after))


def test_it_goes_on_where_it_was(damaged: Path, checked: list[str]) -> None:
    whole = verify(damaged)
    shards = list(checked)
    checked.clear()
    interrupt(damaged, 2)
    assert checked == shards[:2] and (damaged / "events/verify.state").exists()
    listener = Interrupting()
    assert verify(damaged, listener=listener) == whole
    assert checked == shards and listener.updates[-1] == (len(shards), len(shards))
    note = f"an interrupted verify has checked 2 of {len(shards)} shards: it goes on there"
    assert listener.notes == [note]
    assert not (damaged / "events/verify.state").exists(), "it has come to its end"


def test_what_has_changed_meanwhile_is_checked_again(run: Path, checked: list[str]) -> None:
    interrupt(run, 2)
    path = run / "shards/train-000000.tar"
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    assert verify(run).problems == []
    assert checked.count("train-000000") == 2 and checked.count("train-000001") == 1


@pytest.mark.parametrize("how", [How(fresh=True), How(depth=QUICK)])
def test_it_begins_anew(run: Path, checked: list[str], how: How) -> None:
    interrupt(run, 2)
    verify(run, how)
    assert checked.count("train-000000") == 2


def test_it_begins_anew_where_the_run_is_another(run: Path, checked: list[str]) -> None:
    interrupt(run, 2)
    commit_json(run / "run.json", read_json(run / "run.json") | {"seal": "0"})
    verify(run)
    assert checked.count("train-000000") == 2


def test_a_torn_or_damaged_state_is_no_problem(run: Path, checked: list[str]) -> None:
    state = run / "events/verify.state"
    interrupt(run, 2)
    state.write_bytes(state.read_bytes()[:-10])
    interrupt(run, 1)
    assert checked == ["train-000000", "train-000001"]
    state.write_bytes(state.read_bytes().replace(b"train", b"\xff", 1))
    assert verify(run).problems == [] and checked.count("train-000000") == 2


def test_the_state_lies_where_it_was_asked_to(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "some" / "state"
    interrupt(run, 1, How(state=path))
    assert path.exists() and not (run / "events/verify.state").exists()
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match=r"--state .*` is another verify's, which is under way"):
            verify(run, How(state=path))
    with pytest.raises(ConfigError, match=r"--state .*` cannot be written"):
        verify(run, How(state=run / "run.json" / "x"))


@pytest.mark.parametrize("content", [b"a thesis\n", b'{"key": ":abouts"', b'{"key": "train-000000", "value": {}}\n'])
def test_a_file_of_somebody_else_is_no_state(
    run: Path, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "thesis.tex"
    path.write_bytes(content)
    for how in (How(state=path), How(state=path, fresh=True)):
        with pytest.raises(ConfigError, match=r"--state .*thesis.tex` is no state of a verify: give another file"):
            verify(run, how)
    (run / "events/verify.state").write_bytes(content)
    assert verify(run).problems == []
    assert path.read_bytes() == (run / "events/verify.state").read_bytes() == content


def test_a_link_is_not_followed(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "thesis.tex"
    path.touch()
    (run / "events/verify.state").symlink_to(path)
    interrupt(run, 1)
    assert path.read_bytes() == b""
    with pytest.raises(ConfigError, match=r"--state .*` cannot be written"):
        verify(run, How(state=run / "events/verify.state"))


@pytest.mark.parametrize("name", ["tokenizer.json", "codebook.npz", "codebook.json"])
def test_it_begins_anew_where_a_frozen_file_is_another(run: Path, checked: list[str], name: str) -> None:
    interrupt(run, 2)
    (run / name).write_bytes((run / name).read_bytes() + b" ")
    verify(run)
    assert checked.count("train-000000") == 2


def test_without_events_the_state_is_in_the_cache(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checked: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.rmtree(run / "events")
    interrupt(run, 1)
    (kept,) = (tmp_path / "cache" / "lstdata").iterdir()
    assert verify(run).problems == [] and not kept.exists() and checked.count("train-000000") == 1
    assert not (run / "events").exists()


def test_two_at_once_do_not_disturb_each_other(run: Path) -> None:
    listener = Interrupting()
    with open(run / "events/verify.state", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert verify(run, listener=listener).problems == []
    assert listener.notes == [f"`{run}` is being verified by another process too: this verify could not be resumed"]
    assert os.path.getsize(run / "events/verify.state") == 0


@pytest.mark.slow
def test_any_number_of_workers_finds_the_same(damaged: Path) -> None:
    assert verify(damaged, How(workers=3)) == verify(damaged, How(workers=1))


@pytest.mark.parametrize("depth", [Depth(samples=5), Depth(share=0.4)])
def test_a_part_is_decoded_and_always_the_same(run: Path, depth: Depth, monkeypatch: pytest.MonkeyPatch) -> None:
    from lstdata.verify import shard

    seen: list[str] = []
    monkeypatch.setattr(shard, "sample_mistakes", lambda run, split, stored: seen.append(stored.sample.id) or ())
    verify(run, How(depth=depth))
    assert len(set(seen)) == len(seen) == 5
    again = list(seen)
    verify(run, How(depth=depth))
    assert seen == [*again, *again]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.one_of(st.builds(Depth, samples=st.integers(0, 500)), st.builds(Depth, share=st.floats(0.001, 1))),
)
def test_what_is_decoded_is_as_much_as_was_asked_for(records: list[int], depth: Depth) -> None:
    shards = tuple(PlannedShard(f"train-{n:06d}", "train", n, count, 1.0, "") for n, count in enumerate(records))
    plan = Plan(shards, sum(records), 0, 1.0, "", Rules(1.0, False))
    decoded = [count if some is None else some for some, count in zip(depth.decoded(plan), records, strict=True)]
    assert all(some <= count for some, count in zip(decoded, records, strict=True))
    if depth.samples is not None:
        assert sum(decoded) == min(depth.samples, sum(records))
    else:
        assert depth.share * sum(records) <= sum(decoded) < depth.share * sum(records) + 1


def test_everything_is_all_of_every_shard() -> None:
    shards = (PlannedShard("train-000000", "train", 0, 3, 1.0, ""),)
    plan = Plan(shards, 3, 0, 1.0, "", Rules(1.0, False))
    assert list(EVERYTHING.decoded(plan)) == [None] and list(QUICK.decoded(plan)) == [0]
