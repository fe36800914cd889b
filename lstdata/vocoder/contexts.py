"""Means of a unit's features by the units around it: of the two neighbours, else of either, else of the unit alone.

A context counts once it was met twice. Each mean is drawn towards that of the wider context, so that a rare one says
little of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lstdata.vocoder.spectra import Floats

KINDS: Final = ("before", "after", "both")
"""Of contexts: the unit before, the unit after, or both; an edge of the utterance is a unit of its own."""

_LEAST: Final = 2
_MOST: Final = 20_000
"""Contexts of a kind, the most frequent."""

_PRIOR: Final = 2.0
"""Frames that the wider context counts for."""

Keys = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class ContextMeans:
    """(…, dimensions) of float16."""

    units: NDArray[np.float16]
    """(clusters, dimensions)."""
    keys: Mapping[str, Keys]
    """By kind, rising; see `context_keys`."""
    means: Mapping[str, NDArray[np.float16]]

    def predict(self, units: NDArray[np.integer]) -> Floats:
        """(frames, dimensions) for a run of units."""
        keys = context_keys(units, len(self.units))
        alone = self.units[units].astype(np.float64)
        before, after = (self._found(kind, keys[kind], alone) for kind in ("before", "after"))
        return self._found("both", keys["both"], before + after - alone)

    def _found(self, kind: str, wanted: Keys, otherwise: Floats) -> Floats:
        known, place = _find(self.keys[kind], wanted)
        result = otherwise.copy()
        result[known] = self.means[kind][place[known]]
        return result


class ContextSums:
    """Sums over utterances, of contexts that are chosen beforehand: memory does not grow with the utterances."""

    def __init__(self, runs: Iterable[NDArray[np.integer]], clusters: int, dimensions: int) -> None:
        """`runs`: the units of all utterances that `add` will see."""
        every = [context_keys(run, clusters) for run in runs]
        self._keys = {kind: _frequent([keys[kind] for keys in every]) for kind in KINDS}
        self._sums = {kind: np.zeros((len(keys), dimensions)) for kind, keys in self._keys.items()}
        self._counts = {kind: np.zeros(len(keys), dtype=np.int64) for kind, keys in self._keys.items()}
        self._unit_sums = np.zeros((clusters, dimensions))
        self._unit_counts = np.zeros(clusters, dtype=np.int64)

    @property
    def frames(self) -> int:
        return int(self._unit_counts.sum())

    @property
    def units_met(self) -> int:
        return int((self._unit_counts > 0).sum())

    def add(self, units: NDArray[np.integer], features: Floats) -> None:
        """One utterance: (frames,) and (frames, dimensions)."""
        np.add.at(self._unit_sums, units, features)
        np.add.at(self._unit_counts, units, 1)
        for kind, keys in context_keys(units, len(self._unit_counts)).items():
            known, place = _find(self._keys[kind], keys)
            np.add.at(self._sums[kind], place[known], features[known])
            np.add.at(self._counts[kind], place[known], 1)

    def means(self) -> ContextMeans:
        """Of what was added; units that were never met get the mean of all."""
        overall = self._unit_sums.sum(0) / max(1, self.frames)
        units = _drawn(self._unit_sums, self._unit_counts, np.broadcast_to(overall, self._unit_sums.shape), 1.0)
        found = ContextMeans(units.astype(np.float16), {}, {})
        keys: dict[str, Keys] = {}
        means: dict[str, NDArray[np.float16]] = {}
        for kind in KINDS:
            kept = self._counts[kind] >= _LEAST
            keys[kind] = self._keys[kind][kept]
            wider = _wider(kind, keys[kind], found)
            means[kind] = _drawn(self._sums[kind][kept], self._counts[kind][kept], wider, _PRIOR).astype(np.float16)
            found = ContextMeans(found.units, keys, means)
        return found


def context_keys(units: NDArray[np.integer], clusters: int) -> dict[str, Keys]:
    """By kind, for each frame, a number that stands for its unit and the neighbours of that kind."""
    base = np.uint64(clusters + 1)
    padded = np.pad(units.astype(np.uint64), 1, constant_values=np.uint64(clusters))
    before, here, after = padded[:-2], padded[1:-1], padded[2:]
    return {
        "before": before * base + here,
        "after": here * base + after,
        "both": (before * base + here) * base + after,
    }


def _wider(kind: str, keys: Keys, found: ContextMeans) -> Floats:
    """(keys, dimensions) what is known of contexts of a kind from wider ones."""
    clusters = len(found.units)
    base = np.uint64(clusters + 1)
    if kind != "both":
        return found.units[(keys % base if kind == "before" else keys // base).astype(np.int64)].astype(np.float64)
    alone = found.units[(keys // base % base).astype(np.int64)].astype(np.float64)
    before = found._found("before", keys // base, alone)
    return before + found._found("after", keys % (base * base), alone) - alone


def _drawn(sums: Floats, counts: NDArray[np.int64], towards: Floats, weight: float) -> Floats:
    return (sums + weight * towards) / (counts + weight)[:, None]


def _frequent(keys: list[Keys]) -> Keys:
    found, counts = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *keys]), return_counts=True)
    found, counts = found[counts >= _LEAST], counts[counts >= _LEAST]
    return np.sort(found[np.argsort(-counts, kind="stable")[:_MOST]])


def _find(keys: Keys, wanted: Keys) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which are among the keys, and where."""
    place = np.searchsorted(keys, wanted)
    known = place < len(keys)
    known[known] = keys[place[known]] == wanted[known]
    return known, place
