from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.documents import Document
from lstdata.errors import ConfigError
from lstdata.loader.corpus import Corpus
from lstdata.loader.rows import WAITING, Lane, LaneState, RowStream, lane_count, merge_states, one_pass
from lstdata.packing import Row, RowBudget
from lstdata.randomness import rng
from lstdata.vocab import VocabCard

BUDGET = RowBudget(positions=12, tokens=20)


class Numbered:
    """A corpus whose document n, in epoch e, is BOS, `<s>`, then units that spell n and e, then EOS."""

    vocab = VocabCard(
        text_size=10, tokenizer_sha256="", tokenizer_bos=None, tokenizer_eos=None, units=1000, codebook_sha256=""
    )

    def __init__(self, size: int) -> None:
        self.size = size
        self.drawn: Counter[tuple[int, int]] = Counter()

    def __len__(self) -> int:
        return self.size

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        self.drawn[number, epoch] += 1
        units = [number, epoch] * (1 + number % 3)
        tokens = [self.vocab.bos, self.vocab.speech_marker, *(self.vocab.first_unit + u for u in units), self.vocab.eos]
        lengths = [1, 1, *[2] * (len(units) // 2), 1]
        return Document(np.array(tokens, dtype=np.int32), np.array(lengths, dtype=np.int32))


class Changing(Numbered):
    """In the second half of training every token is a position of its own."""

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        found = super().document(number, epoch)
        lengths = found.lengths if progress < 0.5 else np.ones(len(found.tokens), dtype=np.int32)
        return Document(found.tokens, lengths)


def names(row: Row) -> list[tuple[int, int]]:
    """(sample, epoch) of each document of a row."""
    parts = np.split(row.tokens, np.cumsum(row.documents)[:-1])
    return [(int(p[2]) - Numbered.vocab.first_unit, int(p[3]) - Numbered.vocab.first_unit) for p in parts]


def same(a: Row, b: Row) -> bool:
    arrays = ("tokens", "lengths", "documents", "late")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_an_epoch_draws_every_sample_exactly_once(lanes: int) -> None:
    stream = RowStream(Numbered(50), BUDGET, seed=1, lanes=lanes)
    drawn = Counter(name for g in range(60 * lanes) for name in names(stream.row(g)))
    assert {drawn[n, e] for n in range(50) for e in range(2)} == {1}
    assert set(drawn.values()) == {1}


def test_rows_keep_both_budgets_and_waste_less_than_one_document() -> None:
    corpus = Numbered(50)
    longest = max(len(corpus.document(n, 0).tokens) for n in range(50))
    for row in (RowStream(corpus, BUDGET, seed=1, lanes=2).row(g) for g in range(30)):
        assert len(row.lengths) <= BUDGET.positions
        assert BUDGET.tokens - longest < len(row.tokens) <= BUDGET.tokens or len(row.lengths) > BUDGET.positions - 6


@given(st.integers(1, 5), st.integers(0, 12), st.permutations(range(12)))
def test_a_row_depends_on_its_number_alone(world: int, resume_at: int, order: list[int]) -> None:
    """Read by any number of ranks, in any order, or after a resume: row g is row g."""
    straight = RowStream(Numbered(30), BUDGET, seed=2, lanes=4)
    expected = [straight.row(g) for g in range(12)]
    shuffled = RowStream(Numbered(30), BUDGET, seed=2, lanes=4)
    assert all(same(shuffled.row(g), expected[g]) for g in order)
    for rank in range(world):
        stream = RowStream(Numbered(30), BUDGET, seed=2, lanes=4)
        assert all(same(stream.row(g), expected[g]) for g in range(rank, resume_at, world))
        resumed = RowStream(Numbered(30), BUDGET, seed=2, lanes=4)
        resumed.restore(stream.state())
        first = next(g for g in range(resume_at, resume_at + world) if g % world == rank)
        assert all(same(resumed.row(g), expected[g]) for g in range(first, 12, world))


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(0, 100), st.permutations(range(100)))
def test_training_changes_by_the_row_for_which_a_document_was_drawn(
    world: int, resume_at: int, order: list[int]
) -> None:
    """Resumed, also amid a document of several rows that was begun before the change, row g is row g."""
    budget = RowBudget(positions=5, tokens=20)

    def stream() -> RowStream:
        return RowStream(Changing(30), budget, seed=2, lanes=2, progress=lambda row: row / 100)

    straight = stream()
    expected = [straight.row(g) for g in range(100)]
    assert any((row.lengths > 1).any() for row in expected[:50])
    assert all((row.lengths == 1).all() for row in expected[50 + 2 * 2 * WAITING :])
    shuffled = stream()
    assert all(same(shuffled.row(g), expected[g]) for g in order)
    for rank in range(world):
        left, resumed = stream(), stream()
        assert all(same(left.row(g), expected[g]) for g in range(rank, resume_at, world))
        resumed.restore(left.state())
        first = next(g for g in range(resume_at, resume_at + world) if g % world == rank)
        assert all(same(resumed.row(g), expected[g]) for g in range(first, 100, world))


def test_a_resumed_stream_draws_no_more_again_than_what_waited() -> None:
    stream = RowStream(Numbered(400), BUDGET, seed=0, lanes=2)
    for g in range(100):
        stream.row(g)
    corpus = Numbered(400)
    resumed = RowStream(corpus, BUDGET, seed=0, lanes=2)
    resumed.restore(stream.state())
    begun = len(resumed.lane_state(0).waiting)
    assert begun <= WAITING
    documents = len(resumed.row(100).documents)
    assert corpus.drawn.total() == documents + len(resumed.lane_state(0).waiting)
    assert corpus.drawn.total() <= documents + WAITING


def test_what_does_not_fit_waits_for_the_next_row_and_no_longer_than_it_must() -> None:
    """The first of those that wait begins the next row; rows are filled to within half of the shortest."""
    budget = RowBudget(positions=61, tokens=1000)
    lane, state = Lane(Numbered(200), budget, seed=3), LaneState()
    filled = 0
    for _ in range(40):
        first = state.waiting[0][:2] if state.waiting else None
        row, state = lane.pack(state)
        assert len(state.waiting) <= WAITING
        if first is not None:
            epoch, place = first
            drawn = rng(3, epoch, "lane 0 of 1", "order").permutation(200)[place]
            assert names(row)[0] == (int(drawn), epoch)
        filled += len(row.lengths)
    assert filled / 40 > 58.5


def test_a_lanes_state_is_integers_that_come_back() -> None:
    stream = RowStream(Numbered(40), BUDGET, seed=0, lanes=2)
    stream.row(9)
    state = stream.lane_state(1)
    assert state.waiting and LaneState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10))
