"""The colours of units, for whatever draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import CorruptShard
from lstdata.records import Sample
from lstdata.run_folder import read_card
from lstdata.storage import exists
from lstdata.units.codebook import load_codebook

Oklch = tuple[float, float, float]
"""(lightness, chroma, hue in degrees): in this space equal steps look equal."""

_LAB_TO_CONES = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
)
_CONES_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
"""Of Oklab (B. Ottosson, 2020), to linear sRGB."""


def run_colours(out: UPath) -> list[str]:
    """A colour for each unit of a run folder, as CSS has them."""
    return [css(colour) for colour in run_oklch(out)]


def run_oklch(out: UPath) -> list[Oklch]:
    card = read_card(out)
    codebook = load_codebook(out / "codebook.npz").centroids if exists(out / "codebook.npz") else None
    return unit_oklch(codebook, 0 if card is None else card.units)


def check_colours(sample: Sample, colours: Sequence[object]) -> None:
    """CorruptShard where a unit has none: there are no more of them than `vocab.json` has units."""
    if sample.frames and int(sample.units.max()) >= len(colours):
        raise CorruptShard(
            f"sample `{sample.id}` has the unit {int(sample.units.max())}, but `vocab.json` has {len(colours)} units."
        )


def css(colour: Oklch) -> str:
    light, chroma, hue = colour
    return f"oklch({light:.3g} {chroma:g} {hue:.0f})"


def rgb(colour: Oklch) -> tuple[int, int, int]:
    """In sRGB, as CSS Color 4 computes it; what it cannot show is clipped."""
    light, chroma, hue = colour
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cones = (_LAB_TO_CONES @ [light, a, b]) ** 3
    linear = (_CONES_TO_RGB @ cones).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (encoded * 255).round().astype(int).tolist()
    return red, green, blue


def unit_oklch(centroids: NDArray[np.float32] | None, clusters: int) -> list[Oklch]:
    """A colour for each unit; with centroids, units that lie near one another look alike.

    Hue is the rank along the first principal axis of the centroids, lightness the rank along the second.
    """
    if centroids is None or len(centroids) != clusters or min(centroids.shape, default=0) < 2:
        return [(0.68, 0.13, i * 137.508 % 360) for i in range(clusters)]
    centred = centroids.astype(np.float64) - centroids.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
    places = centred @ (axes * signs[:, None]).T
    ranks = np.argsort(np.argsort(places, axis=0, kind="stable"), axis=0) / max(1, clusters - 1)
    return [(0.5 + 0.32 * light, 0.13, 20 + 290 * hue) for hue, light in ranks.tolist()]
