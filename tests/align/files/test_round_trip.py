from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.records import HOP, SAMPLE_RATE
from tests.align.files.writing import Times, ctm, files_at, guesses, pairs, record, textgrid, whisper

WORDS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwyzäß"), min_size=1, max_size=9).filter(
    lambda word: word not in ("sil", "sp", "spn", "silence")
)
PARTITION = st.lists(st.tuples(WORDS, st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=15)
"""Words, each after some frames of silence and with some of its own."""


def timed(partition: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """(word, first frame, end)."""
    at, found = 0, []
    for word, gap, length in partition:
        found.append((word, at + gap, at + gap + length))
        at += gap + length
    return found


def written(form: str, partition: list[tuple[str, int, int]]) -> str | bytes:
    times: Times = [(w, a * HOP / SAMPLE_RATE, b * HOP / SAMPLE_RATE) for w, a, b in timed(partition)]
    if form == "pairs":
        return pairs("a", [pair for word, gap, length in partition for pair in (("[SIL]", gap), (word, length))])
    if form == "ctm":
        return ctm("a", times)
    if form == "whisper":
        return whisper(times)
    text = textgrid(times, short=form == "short")
    return text.encode("utf-16") if form == "utf-16" else text


@pytest.mark.parametrize("form", ["ctm", "long", "short", "utf-16", "whisper", "pairs"])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(partition=PARTITION, is_given=st.booleans())
def test_any_partition_into_words_comes_back(
    tmp_path: Path, form: str, partition: list[tuple[str, int, int]], is_given: bool
) -> None:
    files = files_at(tmp_path, {"a": written(form, partition)})
    expected = [(word, first * HOP, end * HOP) for word, first, end in timed(partition)]
    text = " ".join(word.capitalize() for word, _, _ in expected) if is_given else None
    alignment = files.align(record(text=text), expected[-1][2] + 1)
    found = [(word.text, word.start, word.end) for word in alignment.words]
    if is_given:
        assert [word.lower() for word, _, _ in found] == [word.capitalize().lower() for word, _, _ in expected]
    else:
        assert [word for word, _, _ in found] == [word for word, _, _ in expected]
    assert [times for _, *times in found] == [times for _, *times in expected]
    assert guesses(alignment) == []
