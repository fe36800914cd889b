"""The codebook: features in, cluster ids out; a pickle-free `.npz` that carries its own scaling."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import ConfigError, Unavailable
from lstdata.storage import open_binary, sha256_bytes
from lstdata.units import mfcc

if TYPE_CHECKING:
    import torch

MAX_CLUSTERS = 65_535
"""Ids are stored as uint16."""

EXTRACTORS: Final = ("mfcc", "encoder", "unknown")
"""Which features a codebook is for: the built-in ones, a pretrained model's, or nobody said."""

_ROWS: Final = {"cpu": 256}
_ROWS_ELSEWHERE: Final = 4096
"""Frames per matrix product: a fixed shape, because results differ between shapes in the last bits."""


@dataclass(frozen=True, eq=False)
class Codebook:
    """Centroids in the scaled space `x = (features − mean) / scale`; shapes (clusters, d), (d,), (d,), float32.

    The id of x is the k that minimises `offsets_k − 2 x·c_k`. With the squared lengths of the centroids as offsets that
    is the nearest centroid; with −2 b it is the best output of the linear layer `c x + b`.
    """

    centroids: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    extractor: str
    offsets: NDArray[np.float32] | None = None
    """(clusters,) of a linear quantizer; None for k-means: the squared lengths."""
    features: str = ""
    """A JSON object, keys sorted, that says which model and layer the features are of; empty where nobody knows."""

    @property
    def clusters(self) -> int:
        return int(self.centroids.shape[0])

    @property
    def dimensions(self) -> int:
        return int(self.centroids.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Of the file's bytes, which are a function of the arrays alone."""
        return sha256_bytes(self.to_bytes())

    def assign(self, features: NDArray[np.float32]) -> NDArray[np.uint16]:
        """(frames, d) → (frames,) ids; the lower one on a tie."""
        import torch

        ids = self._on_cpu(torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)))
        return ids.numpy().astype(np.uint16)

    def on(self, device: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """A function of (…, d) features on that device to (…) int64 ids there; the lower one on a tie.

        The id of a frame is that of this frame alone, however many are given at once. On the CPU it is `assign`'s.
        """
        import torch

        where = torch.device(device)
        mean, scale = (torch.tensor(array, device=where) for array in (self.mean, self.scale))
        centroids = torch.tensor(np.ascontiguousarray(self.centroids), device=where)
        offsets = (centroids * centroids).sum(1) if self.offsets is None else torch.tensor(self.offsets, device=where)
        rows = _ROWS.get(where.type, _ROWS_ELSEWHERE)

        def assign(features: torch.Tensor) -> torch.Tensor:
            flat = features.reshape(-1, features.shape[-1]).float()
            ids = torch.empty(len(flat), dtype=torch.int64, device=where)
            block = torch.zeros((rows, flat.shape[1]), device=where)
            with torch.no_grad(), _full_precision(where.type):
                for start in range(0, len(flat), rows):
                    part = (flat[start : start + rows] - mean) / scale
                    block[: len(part)] = part
                    scores = offsets - 2 * (block @ centroids.T)
                    ids[start : start + len(part)] = scores.argmin(1)[: len(part)]
            return ids.reshape(features.shape[:-1])

        return assign

    @cached_property
    def _on_cpu(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return self.on("cpu")

    def __getstate__(self) -> dict[str, Any]:
        """Without what is made on first use."""
        return {name: value for name, value in self.__dict__.items() if name != "_on_cpu"}

    def to_bytes(self) -> bytes:
        """What is the default is left out, so that a file without it keeps its sum."""
        arrays: dict[str, Any] = {
            "centroids": np.ascontiguousarray(self.centroids),
            "mean": self.mean,
            "scale": self.scale,
            "extractor": np.array(self.extractor),
        }
        if self.offsets is not None:
            arrays["offsets"] = self.offsets
        if self.features:
            arrays["features"] = np.array(self.features)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()


def load_codebook(path: str | UPath) -> Codebook:
    """Read a codebook file; ConfigError names what it lacks. Pickled arrays are refused."""
    try:
        with open_binary(str(path)) as file:
            data = file.read()
        if not data.startswith(b"PK"):
            raise ConfigError("it is no .npz; published quantizers become one by `lstdata convert-codebook`")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            book = Codebook(
                centroids=np.ascontiguousarray(arrays["centroids"], dtype=np.float32),
                mean=arrays["mean"].astype(np.float32),
                scale=arrays["scale"].astype(np.float32),
                extractor=str(arrays["extractor"]),
                offsets=arrays["offsets"].astype(np.float32) if "offsets" in arrays else None,
                features=str(arrays["features"]) if "features" in arrays else "",
            )
    except Unavailable:
        raise
    except Exception as error:  # damaged bytes can make the zip and array readers raise anything
        raise ConfigError(f"`{path}` is not a codebook file: {' '.join(str(error).split()).rstrip('.')}.") from error
    mistake = find_mistake(book)
    if mistake is not None:
        raise ConfigError(f"`{path}` is not a codebook file: {mistake}.")
    return book


def find_mistake(book: Codebook) -> str | None:
    """Why these arrays are no codebook, or not one for the features that they were made for."""
    if book.centroids.ndim != 2 or not book.mean.shape == book.scale.shape == book.centroids.shape[1:]:
        return "its arrays have shapes that do not fit"
    if book.offsets is not None and book.offsets.shape != book.centroids.shape[:1]:
        return "its arrays have shapes that do not fit"
    arrays = (book.centroids, book.mean, book.scale, *(() if book.offsets is None else (book.offsets,)))
    if not all(np.isfinite(array).all() for array in arrays):
        return "its arrays hold values that are not finite"
    if not (book.scale > 0).all():
        return "`scale` must be > 0 everywhere"
    if not 1 <= book.clusters <= MAX_CLUSTERS:
        return f"`centroids` must have between 1 and {MAX_CLUSTERS} rows, but has {book.clusters}"
    if book.dimensions < 1:
        return "`centroids` must have ≥ 1 columns, but has 0"
    return _mistake_of_features(book)


def _mistake_of_features(book: Codebook) -> str | None:
    if book.extractor not in EXTRACTORS:
        return f"`extractor` must be one of {', '.join(EXTRACTORS)}, but is {book.extractor[:40]!r}"
    if book.extractor == "mfcc" and book.dimensions != mfcc.DIMENSIONS:
        return f"`centroids` must have {mfcc.DIMENSIONS} columns for mfcc features, but has {book.dimensions}"
    if book.features and not _is_object(book.features):
        return f"`features` must be a JSON object, but is {book.features[:40]!r}"
    return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


@contextmanager
def _full_precision(kind: str) -> Iterator[None]:
    """float32 products as such, whatever the process has chosen for its models."""
    import torch

    with torch.autocast(kind, enabled=False):
        if kind != "cuda":
            yield
            return
        before = torch.backends.cuda.matmul.fp32_precision
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        try:
            yield
        finally:
            torch.backends.cuda.matmul.fp32_precision = before
