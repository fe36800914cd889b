"""Unit ids as files give them, as the array that shards store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import Rejected

MOST = 65_534
"""Ids are stored as uint16, and there are at most 65,535 clusters."""


def unit_ids(values: Sequence[object]) -> NDArray[np.uint16]:
    """Whole numbers, also as digits, as ids. Raises Rejected `bad_unit` for any other value, `zero_length` for none."""
    if not values:
        raise Rejected("zero_length", "it has no units.")
    ids = np.array([_number(value) for value in values], dtype=np.int64)
    if ids.max() > MOST:
        raise Rejected("bad_unit", f"a unit must be at most {MOST}, but one is {ids.max()}.")
    return ids.astype(np.uint16)


def _number(value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= 9:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return value
    raise Rejected("bad_unit", f"a unit must be a whole number ≥ 0, but one is {value!r:.80}.")
