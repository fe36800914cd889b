"""From arrays of a file to a codebook: which array it is, k-means or a linear layer, and what is odd about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.units.codebook import Codebook, find_mistake
from lstdata.units.convert.contents import Array, Contents, read_contents

Kind = Literal["kmeans", "linear"]

_CENTROIDS: Final = ("cluster_centers_", "centroids", "cluster_centers", "cluster_centroids", "centers", "codebook")
"""What a matrix of centroids is called, taken where there are others beside it."""
_BIAS: Final = {"weight": "bias", "w": "b"}
"""What the matrix of a linear layer is called, and the vector beside it."""
_MEASURED: Final = 1000
"""Centroids whose nearest neighbour is looked for."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user says of the file."""

    array: str | None = None
    kind: Kind | None = None
    """None: linear where there is a bias or a blank, else k-means."""
    blank: int | None = None
    """The output of a linear layer that stands for nothing and never becomes a unit."""
    layer: int | None = None
    model: str | None = None
    extractor: str = "encoder"


@dataclass(frozen=True)
class Converted:
    """A codebook and what is worth knowing of it; `nearest` and `length` are means over its centroids."""

    book: Codebook
    kind: Kind
    origin: str
    array: str
    length: float
    nearest: float
    """The distance to the nearest other centroid; 0 where there is one alone."""
    notes: tuple[str, ...]


def convert_codebook(path: str, wanted: Wanted) -> Converted:
    """The codebook in a file. Raises ConfigError where there is none, or where there are several to choose from."""
    contents = read_contents(path)
    name = _chosen(path, contents, wanted.array)
    bias_name = _bias_of(name, contents)
    weight = _numbers(path, name, contents.arrays[name])
    bias = None if bias_name is None else _numbers(path, bias_name, contents.arrays[bias_name])
    linear = wanted.kind == "linear" or (wanted.kind is None and (bias is not None or wanted.blank is not None))
    notes = list(_unused(contents, {name, bias_name}))
    if linear:
        if bias is None:
            bias = np.zeros(len(weight), dtype=np.float32)
        weight, bias = _without_blank(weight, bias, wanted.blank, notes)
    elif wanted.blank is not None:
        raise ConfigError("`--blank` must be given for a linear quantizer only, but `--kind` is kmeans.")
    elif bias_name is not None:
        notes.append(f"`{bias_name}` is left out: k-means has no bias")
    book = _codebook(weight, bias if linear else None, wanted)
    mistake = find_mistake(book)
    if mistake is not None:
        raise ConfigError(f"`{name}` of `{path}` is no codebook: {mistake}.")
    notes += _oddities(book)
    length = float(np.linalg.norm(book.centroids.astype(np.float64), axis=1).mean())
    kind: Kind = "linear" if linear else "kmeans"
    return Converted(book, kind, contents.origin, name, length, _nearest(book.centroids), tuple(notes))


def _codebook(weight: NDArray[np.float32], bias: NDArray[np.float32] | None, wanted: Wanted) -> Codebook:
    said = {"layer": wanted.layer, "model": wanted.model}
    known = {name: value for name, value in said.items() if value is not None}
    columns = weight.shape[1]
    return Codebook(
        centroids=np.ascontiguousarray(weight),
        mean=np.zeros(columns, dtype=np.float32),
        scale=np.ones(columns, dtype=np.float32),
        extractor=wanted.extractor,
        offsets=None if bias is None else -2 * bias,
        features=json.dumps(known, sort_keys=True) if known else "",
    )


def _chosen(path: str, contents: Contents, asked: str | None) -> str:
    """The matrix that was asked for, or the only one, or the only one that is called what centroids are called."""
    matrices = {name: array.shape for name, array in contents.arrays.items() if len(array.shape) == 2}
    listed = ", ".join(f"`{name}` ({rows} × {columns})" for name, (rows, columns) in list(matrices.items())[:20])
    if asked is not None:
        if asked not in matrices:
            raise ConfigError(
                f"`--array` must be a matrix of `{path}`, but is {asked!r}; there are {listed or 'none'}."
            )
        return asked
    if not matrices:
        raise ConfigError(f"`{path}` holds no matrix of floating point numbers (clusters × dimensions).")
    named = [name for name in matrices if name.rpartition(".")[2] in _CENTROIDS]
    if len(matrices) > 1 and len(named) != 1:
        raise ConfigError(f"`{path}` holds several matrices: choose one by `--array`: {listed}.")
    chosen = named[0] if len(matrices) > 1 else next(iter(matrices))
    _refuse_other_layers(path, chosen, contents)
    return chosen


