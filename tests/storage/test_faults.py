"""What a store and the network do, and whose fault it then is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from lstdata import audio, storage
from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.sources import open_source
from lstdata.storage import place
from tests.storage.conftest import Bucket, Store

BLOB = bytes(range(256)) * 6000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user would say it: in fsspec's configuration."""
    from fsspec.config import conf

    given = {"config_kwargs": {"read_timeout": 1, "retries": {"mode": "standard", "total_max_attempts": 1}}}
    monkeypatch.setitem(conf, "s3", given)
    monkeypatch.setattr("lstdata.objects.PATIENCE", 1.0)


def every(n: int, what: str) -> Callable[[int, bytes], str | None]:
    return lambda number, head: what if number % n == 0 else None


def only(what: str, times: int, method: bytes = b"") -> Callable[[int, bytes], str | None]:
    left = iter(range(times))
    return lambda number, head: what if head.startswith(method) and next(left, None) is not None else None


@pytest.mark.parametrize("what", ["drop", "slow", "cut", "hang", "lose"])
def test_what_is_written_and_read_through_a_bad_network_is_whole(bucket: Bucket, store: Store, what: str) -> None:
    path = place(f"{bucket.url}/x")
    store.network.break_by(every(3, what))
    storage.commit_bytes(path, BLOB)
    with storage.committing(place(f"{bucket.url}/y")) as temporary:
        temporary.write_bytes(BLOB)
    assert bucket.read("x") == bucket.read("y") == BLOB
    assert storage.read_bytes(path) == BLOB
    assert storage.read_stretch(path, 1000, 5000) == BLOB[1000:6000]
    assert storage.sizes_in(place(bucket.url)) == {"x": len(BLOB), "y": len(BLOB)}
    storage.remove(path)
    assert not storage.exists(path)
    assert what in store.network.done


def test_what_arrives_damaged_is_put_again(bucket: Bucket, store: Store) -> None:
    store.network.break_by(only("damage", 1, b"PUT"))
    storage.commit_bytes(place(f"{bucket.url}/x"), BLOB)
    assert store.network.done == ["damage"] and bucket.read("x") == BLOB


def test_a_store_that_damages_whatever_it_takes_is_not_believed(
    bucket: Bucket, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.objects.TRIES", 2)
    store.network.break_by(lambda number, head: "damage" if head.startswith(b"PUT") else None)
    with pytest.raises(Unavailable, match="does not hold what was put there"):
        storage.commit_bytes(place(f"{bucket.url}/x"), BLOB)


@pytest.mark.parametrize("what", ["drop", "hang", "slow"])
def test_a_store_that_is_gone_is_given_up(
    bucket: Bucket, store: Store, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.objects.TRIES", 2)
    bucket.put("x", BLOB)
    store.network.break_by(every(1, what))
    path = place(f"{bucket.url}/x")
    for ask in (storage.read_bytes, storage.exists, storage.sizes_in, lambda path: storage.commit_bytes(path, b"")):
        with pytest.raises(Unavailable, match=f"`{bucket.url}/x` cannot be reached"):
            ask(path)


def test_who_may_not_is_told_at_once(bucket: Bucket, store: Store) -> None:
    store.network.break_by(every(1, "deny"))
    with pytest.raises(Unavailable, match=r"cannot be reached: (Access Denied|Forbidden)"):
        storage.read_bytes(place(f"{bucket.url}/x"))
    assert len(store.network.done) == 1


def test_what_is_missing_is_missing_unless_its_bucket_is(bucket: Bucket) -> None:
    assert not storage.exists(place(f"{bucket.url}/x")) and storage.sizes_in(place(f"{bucket.url}/no/folder")) == {}
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(place(f"{bucket.url}/x"))
    for ask in (storage.read_bytes, storage.sizes_in, lambda path: storage.commit_bytes(path, b"x")):
        with pytest.raises(Unavailable, match="there is no bucket `nobody-has-it`"):
            ask(place("s3://nobody-has-it/x"))


def test_an_object_that_is_replaced_by_a_shorter_one_has_no_stretch_behind_its_end(bucket: Bucket) -> None:
    bucket.put("x", b"short")
    assert storage.read_stretch(place(f"{bucket.url}/x"), 3, 10) == b"rt"
    assert storage.read_stretch(place(f"{bucket.url}/x"), 30, 10) == b""


def test_a_recording_that_is_missing_is_the_datas_fault_and_a_bucket_the_worlds(bucket: Bucket) -> None:
    with pytest.raises(Rejected, match="missing_audio"):
        audio.read(f"{bucket.url}/gone.wav")
    with pytest.raises(Unavailable, match="no bucket"):
        audio.read("s3://nobody-has-it/gone.wav")


@pytest.mark.parametrize("what", ["deny", "drop", "slow", "hang"])
def test_a_recording_that_cannot_be_had_is_no_verdict_on_it(
    bucket: Bucket, store: Store, cuts: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.objects.TRIES", 2)
    bucket.put("a.flac", (cuts / "audio" / "utt-000.flac").read_bytes())
    store.network.break_by(every(1, what))
    with pytest.raises(Unavailable, match=f"`{bucket.url}/a.flac`"):
        audio.read(f"{bucket.url}/a.flac")


def test_a_recording_is_decoded_through_a_bad_network(bucket: Bucket, store: Store, cuts: Path) -> None:
    path = cuts / "audio" / "utt-000.flac"
    bucket.put("a.flac", path.read_bytes())
    faults = iter(["drop", None, "cut", None, "slow", None, None, "lose"])
    store.network.break_by(lambda number, head: next(faults, None))
    found = audio.read(f"{bucket.url}/a.flac")
    assert found.samples.tolist() == audio.read(str(path)).samples.tolist()
    assert store.network.done[:2] == ["drop", "cut"]


def test_a_table_is_read_through_a_bad_network(bucket: Bucket, store: Store) -> None:
    rows = "".join(f'{{"id": "u{n}", "audio": "u{n}.wav", "duration": 1.0, "text": "a"}}\n' for n in range(40_000))
    bucket.put("t.jsonl", rows.encode())
    numbers = count()
    store.network.break_by(lambda number, head: "cut" if head.startswith(b"GET") and next(numbers) % 2 else None)
    assert sum(1 for _ in open_source(f"{bucket.url}/t.jsonl", SourceConfig()).scan()) == 40_000
    assert "cut" in store.network.done


def test_a_url_of_a_kind_that_nobody_knows_is_the_users_fault() -> None:
    with pytest.raises(ConfigError, match="`nosuch://x/y` cannot be opened: Protocol not known"):
        storage.open_binary("nosuch://x/y")
