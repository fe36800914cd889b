from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from lstdata.report.distribution import Bar
from lstdata.report.draw import MOST_BARS, cumulative, histogram, nice_step, ticks_between, unit_spectrum


def test_bars_are_as_high_as_their_shares() -> None:
    bars = [Bar(1, 2, 5), Bar(2, 3, 10), Bar(3, 4, 0)]
    svg = histogram(bars, name="<n>", axis="frames", ticks=[1, 2], mean=1.5, reference=9.0, whole=True)
    root = ElementTree.fromstring(svg)
    heights = [float(rect.attrib["height"]) for rect in root.iter("rect")]
    assert heights[0] == pytest.approx(heights[1] / 2)
    assert heights[2] == 0
    assert [t.text for t in root.iter("title")] == [
        "frames 1: 5 (33.3%)",
        "frames 2: 10 (66.7%)",
        "frames 3: 0 (0.0%)",
    ]
    assert 'class="mean"' in svg
    assert 'class="reference"' not in svg, "9 lies outside"


def test_bars_of_measures_are_stretches() -> None:
    svg = histogram([Bar(0.5, 1.0, 2)], name="n", axis="s", ticks=[0.5], mean=0.75)
    assert "<title>0.5–1 s: 2 (100.0%)</title>" in svg


def test_nothing_to_count_still_draws_an_axis() -> None:
    assert "nan" not in histogram([Bar(0, 1, 0)], name="n", axis="s", ticks=[0])


def test_units_are_drawn_most_frequent_first() -> None:
    svg = unit_spectrum(np.array([3, 0, 7]), ["red", "green", "blue"])
    assert re.findall(r'fill="(\w+)"', svg) == ["blue", "red", "green"]
    assert [t.text for t in ElementTree.fromstring(svg).iter("title")] == [
        "unit 2: 70.00%",
        "unit 0: 30.00%",
        "unit 1: 0.00%",
    ]


def test_many_clusters_share_bars() -> None:
    counts = np.arange(5000)
    bars = unit_spectrum(counts, ["red"] * 5000).count("<rect")
    assert MOST_BARS / 2 < bars <= MOST_BARS
    assert unit_spectrum(np.zeros(0, dtype=np.int64), []).count("<rect") == 0


@pytest.mark.parametrize(
    ("span", "most", "step"), [(10, 10, 1), (10.1, 10, 2), (0.9, 6, 0.2), (100, 5, 20), (21, 10, 2.5)]
)
def test_nice_steps(span: float, most: int, step: float) -> None:
    assert nice_step(span, most) == pytest.approx(step)


def test_the_curve_of_shares_rises_to_the_top() -> None:
    svg = cumulative([(1.0, 0.25), (2.0, 0.5), (4.0, 1.0)], 0.0, 4.0, name="<n>", threshold=3.0)
    root = ElementTree.fromstring(svg)
    curve = next(path.attrib["d"] for path in root.iter("path") if path.attrib.get("class") == "curve")
    points = [tuple(map(float, point.split())) for point in re.findall(r"[-\d.]+ [-\d.]+", curve)]
    heights = dict(points)
    floor, top = points[0][1], points[-1][1]
    assert heights[170] == heights[254] == pytest.approx((floor + top) / 2), "half of them below 2 to 4"
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert 'class="reference" d="M255 ' in svg
    assert 'class="reference"' not in cumulative([(1.0, 1.0)], 0.0, 1.0, name="n", threshold=3.0)


def test_ticks_are_round() -> None:
    assert ticks_between(-7.2, -2.4) == [-7, -6, -5, -4, -3]
    assert ticks_between(0.0, 0.0) == [0.0]
