"""What the names of a corpus' parts say of splits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.sources.rows import split_name, split_of_part


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("train-clean-100", "train"),
        ("Training_set", "train"),
        ("train960", "train"),
        ("trainset", "train"),
        ("dev", "validation"),
        ("dev-other", "validation"),
        ("dev93", "validation"),
        ("valid", "validation"),
        ("validation_matched", "validation"),
        ("val", "validation"),
        ("test", "test"),
        ("test-clean", "test-clean"),
        ("TEST.other", "test-other"),
        ("eval2000", "eval2000"),
        ("evaluation", "evaluation"),
        ("testset_b", "testset_b"),
        ("validated", None),
        ("developers", None),
        ("testimony", None),
        ("trainers", None),
        ("clean", None),
        ("other_train", None),
        ("000001", None),
        ("set", None),
        ("", None),
    ],
)
def test_the_first_word_decides(name: str, split: str | None) -> None:
    assert split_of_part(name) == split


@pytest.mark.parametrize(
    ("value", "split"),
    [
        ("dev", "validation"),
        ("Valid", "validation"),
        ("val", "validation"),
        ("validation", "validation"),
        ("training", "train"),
        ("train-clean-100", "train"),
        ("test-clean", "test-clean"),
        ("Test_B", "test_b"),
        ("validated", "validated"),
        ("other", "other"),
        (3, "3"),
        ("", None),
        (None, None),
    ],
)
def test_a_record_names_its_split_by_the_same_rule(value: object, split: str | None) -> None:
    assert split_name(value) == split
    assert split_name(split) == split


@given(st.sampled_from(["train", "dev", "test", "eval", "x"]), st.text(max_size=10))
def test_a_split_can_always_name_files(word: str, rest: str) -> None:
    split = split_of_part(word + rest)
    assert split_name(split) == split
