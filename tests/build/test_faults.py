"""Of many tasks, those that fail for what the world does cost themselves, until too many do in a row."""

from __future__ import annotations

import pytest

from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.workers.faults import MOST_FAULTS, successes

DOWN = Unavailable("the mount is gone")


def test_faults_are_kept_apart_and_a_success_in_between_counts_anew() -> None:
    faults: list[LstDataError] = []
    results = [(0, "a"), *((n, DOWN) for n in range(MOST_FAULTS - 1)), (1, "b"), (2, DOWN), (3, "c")]
    assert list(successes(results, faults)) == [(0, "a"), (1, "b"), (3, "c")]
    assert faults == [DOWN] * MOST_FAULTS


def test_too_many_in_a_row_end_it() -> None:
    faults: list[LstDataError] = []
    results = iter([(n, DOWN) for n in range(MOST_FAULTS)] + [(99, "never asked for")])
    assert list(successes(results, faults)) == []
    assert len(faults) == MOST_FAULTS and next(results) == (99, "never asked for")


def test_the_users_fault_is_raised_at_once() -> None:
    with pytest.raises(ConfigError, match="another machine"):
        list(successes([(0, ConfigError("another machine")), (1, "a")], []))
