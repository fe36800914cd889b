"""Samples dealt out to parts: every sample once, no group divided, no part empty, about as much as was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.select_options import parts_of
from lstdata.sources.dealing import deal


def hashes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def one_each(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """No speakers, as many recordings as samples, a second each."""
    return np.zeros(count, np.uint64), np.arange(1, count + 1, dtype=np.uint64), np.ones(count)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.floats(0.1, 30)), min_size=1, max_size=80),
    st.sampled_from([("a=0.5", "b=0.5"), ("a=90%", "b=5%", "c=0.05"), ("a=0.001", "b=rest")]),
    st.integers(0, 5),
)
def test_no_group_is_divided_and_no_part_is_empty(
    samples: list[tuple[int, int, float]], into: tuple[str, ...], seed: int
) -> None:
    speakers, recordings, seconds = (np.array(column) for column in zip(*samples, strict=True))
    speakers, recordings = speakers.astype(np.uint64), recordings.astype(np.uint64) + np.uint64(100)
    by_speaker = len(set(speakers.tolist()) - {0}) >= 20
    groups = [s if by_speaker and s else r for s, r in zip(speakers.tolist(), recordings.tolist(), strict=True)]
    parts = parts_of(into)
    if len(set(groups)) < len(parts):
        with pytest.raises(ConfigError, match="cannot be divided into"):
            deal(speakers, recordings, seconds, parts, seed)
        return
    dealt = deal(speakers, recordings, seconds, parts, seed).tolist()
    assert set(dealt) == set(range(len(parts)))
    assert len(set(zip(groups, dealt, strict=True))) == len(set(groups))


@pytest.mark.parametrize(
    ("into", "expected"),
    [
        (("a=0.8", "b=0.2"), [80, 20]),
        (("a=98%", "b=1%", "c=0.01"), [98, 1, 1]),
        (("a=0.0028h", "b=rest"), [10, 90]),
        (("a=7recordings", "b=0.5", "c=rest"), [7, 50, 43]),
    ],
)
def test_shares_are_kept_as_far_as_groups_allow(into: tuple[str, ...], expected: list[int]) -> None:
    assert np.bincount(deal(*one_each(100), parts_of(into), seed=3)).tolist() == expected


def test_the_seed_chooses_the_groups() -> None:
    parts = parts_of(("a=0.5", "b=0.5"))
    first, again, other = (deal(*one_each(40), parts, seed).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_speakers_are_counted_where_they_are_known() -> None:
    speakers = hashes(1, 1, 2, 0, 3, 3, 0)
    dealt = deal(speakers, hashes(*range(11, 18)), np.ones(7), parts_of(("held=2speakers", "train=rest")), seed=0)
    held = set(speakers[dealt == 0].tolist())
    assert len(held) == 2 and 0 not in held
    assert set(speakers[dealt == 1].tolist()) == {0, 1, 2, 3} - held


@pytest.mark.parametrize(
    ("into", "message"),
    [
        (("a=9speakers", "b=rest"), "wants 9 speakers for a, but 3 are all"),
        (("a=1h", "b=rest"), "leaves nothing for b: the others take all"),
        (("a=4recordings", "b=rest"), "leaves nothing for b"),
    ],
)
def test_what_is_too_much_is_refused(into: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        deal(hashes(1, 2, 3, 0), hashes(4, 5, 6, 7), np.ones(4), parts_of(into), seed=0)
