"""Integers of an encoder: windows over long recordings, shapes of batches."""

from __future__ import annotations

from typing import Final, NamedTuple

from lstdata.records import SAMPLE_RATE

SECONDS_KEPT: Final = 20
"""Of a long recording, that each window contributes."""

SECONDS_OF_CONTEXT: Final = 5
"""That a window hears more on either side."""

ROWS: Final = 2
"""Of every batch. The last batches of a shard lack rows: of four hours of speech, with the padding that rows have, 3 to
5 % of the frames are nobody's; with four rows it would be up to 8 %."""

_GROWTH: Final = 1.05
"""From one length of rows to the next: a row is padded by half of that on average."""

_SHORTEST_SECONDS: Final = 1.0
"""The least length of a row."""


class Window(NamedTuple):
    """Frames [start, end) that go through the encoder together, and [first, last) of them that are kept."""

    start: int
    end: int
    first: int
    last: int


def windows(frames: int, hop: int) -> list[Window]:
    """The whole of a recording, or windows at fixed places of a long one: what is kept of them is a partition."""
    kept, context = SECONDS_KEPT * SAMPLE_RATE // hop, SECONDS_OF_CONTEXT * SAMPLE_RATE // hop
    if frames <= kept + 2 * context:
        return [Window(0, frames, 0, frames)]
    firsts = range(0, frames, kept)
    lasts = [*firsts[1:], frames]
    return [
        Window(max(0, first - context), min(frames, last + context), first, last)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def row_frames(frames: int, hop: int) -> int:
    """Frames of the row that a window of `frames` frames goes into: by its own length alone."""
    length = int(_SHORTEST_SECONDS * SAMPLE_RATE) // hop
    while length < frames:
        length = max(length + 1, int(length * _GROWTH))
    return length
