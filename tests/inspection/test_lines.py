from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lstdata.inspection.lines import break_lines
from lstdata.records import Sample
from tests.test_patching import make_sample, runs


@given(runs(), st.integers(1, 100))
def test_lines_partition_the_utterance(run: tuple[Sample, int, int], longest: int) -> None:
    sample = run[0]
    lines = break_lines(sample, longest)
    assert [frame for start, end in lines for frame in range(start, end)] == list(range(sample.frames))
    assert all(end - start <= longest for start, end in lines)


def test_a_line_ends_in_the_middle_of_a_silence() -> None:
    words = [(0, 6), (7, 10), (14, 20)]
    assert break_lines(make_sample([True] * 20, words), 16) == [(0, 12), (12, 20)]
    assert break_lines(make_sample([True] * 20, [(0, 20)]), 16) == [(0, 16), (16, 20)], "no silence: where it must"
    activity = [True] * 9 + [False] * 2 + [True] * 9
    assert break_lines(make_sample(activity, None), 12) == [(0, 10), (10, 20)]
    assert break_lines(make_sample([], None), 12) == [(0, 0)]