def _refuse_other_layers(path: str, chosen: str, contents: Contents) -> None:
    """A quantizer is one linear layer: what stands beside its weight and bias would change what it says."""
    if chosen.rpartition(".")[2].lower() not in _BIAS:
        return
    others = [name for name in contents.arrays if name not in (chosen, _bias_of(chosen, contents))]
    if others:
        raise ConfigError(
            f"`{path}` holds `{others[0]}` beside `{chosen}`: a quantizer must be one linear layer; "
            f"`--array {chosen}` takes this one nevertheless."
        )


def _bias_of(name: str, contents: Contents) -> str | None:
    """The vector that belongs to a weight: `x.bias` to `x.weight`, `b` to `W`."""
    stem, dot, last = name.rpartition(".")
    if last.lower() not in _BIAS:
        return None
    wanted = f"{stem}{dot}{_BIAS[last.lower()]}"
    rows = contents.arrays[name].shape[:1]
    fits = wanted in contents.arrays and contents.arrays[wanted].shape == rows
    return wanted if fits else None


def _numbers(path: str, name: str, array: Array) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            return array.read().astype(np.float32)
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes can make the readers raise anything
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"`{name}` of `{path}` is damaged: {said}.") from error


def _without_blank(
    weight: NDArray[np.float32], bias: NDArray[np.float32], blank: int | None, notes: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The outputs that become units: those behind the blank move up by one."""
    outputs = len(weight)
    if blank is None:
        if _is_round(outputs - 1):
            notes.append(
                f"{outputs} outputs become {outputs} units: if one of them is a blank, name it by --blank (often 0 or "
                f"{outputs - 1})"
            )
        return weight, bias
    if not 0 <= blank < outputs or outputs < 2:
        raise ConfigError(f"`--blank` must be one of {outputs} outputs, 0 to {outputs - 1}, but is {blank}.")
    return np.delete(weight, blank, axis=0), np.delete(bias, blank)


def _unused(contents: Contents, used: set[str | None]) -> Iterator[str]:
    """Vectors that stand beside the matrix may be a scaling that is lost."""
    others = [name for name, array in contents.arrays.items() if len(array.shape) == 1 and name not in used]
    if others:
        yield f"not used: {', '.join(f'`{name}`' for name in others[:5])}"


def _is_round(number: int) -> bool:
    """As numbers of clusters are: hundreds, or powers of two."""
    return number >= 32 and (number % 100 == 0 or number & (number - 1) == 0)


def _oddities(book: Codebook) -> Iterator[str]:
    rows: Any = book.centroids if book.offsets is None else np.column_stack([book.centroids, book.offsets])
    equal = len(rows) - len(np.unique(rows, axis=0))
    if equal:
        yield f"{equal} of {book.clusters} clusters equal another and will never be used"
    zeros = int((book.centroids == 0).all(1).sum())
    if zeros:
        yield f"{zeros} of {book.clusters} centroids are all zeros"


def _nearest(centroids: NDArray[np.float32]) -> float:
    """The mean distance to the nearest other centroid, over evenly spread ones where there are many."""
    if len(centroids) < 2:
        return 0.0
    wide = centroids.astype(np.float64)
    lengths = (wide**2).sum(1)
    chosen = np.unique(np.linspace(0, len(wide) - 1, min(len(wide), _MEASURED)).astype(int))
    found = []
    for row in chosen:
        distances = lengths + lengths[row] - 2 * wide @ wide[row]
        distances[row] = np.inf
        found.append(max(0.0, float(distances.min())))
    return float(np.sqrt(found).mean())
