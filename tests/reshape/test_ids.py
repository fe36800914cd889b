"""Prefixes of ids: one for each run, and all of them different."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from lstdata.reshape.ids import distinct


@given(st.lists(st.sampled_from(["a", "a-1", "a-2", "a-1-1", "b"]), max_size=9))
@example(["a", "a", "a-1"])
def test_each_run_has_a_name_of_its_own(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(found) == len(names)
    for name, made in zip(names, found, strict=True):
        assert made == name if names.count(name) == 1 else made.startswith(f"{name}-")


def test_equal_names_have_the_number_of_their_run() -> None:
    assert distinct(["b", "a", "a", "c"]) == ["b", "a-2", "a-3", "c"]
