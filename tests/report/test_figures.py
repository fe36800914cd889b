from __future__ import annotations

import math

from markupsafe import Markup

from lstdata.report.figures import coded, count, counted, decimal, exact, hours, share, shown, size, speed


def test_numbers_are_written_for_people() -> None:
    assert [hours(s) for s in (2.2, 59.96, 418, 5400, 3_600_000 * 44.174)] == [
        "2.2 s", "60.0 s", "7.0 min", "1.5 h", "44,174 h"
    ]  # fmt: skip
    assert [share(x) for x in (0.0, 1.0, 0.1234, math.nan)] == ["0%", "100%", "12.3%", "–"]
    assert [decimal(x) for x in (4.0, 5.84, 1234.5, -2.5, 1e300, math.inf)] == [
        "4", "5.8", "1,234.5", "−2.5", "1e+300", "–"
    ]  # fmt: skip
    assert [exact(x) for x in (4.0, -5.844, math.nan)] == ["4.00", "−5.84", "–"]
    assert [speed(x) for x in (0.254, 9.96, 24.4, 4321.0)] == ["0.25", "10", "24", "4,321"]
    assert [size(x) for x in (0, 999, 122_880, 4.2e8, 3e9)] == ["0 B", "999 B", "122.9 kB", "420.0 MB", "3.0 GB"]
    assert count(13_700_000_000) == "13,700,000,000"
    assert [counted(n, "unit") for n in (0, 1, 2000)] == ["0 units", "1 unit", "2,000 units"]


def test_code_in_a_line_is_marked_and_the_rest_escaped() -> None:
    assert coded("Set `a.b=1`, not <b>.") == Markup("Set <code>a.b=1</code>, not &lt;b&gt;.")


def test_what_would_be_obeyed_is_shown() -> None:
    assert shown("a\nb\x1b[31m\u202ec") == "a b�[31m�c"
    assert shown(Markup("a\nb")) == "a\nb"
    assert shown(3) == 3