def test_the_merged_state_of_all_ranks_goes_on_under_any_world_size(before: int, after: int, turns: int) -> None:
    """And no lane is packed from its start again."""

    def stream(corpus: Corpus) -> RowStream:
        return RowStream(corpus, BUDGET, seed=2, lanes=4)

    resume_at, straight = 12 * turns, stream(Numbered(30))
    ranks = [stream(Numbered(30)) for _ in range(before)]
    for g in range(resume_at):
        ranks[g % before].row(g)
    state = merge_states([rank.state() for rank in ranks])
    for rank in range(after):
        corpus = Numbered(30)
        resumed = stream(corpus)
        resumed.restore(state)
        for g in range(resume_at + rank, resume_at + 12, after):
            assert same(resumed.row(g), straight.row(g))
        assert not resume_at or corpus.drawn.total() <= 4 * WAITING + 4 * 12


def test_a_rank_reads_only_its_own_lanes() -> None:
    corpus = Numbered(40)
    stream = RowStream(corpus, BUDGET, seed=0, lanes=4)
    for g in range(1, 40, 4):
        stream.row(g)
    assert {number for number, _ in corpus.drawn} == set(range(10, 20))


def test_another_order_of_rows_cannot_be_resumed() -> None:
    state = RowStream(Numbered(40), BUDGET, seed=0, lanes=4).state()
    with pytest.raises(ConfigError, match="`lanes` was 4 at the checkpoint, but is 2"):
        RowStream(Numbered(40), BUDGET, seed=0, lanes=2).restore(state)
    with pytest.raises(ConfigError, match="`samples` was 40 at the checkpoint, but is 41"):
        RowStream(Numbered(41), BUDGET, seed=0, lanes=4).restore(state)


def test_there_are_no_more_lanes_than_samples() -> None:
    with pytest.raises(ConfigError, match="`lanes` must be ≤ the number of samples"):
        RowStream(Numbered(3), BUDGET, seed=0, lanes=4)


def test_small_data_has_few_lanes() -> None:
    assert [lane_count(n) for n in (1, 31, 32, 180, 4096, 10**9)] == [1, 1, 2, 8, 256, 256]


def test_one_pass_is_every_sample_once() -> None:
    drawn = Counter(name for row in one_pass(Numbered(23), BUDGET, seed=0) for name in names(row))
    assert drawn == Counter((n, 0) for n in range(23))


def test_the_seed_changes_the_order() -> None:
    first, second = (names(next(islice(one_pass(Numbered(23), BUDGET, seed=s), 1))) for s in (0, 1))
    assert first != second


def test_long_documents_are_cut_and_counted() -> None:
    stream = RowStream(Numbered(9), RowBudget(positions=4, tokens=6), seed=0, lanes=1)
    rows = [stream.row(g) for g in range(12)]
    assert all(len(row.lengths) <= 4 and len(row.tokens) <= 6 for row in rows)
    assert sum(row.continued for row in rows) > 0
