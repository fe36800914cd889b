"""What is never divided where records are held out: all of a speaker, or else of a recording."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEWEST_SPEAKERS: Final = 20
"""From this many speakers on, a group is a speaker; below, a recording."""


def enough_speakers(speakers: NDArray[np.uint64]) -> bool:
    """By the hash of each record's speaker, 0 where it is not known."""
    return len(np.unique(speakers[speakers != 0])) >= FEWEST_SPEAKERS


def groups_of(speakers: NDArray[np.uint64], recordings: NDArray[np.uint64], by_speaker: bool) -> NDArray[np.uint64]:
    """The group of each record as a hash: of its speaker, where that counts and is known, else of its recording."""
    return np.where(by_speaker & (speakers != 0), speakers, recordings)
