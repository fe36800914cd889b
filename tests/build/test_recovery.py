"""Records to blame are found by trying, within bounded work, whatever kills, hangs or does so only at times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.build.plan_table import PlannedShard
from lstdata.build.recovery import MOST_POISON, MOST_WORK, End, Outcome, Recovery
from lstdata.build.task import FailedTogether, RecordFailed, ShardResult, ShardTask
from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.records import DeadLetter
from lstdata.workers.queue import NODE_DEATHS, WorkerDied


def planned(records: int, name: str = "train-000000") -> PlannedShard:
    return PlannedShard(name, "train", 0, records, 10.0 * records, "print")


def rows(shard: PlannedShard) -> list[tuple[str, str]]:
    return [(f"r{n}", f"{n}.wav") for n in range(shard.records)]


def letter(id: str, reason: str, stage: str = "build") -> DeadLetter:
    return DeadLetter(id, stage, reason, "message", "a.wav", environmental=True)


@dataclass
class Corpus:
    """A shard's records and what each of them does to whoever tries it; the others are good."""

    kill: Sequence[int] = ()
    hang: Sequence[int] = ()
    wild: Sequence[int] = ()
    """Kill, or not, as chance has it."""
    company: tuple[int, int] | None = None
    """Kill if both are tried by one task."""
    batch: Sequence[int] = ()
    """Fail together with their neighbours; alone they get a letter."""
    nodes: int = 0
    """Tasks whose node goes away, before any other."""
    chance: Random = field(default_factory=Random)
    work: int = 0
    """Records handed out, but to nodes that went away."""
    tasks: list[ShardTask] = field(default_factory=list)

    def do(self, task: ShardTask) -> Outcome:
        self.tasks.append(task)
        if self.nodes:
            self.nodes -= 1
            return WorkerDied("the node is gone", with_node=True)
        self.work += task.records
        first, last = task.only or (0, task.shard.records)
        skipped = {x.id for x in task.skip}
        tried = [n for n in range(first, last) if f"r{n}" not in skipped]
        for n in tried:
            if n in self.kill or (n in self.wild and self.chance.random() < 0.5):
                return WorkerDied("killed by SIGKILL")
            if n in self.hang:
                return RecordFailed(f"r{n}", "decode", "timed_out", "600 s were not enough.")
        if self.company and set(self.company) <= set(tried):
            return WorkerDied("killed by SIGKILL")
        letters = [letter(f"r{n}", "unexpected_error", "units") for n in tried if n in self.batch]
        if letters and len(tried) > 1:
            return FailedTogether("the units of 2 records failed together")
        made = (*task.skip, *letters)
        return ShardResult(task.shard.name, last - first, last - first - len(made), len(made), 1.0, letters=made)


def carry_out(
    corpus: Corpus, shard: PlannedShard, environmental: Sequence[DeadLetter] = ()
) -> tuple[End, list[tuple[str, dict[str, object]]]]:
    events: list[tuple[str, dict[str, object]]] = []
    missing, doubtful = ([], [(shard, environmental)]) if environmental else ([shard], [])
    recovery = Recovery(missing, doubtful, rows, lambda event, **details: events.append((event, details)))
    while (task := recovery.next()) is not None:
        over, end = recovery.take(task, corpus.do(task))
        if over:
            assert recovery.next() is None
            return end, events
    raise AssertionError("it never ended")


def isolated(end: End) -> dict[str, str]:
    assert isinstance(end, ShardResult), end
    return {x.id: x.reason for x in end.letters}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), records=st.integers(1, 200))
def test_whoever_always_fails_is_isolated_and_nobody_else(data: st.DataObject, records: int) -> None:
    guilty = data.draw(st.lists(st.integers(0, records - 1), unique=True, max_size=MOST_POISON))
    split = data.draw(st.integers(0, len(guilty)))
    corpus = Corpus(kill=guilty[:split], hang=guilty[split:], nodes=data.draw(st.integers(0, NODE_DEATHS - 1)))
    end, _ = carry_out(corpus, planned(records))
    expected = {f"r{n}": "worker_died" for n in guilty[:split]} | {f"r{n}": "timed_out" for n in guilty[split:]}
    assert isolated(end) == expected
    assert corpus.work <= MOST_WORK * records


@settings(max_examples=300, deadline=None)
@given(data=st.data(), records=st.integers(2, 100), seed=st.integers())
def test_whatever_records_do_it_ends_within_bounded_work(data: st.DataObject, records: int, seed: int) -> None:
    some = st.lists(st.integers(0, records - 1), max_size=12)
    pair = st.tuples(st.integers(0, records - 1), st.integers(0, records - 1)).filter(lambda p: p[0] != p[1])
    corpus = Corpus(
        data.draw(some), data.draw(some), data.draw(some), data.draw(st.none() | pair), data.draw(some),
        data.draw(st.integers(0, 2 * NODE_DEATHS)), Random(seed),
    )  # fmt: skip
    end, _ = carry_out(corpus, planned(records))
    assert corpus.work <= MOST_WORK * records
    guilty = {f"r{n}" for n in (*corpus.kill, *corpus.hang, *corpus.wild, *corpus.batch)}
    if isinstance(end, ShardResult):
        assert {x.id for x in end.letters} <= guilty
    else:
        assert isinstance(end, Unavailable)


def test_one_that_kills_costs_five_builds_at_most_and_one_that_hangs_two() -> None:
    for guilty in range(64):
        killing, hanging = Corpus(kill=[guilty]), Corpus(hang=[guilty])
        assert isolated(carry_out(killing, planned(64))[0]) == {f"r{guilty}": "worker_died"}
        assert isolated(carry_out(hanging, planned(64))[0]) == {f"r{guilty}": "timed_out"}
        assert killing.work <= 5 * 64 and hanging.work == 2 * 64 + 1


