from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.loader.schedule import PERIOD, Schedule

MIXTURES = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        st.lists(st.integers(1, 20), min_size=count, max_size=count),
        st.lists(st.integers(500, 8_000), min_size=count, max_size=count),
        st.sampled_from([1, 4, 6, 128]),
    )
)
"""At most 961 rows for one of the rarest source: fewer than would be refused."""


@settings(max_examples=20)
@given(MIXTURES, st.integers(0, 3 * PERIOD))
def test_place_and_row_are_inverse_wherever_one_looks(mixture: tuple[list[int], list[int], int], row: int) -> None:
    schedule = Schedule(*mixture)
    source, number = schedule.place(row)
    assert schedule.row(source, number) == row


@settings(max_examples=5)
@given(MIXTURES)
def test_the_rows_of_each_source_are_numbered_without_gaps_step_by_step(
    mixture: tuple[list[int], list[int], int],
) -> None:
    """Also across the end of a period."""
    schedule = Schedule(*mixture)
    steps = PERIOD // schedule.per_step
    seen = Counter(schedule.place(row)[0] for row in range((steps - 2) * schedule.per_step))
    for step in range(steps - 2, steps + 2):
        rows = range(step * schedule.per_step, (step + 1) * schedule.per_step)
        places = sorted(schedule.place(row) for row in rows)
        for source in range(schedule.sources):
            numbers = [number for other, number in places if other == source]
            assert numbers == list(range(seen[source], seen[source] + len(numbers)))
            seen[source] += len(numbers)


@settings(max_examples=20)
@given(MIXTURES, st.integers(1, PERIOD // 128))
def test_no_deficit_leaves_the_proven_bounds(mixture: tuple[list[int], list[int], int], steps: int) -> None:
    shares, tokens, per_step = mixture
    schedule = Schedule(shares, tokens, per_step)
    p = [Fraction(share, sum(shares)) for share in shares]
    rows = Counter(schedule.place(row)[0] for row in range(steps * per_step))
    total = sum(rows[k] * tokens[k] for k in range(len(p)))
    rounding = Fraction(total, 1 << 18)
    for k, share in enumerate(p):
        deficit = share * total - rows[k] * tokens[k]
        assert -(1 - share) * tokens[k] - rounding <= deficit
        assert deficit <= sum((1 - p[i]) * tokens[i] for i in range(len(p)) if i != k) + rounding


@pytest.mark.parametrize(("world", "lanes"), [(1, 8), (2, 8), (4, 8), (8, 8), (8, 2)])
def test_of_two_sources_a_row_has_its_rank_by_its_number(world: int, lanes: int) -> None:
    schedule = Schedule([1, 2], [12_000, 4_000], per_step=8)
    for row in range(4 * PERIOD // 3):
        source, number = schedule.place(row)
        assert number % world == schedule.residue(source, row % world, world)


def test_the_papers_mixture_has_the_papers_row_weights() -> None:
    """One third interleaved and two thirds text, where a row of patches holds 2.37 times the tokens of one of text."""
    assert Schedule([1, 2], [4096 * 2.374, 4096], 128).row_shares[0] == pytest.approx(0.174, abs=1e-4)
    assert Schedule([1, 2], [4096, 4096], 128).row_shares[0] == pytest.approx(1 / 3, abs=1e-4)


def test_one_source_has_every_row() -> None:
    schedule = Schedule([0.3], [1000], 4)
    assert [schedule.place(row) for row in (0, 5, 3 * PERIOD + 1)] == [(0, 0), (0, 5), (0, 3 * PERIOD + 1)]
    assert schedule.tokens_per_row == 1000


def test_a_share_that_gives_no_row_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`share` must .* 1e-06 of 1 gives source 2 one in 1,000,000"):
        Schedule([1 - 1e-6, 1e-6], [1000, 1000], 4)
