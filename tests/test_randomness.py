"""Draws are fixed for good: shards and epochs of every run so far depend on them."""

from __future__ import annotations

import numpy as np

from lstdata.randomness import digest, rng


def test_the_generator_is_philox_with_the_digest_as_its_key() -> None:
    key = np.frombuffer(digest(3, 1, "a", "b")[:16], dtype=np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key))
    found = rng(3, 1, "a", "b")
    assert found.integers(1 << 40, size=50).tolist() == expected.integers(1 << 40, size=50).tolist()
    assert found.permutation(9).tolist() == expected.permutation(9).tolist()
