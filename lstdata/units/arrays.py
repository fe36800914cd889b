"""Units in files of numpy."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.storage import read_given


def read_row(path: str, option: str) -> NDArray[np.integer]:
    """One row of whole numbers ≥ 0, at least one; ConfigError where it is none. Pickled arrays are refused."""
    try:
        array = np.load(io.BytesIO(read_given(path, option, "array")), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ConfigError(f"`{path}` is no array of numpy, or a damaged or a pickled one.") from error
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
        raise ConfigError(f"`{path}` must hold one row of unit ids, at least one.")
    return array


def check_range(array: NDArray[np.integer], count: int, path: str) -> None:
    """ConfigError where one of the ids is not one of `count` units."""
    if array.min() < 0 or array.max() >= count:
        raise ConfigError(f"`{path}` must hold units 0…{count - 1}, but has {array.min()}…{array.max()}.")
