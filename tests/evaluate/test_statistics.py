from __future__ import annotations

import numpy as np
import pytest

from lstdata.evaluate.statistics import difference, interval


def test_the_interval_of_a_coin_is_that_of_the_binomial() -> None:
    """400 items at 0.5: a standard error of 0.025, so about ±0.049."""
    values = np.tile([0.0, 1.0], 200)
    found = interval(values, range(400))
    assert found.mean == 0.5
    assert (found.low, found.high) == pytest.approx((0.451, 0.549), abs=0.004)
    assert interval(values, range(400)) == found


def test_items_of_a_group_are_drawn_together() -> None:
    """Pairs that are right or wrong together say half as much; pairs that always share one right say all."""
    values = np.repeat(np.tile([0.0, 1.0], 100), 2)
    pairs = [i // 2 for i in range(400)]
    together, apart = interval(values, pairs), interval(values, range(400))
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(2**0.5, rel=0.05)
    shared = interval(np.tile([0.0, 1.0], 200), pairs)
    assert (shared.low, shared.high) == (0.5, 0.5)


def test_groups_of_other_sizes_weigh_by_their_items() -> None:
    found = interval(np.array([1.0, 1.0, 1.0, 0.0]), ["a", "a", "a", "b"])
    assert (found.mean, found.low, found.high) == (0.75, 0.0, 1.0)


def test_a_difference_on_the_same_items_leaves_out_what_both_share() -> None:
    hard = np.tile([0.0, 1.0], 100)
    ours = hard.copy()
    ours[:20] = 1.0
    found = difference(ours[None], hard[None], range(200))
    assert found.mean == pytest.approx(0.05)
    assert found.low > 0
    same = difference(hard[None], hard[None], range(200))
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)


def test_runs_are_drawn_too() -> None:
    """Three runs a side that agree on every item but differ between seeds: the items add nothing."""
    ours, theirs = (np.repeat(np.array(means)[:, None], 50, axis=1) for means in ([0.5, 0.6, 0.7], [0.4, 0.5, 0.6]))
    found = difference(ours, theirs, range(50))
    assert found.mean == pytest.approx(0.1)
    assert found.low < 0.0 < found.high
    one = difference(ours[1:2], theirs[1:2], range(50))
    assert (one.low, one.high) == pytest.approx((0.1, 0.1))


def test_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        difference(np.zeros((1, 3)), np.zeros((1, 2)), range(3))
    with pytest.raises(ValueError, match="at least one"):
        interval(np.zeros(0), [])


def test_with_weights_it_is_the_ratio_of_the_sums() -> None:
    """Two utterances of 10 and 30 words with 5 and 3 errors: 8 of 40 words; drawn twice, 10 of 20 or 6 of 60."""
    errors, words = np.array([5.0, 3.0]), np.array([10.0, 30.0])
    found = interval(errors, range(2), weights=words)
    assert (found.mean, found.low, found.high) == (0.2, 0.1, 0.5)
    ours, theirs = np.array([[5.0, 3.0]]), np.array([[4.0, 6.0], [6.0, 6.0]])
    by = difference(ours, theirs, range(2), weights=words)
    assert by.mean == pytest.approx(8 / 40 - (10 + 12) / 2 / 40)
    assert by.low == pytest.approx(3 / 30 - 6 / 30)
    assert difference(ours, ours, range(2), weights=words) == difference(ours, ours, range(2), weights=words)
    assert difference(ours, ours, range(2), weights=words).high == 0.0
