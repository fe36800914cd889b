"""Fitting a codebook: mini-batch k-means on one thread, over a bounded sample of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstdata.config import UnitsConfig
from lstdata.errors import ConfigError
from lstdata.units.codebook import Codebook

VERSION = 1
DEFAULT_CLUSTERS = 500
FRAMES_PER_CLUSTER = 10
"""Fewest frames a cluster is fitted on where the number of clusters is not given."""


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


def fit_codebook(features: NDArray[np.float32], config: UnitsConfig) -> tuple[Codebook, FitSummary]:
    """Cluster (frames, d) features, each dimension scaled to unit variance; equal frames give equal bytes."""
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    clusters = _clusters(features, config)
    mean = features.mean(0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(features.std(0, dtype=np.float64), 1e-6).astype(np.float32)
    scaled = (features - mean) / scale
    with threadpool_limits(limits=1):
        kmeans = MiniBatchKMeans(
            n_clusters=clusters,
            random_state=config.seed,
            batch_size=4096,
            max_iter=100,
            n_init=3,
            reassignment_ratio=0.01,
        ).fit(scaled)
    book = Codebook(kmeans.cluster_centers_.astype(np.float32), mean, scale, config.extractor)
    return book, _summary(book, features, scaled)


def _clusters(features: NDArray[np.float32], config: UnitsConfig) -> int:
    distinct = len(np.unique(features, axis=0))
    wanted = config.clusters
    if wanted is None:
        return max(1, min(DEFAULT_CLUSTERS, len(features) // FRAMES_PER_CLUSTER, distinct))
    if distinct < wanted:
        raise ConfigError(
            f"`units.clusters` is {wanted}, but only {distinct} different frames (25 a second) could be read to fit "
            f"them on: give more speech, fewer clusters, or a codebook (`units.codebook`)."
        )
    return wanted


def _summary(book: Codebook, features: NDArray[np.float32], scaled: NDArray[np.float32]) -> FitSummary:
    ids = book.assign(features)
    counts = np.bincount(ids, minlength=book.clusters)
    shares = counts[counts > 0] / len(ids)
    return FitSummary(
        frames=len(ids),
        clusters=book.clusters,
        inertia=float(((scaled - book.centroids[ids]) ** 2).mean()),
        entropy_bits=-math.fsum(float(p) * math.log2(p) for p in shares),
        dead_clusters=int((counts == 0).sum()),
        sha256=book.sha256,
    )
