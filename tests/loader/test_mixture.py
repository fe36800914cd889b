from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.documents import Document
from lstdata.errors import ConfigError
from lstdata.loader.expected import expected_tokens
from lstdata.loader.mixture import Mixture, Source, merged_mixtures
from lstdata.packing import Row, RowBudget
from tests.loader.test_rows import Numbered, same

BUDGET = RowBudget(positions=64, tokens=256)


class Patched(Numbered):
    """Documents of many lengths in positions of `patch` tokens, twice as many in the first half of training."""

    def __init__(self, size: int, patch: int, longest: int = 40, *, changes: bool = False) -> None:
        super().__init__(size)
        self.patch, self.longest, self.changes = patch, longest, changes

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        patch = self.patch * (2 if self.changes and progress < 0.5 else 1)
        lengths = [1, 1, *[patch] * (1 + number * 7919 % self.longest), 1]
        tokens = np.full(sum(lengths), self.vocab.first_unit + number % 1000, dtype=np.int32)
        tokens[:2] = self.vocab.bos, self.vocab.speech_marker
        return Document(tokens, np.array(lengths, dtype=np.int32))


def mixture(
    *corpora: Patched, shares: tuple[float, ...] = (1, 2), rows: int | None = None, per_step: int = 12
) -> Mixture:
    sources = [
        Source(
            name=f"source {number}",
            corpus=c,
            share=share,
            tokens_per_row=expected_tokens(c, BUDGET, seed=1, changing=c.changes).row,
            lanes=4,
        )
        for number, (c, share) in enumerate(zip(corpora, shares, strict=True))
    ]
    return Mixture(sources, BUDGET, seed=1, per_step=per_step, rows=rows)


def read(mixed: Mixture, count: int, rank: int = 0, world: int = 1) -> dict[int, Row]:
    """A rank's rows below a number."""
    steps = range(count // mixed.schedule.per_step)
    return {row: mixed.row(row) for step in steps for row in mixed.rows_of_step(step, rank, world)}


def tokens(mixed: Mixture, count: int) -> list[int]:
    """Of each source, in the rows below a number."""
    found = [0] * len(mixed.names)
    for number, row in read(mixed, count).items():
        found[mixed.place(number).source] += len(row.tokens)
    return found


def pair() -> Mixture:
    sources = [
        Source(name="speech", corpus=Patched(100, 4), share=1, tokens_per_row=200, lanes=4),
        Source(name="text", corpus=Patched(90, 1), share=2, tokens_per_row=60, lanes=4),
    ]
    return Mixture(sources, BUDGET, seed=1, per_step=12, rows=480)


def test_the_measured_shares_are_those_asked_for_within_one_percent() -> None:
    mixed = mixture(Patched(3000, 4), Patched(2000, 1, 90))
    speech, text = tokens(mixed, 10_000)
    assert speech / (speech + text) == pytest.approx(1 / 3, rel=0.01)
    assert mixed.schedule.row_shares[0] < 0.2


def test_patches_that_change_count_as_on_average() -> None:
    mixed = mixture(Patched(3000, 2, changes=True), Patched(2000, 1, 90), rows=10_000)
    speech, text = tokens(mixed, 10_000)
    assert speech / (speech + text) == pytest.approx(1 / 3, rel=0.01)


def test_expected_tokens_are_those_of_rows() -> None:
    corpus = Patched(5000, 4)
    mixed = mixture(corpus, shares=(1,))
    rows = [len(row.tokens) for row in read(mixed, 2000).values()]
    expected = expected_tokens(corpus, BUDGET, seed=1)
    assert expected.row == pytest.approx(np.mean(rows), rel=0.01)
    assert expected.document == pytest.approx(3 + 4 * 20.5, rel=0.05)
    assert expected_tokens(corpus, BUDGET, seed=1) == expected


@settings(max_examples=20)
@given(st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(0, 8), st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_rows_do_not_depend_on_the_ranks_also_after_a_resume_under_another_number(
    before: int, steps: int, after: int
) -> None:
    straight = read(pair(), 12 * steps + 36)
    ranks = [pair() for _ in range(before)]
    for rank, mixed in enumerate(ranks):
        for number, row in read(mixed, 12 * steps, rank, before).items():
            assert same(row, straight[number])
    state = json.loads(json.dumps(merged_mixtures([rank.state() for rank in ranks])))
    for rank in range(after):
        resumed = pair()
        resumed.restore(state)
        for step in range(steps, steps + 3):
            assert all(same(resumed.row(row), straight[row]) for row in resumed.rows_of_step(step, rank, after))


def test_a_rank_reads_only_its_lanes_of_two_sources() -> None:
    mixed = pair()
    read(mixed, 480, 1, 2)
    speech, text = (sorted(stream["states"]) for stream in mixed.state()["streams"])
    assert (speech, text) == ([1, 3], [0, 2])


def test_the_progress_of_a_row_is_that_of_training() -> None:
    """The first source is patched by eights until half of all rows are over, whichever of them were its own."""
    mixed = mixture(Patched(100, 4, changes=True), Patched(90, 1), rows=4800)
    longest = [
        (number, int(row.lengths.max())) for number, row in read(mixed, 4800).items() if mixed.place(number).source == 0
    ]
    assert {length for row, length in longest if row < 2400} == {8}
    assert {length for row, length in longest if row > 3600} == {4}


def test_another_mixture_is_not_resumed() -> None:
    state = pair().state()
    with pytest.raises(ConfigError, match=r"`rows\.per_step` 12, but now it is 6"):
        mixture(Patched(100, 4), Patched(90, 1), per_step=6).restore(state)
    with pytest.raises(ConfigError, match="`data` 2, but now it is 1"):
        mixture(Patched(100, 4), shares=(1,)).restore(state)
