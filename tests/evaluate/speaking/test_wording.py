from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.evaluate.speaking.wording import Errors, count_errors, normalised


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The old Miller, at last!", "the old miller at last"),
        ("THE OLD MILLER", "the old miller"),
        ("It’s Mr. Lucas’ x-ray", "it's mister lucas x ray"),
        ("5 geese & 1 café", "five geese and one cafe"),
        ("[noise] hmm", "hmm"),
        ("[laughter] –", ""),
        ("FBI", "fbi"),
        ("", ""),
        ("हिन्दी, भाषा।", "हिन्दी भाषा"),
        ("สวัสดี ครับ", "สวัสดี ครับ"),
        ("Он пил 2 чая.", "он пил 2 чая"),
    ],
)
def test_what_is_written_otherwise_is_said_alike(written: str, said: str) -> None:
    assert normalised(written) == said


words = st.lists(st.sampled_from("one day the keeper saw a boat".split()), max_size=8).map(" ".join)


@given(words.filter(bool), words)
def test_errors_are_the_fewest_edits(reference: str, hypothesis: str) -> None:
    found = count_errors(reference, hypothesis)
    assert found.words == len(reference.split())
    assert found.word_errors == edits(reference.split(), hypothesis.split())
    assert found.character_errors == edits(list(reference), list(hypothesis))
    assert found.words - found.deletions + found.insertions == len(hypothesis.split())
    assert (found.word_errors == 0) == (reference == hypothesis)


def test_nothing_understood_is_all_left_out() -> None:
    assert count_errors("two words", "") == Errors(2, 0, 0, 2, 9, 9)


def edits(a: list[str], b: list[str]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
