from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lstdata.errors import CorruptShard
from lstdata.inspection.colours import Oklch, check_colours, css, rgb, unit_oklch
from lstdata.shards import StoredSample


def test_units_near_one_another_look_alike() -> None:
    centroids = np.array([[0, 0.0], [10, 0.1], [0.5, 0], [10.5, 0.2], [5, 0]], dtype=np.float32)
    colours = unit_oklch(centroids, 5)
    hue = [hue for _, _, hue in colours]
    assert abs(hue[0] - hue[2]) < abs(hue[0] - hue[1])
    assert abs(hue[1] - hue[3]) < abs(hue[0] - hue[3])
    assert colours == unit_oklch(centroids, 5)
    assert len(set(unit_oklch(None, 7))) == 7
    assert len(unit_oklch(centroids, 6)) == 6, "a codebook that does not fit is not used"


@pytest.mark.parametrize(
    ("colour", "red_green_blue"),
    [((1, 0, 0), (255, 255, 255)), ((0, 0, 0), (0, 0, 0)), ((0.62796, 0.25768, 29.234), (255, 0, 0))],
)
def test_colours_are_those_of_css(colour: Oklch, red_green_blue: tuple[int, int, int]) -> None:
    assert rgb(colour) == red_green_blue
    assert css((0.5, 0.13, 20.4)) == "oklch(0.5 0.13 20)"


def test_a_unit_beyond_the_vocabulary_is_damage(make_stored: Callable[..., StoredSample]) -> None:
    sample = make_stored("a", [0, 3, 1], None).sample
    check_colours(sample, ["red"] * 4)
    check_colours(make_stored("a", [], None).sample, [])
    with pytest.raises(CorruptShard, match=r"sample `a` has the unit 3, but `vocab.json` has 3 units"):
        check_colours(sample, ["red"] * 3)
