"""Word boundaries moved at random: what an aligner's errors would do to patches.

Shards store the frame edge nearest to a boundary, not its time. So the true time is taken to be anywhere in the frame's
length around that edge, all places equally likely; were it the edge itself, half a frame of noise would move nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstdata.records import Ints, Sample


def moved_edges(frames: int, noise: float, generator: np.random.Generator) -> Ints:
    """(frames + 1,) the edge nearest to the true time behind each, once that is moved by U(-noise, noise) frames."""
    rounding, moved = generator.random((2, frames + 1)) - 0.5
    edges: Ints = np.floor(np.arange(frames + 1) + rounding + 2 * noise * moved + 0.5).astype(np.int64)
    return edges


def with_boundaries(sample: Sample, start: int, end: int, edges: Ints) -> Sample:
    """The sample with its boundaries inside a run moved to `edges`, in their order and not out of the run.

    Words that touch keep touching, and a word may lose its last frame. Pieces of words move as words do.
    """
    words, pieces = sample.word_frames, sample.piece_frames
    return replace(
        sample,
        word_frames=None if words is None else _moved(words.ravel(), start, end, edges).reshape(-1, 2),
        piece_frames=None if pieces is None else _moved(pieces, start, end, edges),
    )


def _moved(boundaries: Ints, start: int, end: int, edges: Ints) -> Ints:
    """Boundaries never fall, before as after."""
    inside = (start < boundaries) & (boundaries < end)
    moved = boundaries.copy()
    moved[inside] = np.maximum.accumulate(np.clip(edges[boundaries[inside]], start, end))
    return moved
