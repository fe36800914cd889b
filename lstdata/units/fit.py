"""Fitting a codebook: mini-batch k-means, then passes over all frames; on one thread and in bounded memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.config import UnitsConfig
from lstdata.errors import ConfigError
from lstdata.randomness import rng
from lstdata.units.codebook import Codebook
from lstdata.units.frames import BLOCK, Frames, FramesInMemory, blocks
from lstdata.units.frames import FrameStore as FrameStore

VERSION = 2
DEFAULT_CLUSTERS = 500
FRAMES_PER_CLUSTER = 10
"""Fewest frames a cluster is fitted on where the number of clusters is not given."""

_TRIES: Final = 3
"""Beginnings, of which the one with the least inertia is taken."""
_BATCHES: Final = 60
_SAMPLE: Final = 8192
"""Frames that a beginning is chosen from, or three for each cluster where that is more."""
_PASSES: Final = 5
_ENOUGH: Final = 1e-3
"""Passes end where one has lowered the inertia by a smaller part than this."""
_FAR: Final = 8
"""Frames of each block that clusters without frames can move to."""
_SPREAD_CLUSTERS: Final = 4096
"""Of more clusters the beginnings are frames drawn evenly: the time of k-means++ grows with their square."""


@dataclass(frozen=True)
class FitSummary:
    """What a fitted codebook is worth: mean squared distance per dimension, entropy of use, unused clusters."""

    frames: int
    clusters: int
    inertia: float
    entropy_bits: float
    dead_clusters: int
    sha256: str
    """Of the codebook file."""


def fit_codebook(
    frames: FrameStore | NDArray[np.float32],
    config: UnitsConfig,
    *,
    extractor: str | None = None,
    features: str = "",
    scaled: bool = True,
) -> tuple[Codebook, FitSummary]:
    """Cluster (frames, d) features; equal frames in equal order give equal bytes, wherever they lie.

    Each dimension is scaled to unit variance first, or `scaled=False` leaves them as they are. `extractor` (that of the
    config where None) and `features` go into the codebook as they are.
    """
    stored: Frames = FramesInMemory(frames) if isinstance(frames, np.ndarray) else frames
    clusters = _clusters(stored, config)
    with _one_thread():
        mean, scale = _moments(stored, scaled)
        start = Codebook(np.empty(0, dtype=np.float32), mean, scale, extractor or config.extractor, None, features)
        return _refine(stored, _by_batches(stored, start, clusters, config.seed))


def _clusters(frames: Frames, config: UnitsConfig) -> int:
    wanted = config.clusters
    if wanted is None:
        return max(1, _distinct(frames, min(DEFAULT_CLUSTERS, len(frames) // FRAMES_PER_CLUSTER)))
    distinct = _distinct(frames, wanted)
    if distinct < wanted:
        raise ConfigError(
            f"`units.clusters` is {wanted}, but only {distinct} different frames could be read to fit "
            f"them on: give more speech, fewer clusters, or a codebook (`units.codebook`)."
        )
    return wanted


def _distinct(frames: Frames, enough: int) -> int:
    """The number of different frames, counted up to `enough`."""
    seen: set[bytes] = set()
    for block in blocks(frames):
        for row in block + np.float32(0):  # so that −0 is 0
            if len(seen) >= enough:
                return enough
            seen.add(hashlib.blake2b(row.tobytes(), digest_size=16).digest())
    return min(len(seen), enough)


def _moments(frames: Frames, scaled: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(mean, standard deviation) of each dimension, block by block in float64; (0, 1) of what is not to be scaled."""
    seen, mean, squares = 0, np.zeros(frames.dimensions), np.zeros(frames.dimensions)
    for block in blocks(frames):
        wide = block.astype(np.float64)
        here = wide.mean(0)
        step = here - mean
        mean += step * (len(block) / (seen + len(block)))
        squares += ((wide - here) ** 2).sum(0) + step**2 * (seen * len(block) / (seen + len(block)))
        seen += len(block)
    if not (np.isfinite(mean).all() and np.isfinite(squares).all()):
        raise ConfigError("A codebook must be fitted on features that are finite, but some are not: try float32.")
    if not scaled:
        return np.zeros(frames.dimensions, dtype=np.float32), np.ones(frames.dimensions, dtype=np.float32)
    return mean.astype(np.float32), np.maximum(np.sqrt(squares / seen), 1e-6).astype(np.float32)


def _by_batches(frames: Frames, start: Codebook, clusters: int, seed: int) -> Codebook:
    """Mini-batch k-means over frames in a seeded order."""
    from sklearn.cluster import MiniBatchKMeans

    draw = rng(seed, 0, "", "fit a codebook")
    batch = min(len(frames), max(BLOCK, clusters))
    kmeans = MiniBatchKMeans(
        n_clusters=clusters,
        init=_beginning(frames, start, clusters, draw, seed),
        n_init=1,
        batch_size=batch,
        random_state=seed,
        reassignment_ratio=0.01,
        compute_labels=False,
    )
    for _, rows in zip(range(_BATCHES), _batches(len(frames), batch, draw), strict=False):
        kmeans.partial_fit(_scale(frames.pick(rows), start))
    return _with(start, kmeans.cluster_centers_)


