"""Patching: how a run of speech frames becomes positions. Pure functions on integers.

Each strategy cuts a run [start, end) of an utterance into patches whose lengths are ≥ 1 and sum to `end - start`.
Patching restarts at the start of every run, so a run trimmed by interleaving is patched as if it stood alone. `mixed`
and `curriculum` are no cuts of their own: `chosen_for` chooses one for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from lstdata.boundary_noise import moved_edges, with_boundaries
from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.randomness import rng
from lstdata.records import SAMPLE_RATE, Ints, Sample

CHOSEN_LATER: Final = ("strategy", "aligned_until", "static_from", "boundary_noise_ms", "unit_bpe")
"""Options that change nothing of what shards store: the boundaries of every strategy are there."""

BY_WORDS: Final = ("aligned", "aligned-merged", "aligned-bpe")
"""Strategies whose boundaries come from word times: at inference somebody must give them."""

CHANGING: Final = ("mixed", "curriculum")
"""Strategies under which each document is `aligned` or `static`; models that they train are evaluated as `static`."""

DECODABLE: Final = ("none", "static", "unit-bpe")
"""Strategies under which it is known where a position ends while its tokens come one by one."""


def chosen_for(sample: Sample, config: PatchingConfig, *, seed: int, epoch: int, progress: float) -> PatchingConfig:
    """How this document is cut: a pure function of (seed, epoch, id) and how far training is, in [0, 1].

    `mixed` tosses a fair coin (arXiv 2510.06195, §3). `curriculum` is `aligned` with a probability of 1 until
    `aligned_until`, which falls linearly to 0 at `static_from`. Without word times both are `static`.
    """
    if config.strategy not in CHANGING:
        return config
    share = 0.5
    if config.strategy == "curriculum":
        first, last = config.aligned_until, config.static_from
        share = float(progress < first) if first == last else min(1.0, max(0.0, (last - progress) / (last - first)))
    by_words = sample.word_frames is not None and rng(seed, epoch, sample.id, "patching").random() < share
    return _by(config, "aligned" if by_words else "static")


def noise_for(sample: Sample, config: PatchingConfig, *, seed: int, epoch: int) -> Ints | None:
    """Where `patch_run` is to take the boundaries of this document's words to be: a function of (seed, epoch, id).

    None where they are where they are, or where nothing depends on them.
    """
    if not config.boundary_noise_ms or config.strategy not in BY_WORDS:
        return None
    noise = config.boundary_noise_ms * SAMPLE_RATE / 1000 / sample.hop
    return moved_edges(sample.frames, noise, rng(seed, epoch, sample.id, "boundary noise"))


def evaluated(config: PatchingConfig) -> PatchingConfig:
    """How a model that was trained so is evaluated: what changes in training ends as `static`, and nothing is moved."""
    if config.boundary_noise_ms:
        config = replace(config, boundary_noise_ms=0.0)
    return _by(config, "static") if config.strategy in CHANGING else config


@cache
def _by(config: PatchingConfig, strategy: Literal["aligned", "static"]) -> PatchingConfig:
    return replace(config, strategy=strategy)


def patch_run(
    strategy: str, start: int, end: int, sample: Sample, config: PatchingConfig, noise: Ints | None = None
) -> Ints:
    """(patches,) lengths of the patches of frames [start, end); ConfigError where the sample lacks what it takes.

    `noise` is that of `noise_for`; the ends of the run stay where they are.
    """
    if not 0 <= start <= end <= sample.frames:
        raise ValueError(f"A run must lie in [0, {sample.frames}], but is [{start}, {end}).")
    cut = STRATEGIES.get(strategy)
    if cut is None:
        raise ConfigError(f"A speech run is cut by one of {', '.join(STRATEGIES)}, but not by {strategy!r}.")
    if start == end:
        return np.zeros(0, dtype=np.int64)
    return cut(sample if noise is None else with_boundaries(sample, start, end, noise), start, end, config)


def late_patches(lengths: Ints, config: PatchingConfig) -> NDArray[np.bool_]:
    """(patches,) of a run: which of them end where only the token after them tells (chosen here).

    Under `static` that is a short last patch: units come one by one, and it closes because the run has ended. The
    boundaries of the other strategies are given with the speech, or every token is one.
    """
    late = np.zeros(len(lengths), dtype=np.bool_)
    if config.strategy == "static":
        late[-1:] = lengths[-1:] < config.patch_size
    return late


def utterance_patches(strategy: str, sample: Sample, config: PatchingConfig) -> Ints:
    """(patches,) lengths of the patches of the whole utterance."""
    return patch_run(strategy, 0, sample.frames, sample, config)


def piece_frames(
    words: Sequence[str],
    frames: Ints | None,
    characters: Sequence[tuple[int, ...] | None] | None,
    starts: Sequence[int],
) -> Ints | None:
    """`Sample.piece_frames`; `starts` are the places in the words, joined by a space each, at which pieces begin.

    A word whose characters have no times is left whole.
    """
    if frames is None or characters is None:
        return None
    found: list[int] = []
    begin = 0
    pieces = iter(sorted(starts))
    piece = next(pieces, None)
    for word, (first, after), begun in zip(words, frames.tolist(), characters, strict=True):
        end = begin + len(word)
        while piece is not None and piece < end:
            if piece > begin and begun is not None and first < begun[piece - begin] < after:
                found.append(begun[piece - begin])
            piece = next(pieces, None)
        begin = end + 1
    return np.array(found, dtype=np.int64)


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
    turns = np.flatnonzero(active[1:] != active[:-1]) + 1
    lengths: list[int] = []
    begin = spoken = 0
    speaks = bool(active[0])
    for turn in [*turns.tolist(), end - start]:
        if speaks or turn - begin < config.min_silence:
            spoken += turn - begin
        else:
            lengths += _pieces(spoken, min(config.patch_size, config.max_patch))
            lengths += _pieces(turn - begin, config.max_patch)
            spoken = 0
        begin, speaks = turn, not speaks
    lengths += _pieces(spoken, min(config.patch_size, config.max_patch))
    return np.array(lengths, dtype=np.int64)


def _aligned(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """One patch per word and one per gap between words, clipped to the run.

    A word without frames owns no patch and does not divide the silence around it.
    """
    return _cut_at(_sounding(sample, start, end, "aligned").ravel(), start, end, config)


def _aligned_merged(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """One patch per word with the silence after it; what comes before the run's first word goes to that (chosen here).

    A run without words is one patch.
    """
    return _cut_at(_sounding(sample, start, end, "aligned-merged")[1:, 0], start, end, config)


def _aligned_bpe(sample: Sample, start: int, end: int, config: PatchingConfig) -> Ints:
    """One patch per piece of the text tokenizer, one per gap between words."""
    words = _sounding(sample, start, end, "aligned-bpe")
    pieces = sample.piece_frames
    if pieces is None:
        raise ConfigError(
            f"`patching.strategy` aligned-bpe needs the times of characters, but sample `{sample.id}` has none, as "
            f"its words were found by {sample.aligner or 'nobody knows what'}: build with `words.aligner=ctc`."
        )
    inside = pieces[slice(*pieces.searchsorted((start, end)).tolist())]
    return _cut_at(np.sort(np.concatenate([words.ravel(), inside])), start, end, config)


def _sounding(sample: Sample, start: int, end: int, strategy: str) -> Ints:
    """(words, 2) frames of the words that have any in the run, clipped to it."""
    words = sample.word_frames
    if words is None:
        raise ConfigError(
            f"`patching.strategy` {strategy} needs word times, but sample `{sample.id}` has none: "
            "use none, static or silence."
        )
    first, after = words[:, 1].searchsorted(start, "right"), words[:, 0].searchsorted(end)
    inside = words[first:after]
    return np.minimum(np.maximum(inside[inside[:, 0] < inside[:, 1]], start), end)


def _cut_at(edges: Ints, start: int, end: int, config: PatchingConfig) -> Ints:
    """Cut a run at those edges, which never fall, and what is then too long."""
    borders = np.empty(len(edges) + 2, dtype=np.int64)
    borders[0], borders[1:-1], borders[-1] = start, edges, end
    lengths: Ints = borders[1:] - borders[:-1]
    lengths = lengths[lengths > 0]
    longest = config.max_patch
    if lengths.max(initial=0) <= longest:
        return lengths
    counts = -(-lengths // longest)
    cut = np.full(counts.sum(), longest, dtype=np.int64)
    cut[np.cumsum(counts) - 1] = lengths - (counts - 1) * longest
    return cut


def _pieces(length: int, longest: int) -> list[int]:
    """Full pieces of `longest`, then what is left over."""
    full, rest = divmod(length, longest)
    return [longest] * full + [rest] * (rest > 0)


STRATEGIES: Final[Mapping[str, Callable[[Sample, int, int, PatchingConfig], Ints]]] = {
    "none": _none,
    "static": _static,
    "silence": _silence,
    "aligned": _aligned,
    "aligned-merged": _aligned_merged,
    "aligned-bpe": _aligned_bpe,
}
