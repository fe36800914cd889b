"""The k-means codebook: features in, cluster ids out; a pickle-free `.npz` that carries its own scaling."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.storage import open_binary, sha256_bytes
from lstdata.units import mfcc

MAX_CLUSTERS = 65_535
"""Ids are stored as uint16."""

_ROWS = 256
"""Frames per matrix product: a fixed shape, because results differ between shapes in the last bits."""


@dataclass(frozen=True, eq=False)
class Codebook:
    """Centroids in the scaled space `(features − mean) / scale`; shapes (clusters, d), (d,), (d,), float32."""

    centroids: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    extractor: str

    @property
    def clusters(self) -> int:
        return int(self.centroids.shape[0])

    @cached_property
    def sha256(self) -> str:
        """Of the file's bytes, which are a function of the arrays alone."""
        return sha256_bytes(self.to_bytes())

    def assign(self, features: NDArray[np.float32]) -> NDArray[np.uint16]:
        """(frames, d) → (frames,) index of the nearest centroid; the lower index on a tie."""
        import torch

        ids = np.empty(len(features), dtype=np.uint16)
        centroids = torch.from_numpy(self.centroids)
        norms = (centroids * centroids).sum(1)
        block = np.zeros((_ROWS, features.shape[1]), dtype=np.float32)
        for start in range(0, len(features), _ROWS):
            part = (features[start : start + _ROWS] - self.mean) / self.scale
            block[: len(part)] = part
            distances = norms - 2 * (torch.from_numpy(block) @ centroids.T)
            ids[start : start + len(part)] = distances.argmin(1).numpy()[: len(part)]
        return ids

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        np.savez(
            buffer,
            centroids=self.centroids,
            mean=self.mean,
            scale=self.scale,
            extractor=np.array(self.extractor),
        )
        return buffer.getvalue()


def load_codebook(path: str | Path) -> Codebook:
    """Read a codebook file; ConfigError names what it lacks. Pickled arrays are refused."""
    try:
        with open_binary(str(path)) as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as arrays:
            book = Codebook(
                centroids=arrays["centroids"].astype(np.float32),
                mean=arrays["mean"].astype(np.float32),
                scale=arrays["scale"].astype(np.float32),
                extractor=str(arrays["extractor"]),
            )
    except Exception as error:  # damaged bytes can make the zip and array readers raise anything
        raise ConfigError(f"`{path}` is not a codebook file: {' '.join(str(error).split())}.") from error
    mistake = _mistake(book)
    if mistake is not None:
        raise ConfigError(f"`{path}` is not a codebook file: {mistake}.")
    return book


def _mistake(book: Codebook) -> str | None:
    """Why these arrays are no codebook, or not one for the features that they were made for."""
    if book.centroids.ndim != 2 or not book.mean.shape == book.scale.shape == book.centroids.shape[1:]:
        return "its arrays have shapes that do not fit"
    if not all(np.isfinite(array).all() for array in (book.centroids, book.mean, book.scale)):
        return "its arrays hold values that are not finite"
    if not (book.scale > 0).all():
        return "`scale` must be > 0 everywhere"
    if not 1 <= book.clusters <= MAX_CLUSTERS:
        return f"`centroids` must have between 1 and {MAX_CLUSTERS} rows, but has {book.clusters}"
    columns = book.centroids.shape[1]
    if book.extractor == "mfcc" and columns != mfcc.DIMENSIONS:
        return f"`centroids` must have {mfcc.DIMENSIONS} columns for mfcc features, but has {columns}"
    return None