def _batches(frames: int, size: int, draw: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Numbers of frames, each once before any is drawn again; all batches are of one size."""
    while True:
        order = draw.permutation(frames)
        for start in range(0, frames - size + 1, size):
            yield order[start : start + size]


def _beginning(
    frames: Frames, start: Codebook, clusters: int, draw: np.random.Generator, seed: int
) -> NDArray[np.float32]:
    """(clusters, d): of several beginnings on a sample, the one that serves another sample best."""
    from sklearn.cluster import kmeans_plusplus
    from sklearn.metrics import pairwise_distances_argmin_min

    size = min(len(frames), max(_SAMPLE, clusters if clusters > _SPREAD_CLUSTERS else 3 * clusters))
    tried: list[tuple[float, NDArray[np.float32]]] = []
    judge = _scale(frames.pick(draw.permutation(len(frames))[: 2 * BLOCK]), start)
    for number in range(_TRIES):
        sample = _scale(frames.pick(draw.permutation(len(frames))[:size]), start)
        if clusters > _SPREAD_CLUSTERS:
            centroids = sample[:clusters]
        else:
            centroids, _ = kmeans_plusplus(sample, clusters, random_state=(seed + number) % 2**32)
        _, distances = pairwise_distances_argmin_min(judge, centroids)
        tried.append((float(np.square(distances, dtype=np.float64).mean()), centroids))
    return min(tried, key=lambda pair: pair[0])[1]


@dataclass(frozen=True)
class _Pass:
    """What one reading of all frames says of a codebook."""

    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    """(clusters, d): of the scaled frames of each cluster."""
    inertia: float
    far: NDArray[np.float32]
    """Different scaled frames, those of each block that are farthest from their centroids; the farthest first."""


def _refine(frames: Frames, book: Codebook) -> tuple[Codebook, FitSummary]:
    """Each centroid becomes the mean of its frames, until that gains little; the summary is of the last pass."""
    found = _read_all(frames, book)
    for _ in range(_PASSES):
        better = _moved(book, found)
        after = _read_all(frames, better)
        if after.inertia >= found.inertia and (after.counts == 0).sum() >= (found.counts == 0).sum():
            break
        gain = 1 - after.inertia / found.inertia if found.inertia else 0.0
        book, found = better, after
        if gain < _ENOUGH and found.counts.all():
            break
    return book, _summary(book, found)


def _moved(book: Codebook, found: _Pass) -> Codebook:
    """The means of the clusters' frames; a cluster without frames takes a frame that is far from all centroids."""
    centroids = book.centroids.copy()
    used = found.counts > 0
    centroids[used] = found.sums[used] / found.counts[used, None]
    dead = np.flatnonzero(~used)[: len(found.far)]
    centroids[dead] = found.far[: len(dead)]
    return _with(book, centroids)


def _read_all(frames: Frames, book: Codebook) -> _Pass:
    counts = np.zeros(book.clusters, dtype=np.int64)
    sums = np.zeros(book.centroids.shape)
    total, far = 0.0, list[tuple[float, bytes]]()
    for block in blocks(frames):
        ids, scaled = book.assign(block), _scale(block, book)
        order = np.argsort(ids, kind="stable")
        present, first = np.unique(ids[order], return_index=True)
        sums[present] += np.add.reduceat(scaled[order], first, axis=0, dtype=np.float64)
        counts += np.bincount(ids, minlength=book.clusters)
        distances = np.square(scaled - book.centroids[ids]).sum(1, dtype=np.float64)
        total += float(distances.sum())
        far += [(float(distances[row]), scaled[row].tobytes()) for row in np.argsort(-distances, kind="stable")[:_FAR]]
    far.sort(key=lambda pair: -pair[0])
    different = list(dict.fromkeys(frame for _, frame in far))[: book.clusters]
    farthest = np.frombuffer(b"".join(different), dtype=np.float32).reshape(-1, book.dimensions)
    return _Pass(counts, sums, total / (len(frames) * book.dimensions), farthest)


def _summary(book: Codebook, found: _Pass) -> FitSummary:
    frames = int(found.counts.sum())
    shares = found.counts[found.counts > 0] / frames
    return FitSummary(
        frames=frames,
        clusters=book.clusters,
        inertia=found.inertia,
        entropy_bits=-math.fsum(float(p) * math.log2(p) for p in shares),
        dead_clusters=int((found.counts == 0).sum()),
        sha256=book.sha256,
    )


def _with(book: Codebook, centroids: Any) -> Codebook:
    """The same scaling, other centroids."""
    rows = np.ascontiguousarray(centroids, dtype=np.float32)
    return Codebook(rows, book.mean, book.scale, book.extractor, None, book.features)


def _scale(frames: NDArray[np.float32], book: Codebook) -> NDArray[np.float32]:
    return (frames - book.mean) / book.scale


@contextmanager
def _one_thread() -> Iterator[None]:
    """In every library that counts, so that sums do not depend on the machine."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
