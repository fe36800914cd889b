from __future__ import annotations

import numpy as np

from lstdata.report.charts import fences, score_chart, score_limits, spread
from lstdata.report.distribution import Distribution
from lstdata.report.threshold import Threshold


def of(*values: float, width: float = 1.0) -> Distribution:
    found = Distribution(width)
    found.add(np.array(values))
    return found


def test_fences_worked_by_hand() -> None:
    """Quartiles 10 and 14: 4 and 20 are the ends of what is usual."""
    assert fences(of(10, 10, 10, 12, 13, 14, 14, 15)) == (4.0, 0, 20.0, 0)
    assert fences(of(1, 10, 10, 10, 13, 14, 14, 14, 14, 30, 40)) == (4.0, 1, 20.0, 2)
    assert fences(of(1, 2, 3)) is None


def test_what_a_limit_would_leave_out() -> None:
    scores = of(*range(-100, 0))
    assert score_limits(scores) == [(-96.0, "4.0%", "4"), (-91.0, "9.0%", "9"), (-76.0, "24.0%", "24")]
    assert score_limits(of(-1.0, -1.0, -1.0)) == [], "a limit that leaves out nothing is none"
    assert score_limits(of()) == []


def test_few_values_are_said_and_not_drawn() -> None:
    assert (spread("t", of(), "s", 9).finding, spread("t", of(), "s", 9).svg) == ("none", "")
    assert (spread("t", of(3), "s", 9).finding, spread("t", of(3), "s", 9).svg) == ("one, 3 s", "")
    assert "mean 4 · median 3 · max 5 s" in spread("t", of(3, 5), "s", 9).svg


def test_scores_of_any_size_can_be_drawn() -> None:
    for values in ((1e300, -1e300, 0.0), (1.7e308, -1.7e308), (0.5, 0.5), (0.0, 1e-9)):
        svg = score_chart(of(*values, width=0.01), Threshold(("ctc",), -2.0, 0)).svg
        assert svg and "nan" not in svg and "inf" not in svg


def test_without_scores_no_curve_is_drawn() -> None:
    assert score_chart(of(), Threshold((), None, 0)).finding == "nothing was scored"
    assert not score_chart(of(-3.0), Threshold(("sphinx",), -7.25, 0)).svg