def test_the_letter_says_how_and_events_say_what_was_done() -> None:
    end, events = carry_out(Corpus(kill=[1]), planned(2))
    assert isinstance(end, ShardResult)
    [found] = end.letters
    assert found == DeadLetter("r1", "build", "worker_died", "its worker died twice: killed by SIGKILL", "1.wav", True)
    name = "train-000000"
    assert [details["deaths"] for event, details in events if event == "died"] == [1, 2, 3, 4]
    assert ("probing", {"shard": name, "first": 1, "last": 1}) in events
    assert events[-1] == ("poisoned", {"shard": name, "id": "r1", "reason": "worker_died"})


def test_a_letter_names_no_machine_and_counts_only_deaths_over_the_record_alone() -> None:
    class Oom(Corpus):
        def do(self, task: ShardTask) -> Outcome:
            if task.only is None and not self.tasks:
                self.tasks.append(task)
                return RecordFailed("r0", "decode", "timed_out", "600 s were not enough.")
            return WorkerDied("out of memory: node 192.0.2.1, worker ab", verdict="out of memory")

    recovery = Recovery([planned(1)], [], rows, lambda event, **details: None)
    corpus = Oom()
    first = recovery.next()
    assert first is not None and recovery.take(first, corpus.do(first))[0] is False
    alone = recovery.next()
    assert alone is not None and recovery.take(alone, corpus.do(alone))[0] is False
    built = recovery.next()
    assert built is not None
    assert [letter.message for letter in built.skip] == ["its worker died: out of memory"]


def test_a_death_that_does_not_come_again_costs_one_build() -> None:
    class Once(Corpus):
        def do(self, task: ShardTask) -> Outcome:
            outcome = super().do(task)
            return WorkerDied("killed by SIGKILL") if len(self.tasks) == 1 else outcome

    corpus = Once()
    assert isolated(carry_out(corpus, planned(10))[0]) == {}
    assert [task.only for task in corpus.tasks] == [None, None]


def test_records_that_kill_only_in_company_leave_the_shard_pending() -> None:
    end, _ = carry_out(Corpus(company=(3, 4)), planned(8))
    assert isinstance(end, Unavailable)
    assert "over none of its records alone: killed by SIGKILL" in str(end)


def test_a_batch_that_failed_is_taken_apart() -> None:
    assert isolated(carry_out(Corpus(batch=[2]), planned(8))[0]) == {"r2": "unexpected_error"}


def test_where_everything_fails_it_is_not_the_records() -> None:
    for corpus in (Corpus(kill=range(100)), Corpus(hang=range(100))):
        end, _ = carry_out(corpus, planned(100))
        assert isinstance(end, Unavailable) and f"more than {MOST_POISON} records fail alone" in str(end)


def test_nodes_that_go_away_are_nobodys_fault_up_to_a_bound() -> None:
    assert isolated(carry_out(Corpus(nodes=NODE_DEATHS - 1), planned(4))[0]) == {}
    end, _ = carry_out(Corpus(nodes=NODE_DEATHS), planned(4))
    assert isinstance(end, Unavailable) and f"went away {NODE_DEATHS} times" in str(end)


@pytest.mark.parametrize("fault", [Unavailable("the mount is gone"), ConfigError("another class"), LstDataError("bug")])
def test_other_faults_end_it_at_once(fault: LstDataError) -> None:
    recovery = Recovery([planned(4)], [], rows, lambda event, **details: None)
    task = recovery.next()
    assert task is not None
    assert recovery.take(task, fault) == (True, fault)


@pytest.mark.parametrize(("reason", "corpus"), [("worker_died", Corpus(kill=[2])), ("timed_out", Corpus(hang=[2]))])
def test_a_complete_shard_stays_as_it_is_while_its_record_still_fails(reason: str, corpus: Corpus) -> None:
    end, _ = carry_out(corpus, planned(4), [letter("r2", reason)])
    assert end is None
    assert [task.only for task in corpus.tasks] == [(2, 3)], "once, alone"


def test_it_is_built_anew_when_one_fares_better_without_those_that_do_not() -> None:
    corpus = Corpus(kill=[2])
    end, _ = carry_out(corpus, planned(4), [letter("r1", "timed_out"), letter("r2", "worker_died")])
    assert isolated(end) == {"r2": "worker_died"}
    assert [task.only for task in corpus.tasks] == [(1, 2), (2, 3), None]


def test_a_mount_that_is_gone_unmakes_no_complete_shard() -> None:
    class Gone(Corpus):
        def do(self, task: ShardTask) -> Outcome:
            return Unavailable("the mount is gone")

    assert carry_out(Gone(), planned(4), [letter("r1", "timed_out")])[0] is None


def test_doubtful_shards_come_first_and_a_shard_in_trouble_has_one_task_at_a_time() -> None:
    old, sick, well = (planned(4, name) for name in ("old", "sick", "well"))
    recovery = Recovery([sick, well], [(old, [letter("r0", "timed_out")])], rows, lambda event, **details: None)
    first, second = recovery.next(), recovery.next()
    assert first is not None and second is not None
    assert (first.shard, first.only, second.shard) == (old, (0, 1), sick)
    for _ in range(2):
        assert second is not None
        assert recovery.take(second, WorkerDied("killed by SIGKILL")) == (False, None)
        second = recovery.next()
    third = recovery.next()
    assert second is not None and third is not None
    assert (second.shard, second.only, third.shard) == (sick, (0, 2), well)
    assert recovery.next() is None
