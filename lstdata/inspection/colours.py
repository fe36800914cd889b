"""The colours of units, for whatever draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.run_folder import read_card
from lstdata.storage import exists
from lstdata.units.codebook import load_codebook


def run_colours(out: UPath) -> list[str]:
    """A colour for each unit of a run folder."""
    card = read_card(out)
    codebook = load_codebook(out / "codebook.npz").centroids if exists(out / "codebook.npz") else None
    return unit_colours(codebook, 0 if card is None else card.units)


def unit_colours(centroids: NDArray[np.float32] | None, clusters: int) -> list[str]:
    """A colour for each unit, as CSS has them; with centroids, units that lie near one another look alike.

    Hue is the rank along the first principal axis of the centroids, lightness the rank along the second.
    """
    return [f"oklch({light:.3g} {chroma:g} {hue:.0f})" for light, chroma, hue in unit_oklch(centroids, clusters)]


def unit_oklch(centroids: NDArray[np.float32] | None, clusters: int) -> list[tuple[float, float, float]]:
    """(lightness, chroma, hue in degrees) of each unit in OKLCH, where equal steps look equal."""
    if centroids is None or len(centroids) != clusters or min(centroids.shape, default=0) < 2:
        return [(0.68, 0.13, i * 137.508 % 360) for i in range(clusters)]
    centred = centroids.astype(np.float64) - centroids.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
    places = centred @ (axes * signs[:, None]).T
    ranks = np.argsort(np.argsort(places, axis=0, kind="stable"), axis=0) / max(1, clusters - 1)
    return [(0.5 + 0.32 * light, 0.13, 20 + 290 * hue) for hue, light in ranks.tolist()]
