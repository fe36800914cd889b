from __future__ import annotations

import numpy as np

from lstdata.inspection.colours import unit_colours


def test_units_near_one_another_look_alike() -> None:
    centroids = np.array([[0, 0.0], [10, 0.1], [0.5, 0], [10.5, 0.2], [5, 0]], dtype=np.float32)
    colours = unit_colours(centroids, 5)
    hue = [float(c.rstrip(")").split()[2]) for c in colours]
    assert abs(hue[0] - hue[2]) < abs(hue[0] - hue[1])
    assert abs(hue[1] - hue[3]) < abs(hue[0] - hue[3])
    assert colours == unit_colours(centroids, 5)
    assert len(set(unit_colours(None, 7))) == 7
    assert len(unit_colours(centroids, 6)) == 6, "a codebook that does not fit is not used"
