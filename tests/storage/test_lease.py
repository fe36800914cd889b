"""Who may write a folder on an object store: one at a time, and the dead are displaced."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from upath import UPath

from lstdata import lease as leases
from lstdata.errors import ConfigError, Unavailable
from lstdata.lease import Lease, leased
from lstdata.locking import locked
from lstdata.storage import place
from tests.storage.conftest import Bucket

SOON = 0.05


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", SOON)


@pytest.fixture
def out(bucket: Bucket) -> UPath:
    return place(f"{bucket.url}/out")


def stated(bucket: Bucket) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.read("out/.lease"))
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came true")


def test_a_lease_names_its_owner_beats_and_is_given_back(bucket: Bucket, out: UPath) -> None:
    with leased(out, take_over=False):
        first = stated(bucket)
        assert set(first["owner"]) == {"id", "host", "pid"}
        wait_for(lambda: stated(bucket)["beat"] > first["beat"])
        assert stated(bucket)["owner"] == first["owner"]
    assert bucket.keys() == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_a_lease_is_given_back_whatever_ends_the_build(
    bucket: Bucket, out: UPath, interruption: type[BaseException]
) -> None:
    with pytest.raises(interruption), leased(out, take_over=False):
        raise interruption
    assert bucket.keys() == []


def test_a_living_owner_is_named(bucket: Bucket, out: UPath) -> None:
    with leased(out, take_over=False):
        owner = stated(bucket)["owner"]
        with pytest.raises(ConfigError, match=rf"is being written by .*: process {owner['pid']} on {owner['host']}"):
            Lease(out).acquire(take_over=False)


def test_a_lease_that_stands_still_is_taken_over_and_said(bucket: Bucket, out: UPath) -> None:
    """As the next start of a build finds it that was killed, with nobody there to give an option."""
    dead, notes = Lease(out), list[str]()
    dead.acquire(take_over=False)
    with leased(out, take_over=False, note=notes.append):
        assert stated(bucket)["owner"]["id"] != dead.owner.id
    still = f"had not stirred for {leases._LOOKS * SOON:g} s"
    assert notes == [f"`{out}` was leased to {dead.owner}, which {still}: taken over"]
    assert bucket.keys() == []


def test_a_lease_is_watched_for_half_a_minute_at_least(out: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six beats of five seconds, whatever is made quicker here; an owner that beats within them keeps it."""
    slept = list[float]()
    dead = Lease(out)
    dead.acquire(take_over=False)
    monkeypatch.undo()
    monkeypatch.setattr(leases.time, "sleep", slept.append)
    Lease(out).acquire(take_over=False)
    assert sum(slept) >= 30 and max(slept) <= leases.BEAT_SECONDS


def test_an_owner_that_beats_late_keeps_its_lease(out: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    late, looks = Lease(out), iter(range(leases._LOOKS))
    late.acquire(take_over=False)
    monkeypatch.setattr(leases.time, "sleep", lambda _: late._beat_once() if next(looks) == leases._LOOKS - 1 else None)
    with pytest.raises(ConfigError, match="is being written by another process"):
        Lease(out).acquire(take_over=False)


def test_of_two_that_take_over_together_one_has_the_lease(
    bucket: Bucket, out: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one puts what the lease must still be, finds that it is not, and looks at who has it now."""
    dead, first, second = Lease(out), Lease(out), Lease(out)
    dead.acquire(take_over=False)
    replace = second._replace

    def slowly(seen: Any) -> bool:
        first.acquire(take_over=True)
        monkeypatch.setattr(leases.time, "sleep", lambda _: first._beat_once())
        return replace(seen)

    monkeypatch.setattr(second, "_replace", slowly)
    with pytest.raises(ConfigError, match="is being written by another process"):
        second.acquire(take_over=False)
    assert stated(bucket)["owner"]["id"] == first.owner.id


def test_a_lease_is_taken_at_once_where_that_is_asked(
    bucket: Bucket, out: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Lease(out)
    dead.acquire(take_over=False)
    monkeypatch.setattr(leases.time, "sleep", lambda _: pytest.fail("it waited"))
    with leased(out, take_over=True):
        assert stated(bucket)["owner"]["id"] != dead.owner.id


def test_a_signal_from_elsewhere_is_an_interruption(bucket: Bucket, out: UPath) -> None:
    """Slurm sends SIGUSR1 before the end of an allocation; the lease is not lost by that."""
    with pytest.raises(KeyboardInterrupt) as interruption, leased(out, take_over=False):
        signal.raise_signal(signal.SIGUSR1)
    assert interruption.type is KeyboardInterrupt and bucket.keys() == []


def test_a_lease_that_is_given_back_meanwhile_is_taken(out: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Lease(out), Lease(out)
    first.acquire(take_over=False)
    monkeypatch.setattr(leases.time, "sleep", lambda seconds: first.release())
    second.acquire(take_over=False)
    assert second._look().owner == second.owner  # type: ignore[union-attr]


def test_an_owner_whose_lease_is_taken_stops_wherever_it_is(bucket: Bucket, out: UPath) -> None:
    """Also while it waits for workers, and where Ctrl-C is ignored, as in a job that a shell has put behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    rival = Lease(out)
    try:
        lost = pytest.raises(Unavailable, match=f"lost the lease of `{out}` to process {rival.owner.pid}")
        with lost, leased(out, take_over=False):
            rival.acquire(take_over=True)
            threading.Event().wait(30)
            pytest.fail("it went on")
    finally:
        signal.signal(signal.SIGINT, before)
    assert stated(bucket)["owner"]["id"] == rival.owner.id, "what is another's is left alone"


def test_a_beat_never_undoes_a_take_over(bucket: Bucket, out: UPath) -> None:
    """The owner looked before its lease was taken, and writes after it."""
    owner, rival = Lease(out), Lease(out)
    owner.acquire(take_over=False)
    seen = owner._look()
    assert seen is not None
    rival.acquire(take_over=True)
    assert not owner._replace(seen)
    assert owner._beat_once() == rival.owner
    assert stated(bucket)["owner"]["id"] == rival.owner.id


def test_of_two_that_begin_together_one_has_the_lease(bucket: Bucket, out: UPath) -> None:
    both = [Lease(out), Lease(out)]
    assert sorted(lease._create() for lease in both) == [False, True]


def test_a_lease_whose_answer_was_lost_is_ones_own(bucket: Bucket, out: UPath, store: Any) -> None:
    """The put is done; made again, it finds that there is one already: its own."""
    puts = iter(["lose"])
    store.network.break_by(lambda number, head: next(puts, None) if head.startswith(b"PUT") else None)
    lease = Lease(out)
    lease.acquire(take_over=False)
    assert store.network.done == ["lose"] and stated(bucket)["owner"]["id"] == lease.owner.id


def test_a_lease_that_somebody_deleted_is_made_anew(bucket: Bucket, out: UPath) -> None:
    with leased(out, take_over=False):
        owner = stated(bucket)["owner"]
        bucket.client().delete_object(Bucket=bucket.name, Key="out/.lease")  # type: ignore[attr-defined]
        wait_for(lambda: bucket.keys("out/") != [])
        assert stated(bucket)["owner"] == owner


def test_a_local_lock_dies_with_its_owner_and_is_not_taken_over(tmp_path: UPath) -> None:
    out = place(tmp_path / "out")
    refused = pytest.raises(ConfigError, match="`--take-over` is for object stores")
    with refused, locked(out, lambda out: None, take_over=True):
        pass
    assert not (tmp_path / "out").exists()
