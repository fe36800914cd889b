"""Patching: how a run of speech frames becomes positions. Pure functions on integers.

Each strategy cuts a run [start, end) of an utterance into patches whose lengths are ≥ 1 and sum to `end - start`.
Patching restarts at the start of every run, so a run trimmed by interleaving is patched as if it stood alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.records import Ints, Sample


def patch_run(strategy: str, start: int, end: int, sample: Sample, config: PatchingConfig) -> Ints:
    """(patches,) lengths of the patches of frames [start, end); ConfigError where the sample lacks what it takes."""
    if not 0 <= start <= end <= sample.frames:
        raise ValueError(f"A run must lie in [0, {sample.frames}], but is [{start}, {end}).")
    cut = STRATEGIES.get(strategy)
    if cut is None:
        raise ConfigError(f"`patching.strategy` must be one of {', '.join(STRATEGIES)}, but is {strategy!r}.")
    return cut(sample, start, end, config) if start < end else np.zeros(0, dtype=np.int64)


def utterance_patches(strategy: str, sample: Sample, config: PatchingConfig) -> Ints:
    """(patches,) lengths of the patches of the whole utterance."""
    return patch_run(strategy, 0, sample.frames, sample, config)


def cut_pieces(lengths: Ints, longest: int | Ints) -> Ints:
    """Cut each length into full pieces of `longest` (one for all, or one each), then what is left over."""
    if not (lengths > longest).any():
        return lengths
    pieces = -(-lengths // longest)
    last = np.cumsum(pieces) - 1
    cut = np.repeat(np.broadcast_to(longest, lengths.shape), pieces)
    cut[last] = lengths - (pieces - 1) * longest
    return cut


def _none(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    return np.ones(end - start, dtype=np.int64)


def _static(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """Every `patch_size` frames from the run's start; the last patch may be short."""
    full, rest = divmod(end - start, config.patch_size)
    lengths = np.full(full + (rest > 0), config.patch_size, dtype=np.int64)
    if rest:
        lengths[-1] = rest
    return lengths


def _silence(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """Each silent stretch of ≥ `min_silence` frames of the run is one patch; between them, static cuts (chosen here).

    Shorter silences count as speech; the static grid restarts after each silence patch.
    """
    active = sample.activity[start:end]
    change = np.empty(end - start + 1, dtype=np.bool_)
    change[0] = change[-1] = True
    np.not_equal(active[1:], active[:-1], out=change[1:-1])
    edges = np.flatnonzero(change)
    quiet = (edges[1:] - edges[:-1] >= config.min_silence) & ~active[edges[:-1]]
    bound = np.ones(len(edges), dtype=np.bool_)
    bound[1:-1] = quiet[1:] | quiet[:-1]
    edges = edges[bound]
    longest = np.where(quiet[bound[:-1]], config.max_patch, min(config.patch_size, config.max_patch))
    return cut_pieces(edges[1:] - edges[:-1], longest)


def _aligned(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """One patch per word and one per gap between words, clipped to the run.

    A word without frames owns no patch and does not divide the silence around it.
    """
    words = sample.word_frames
    if words is None:
        raise ConfigError(
            f"`patching.strategy` aligned needs word times, but sample `{sample.id}` has none: "
            "use none, static or silence."
        )
    edges = words[words[:, 1] > words[:, 0]].ravel()
    inside = edges[np.searchsorted(edges, start) : np.searchsorted(edges, end)]
    edges = np.concatenate(([start], inside, [end]))
    lengths = edges[1:] - edges[:-1]
    return cut_pieces(lengths[lengths > 0], config.max_patch)


STRATEGIES: Final[Mapping[str, Callable[[Sample, int, int, PatchingConfig], Ints]]] = {
    "none": _none,
    "static": _static,
    "silence": _silence,
    "aligned": _aligned,
}
