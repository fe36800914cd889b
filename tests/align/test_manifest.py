from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.align import from_manifest, make_aligner
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.records import Word
from lstdata.source_row import TimedWord


def test_seconds_become_samples() -> None:
    alignment = from_manifest((TimedWord("Hello,", 0.1, 0.5), TimedWord("you  all", 0.5, 0.75)), 16_000)
    assert alignment.words == (Word("Hello,", 1600, 8000), Word("you all", 8000, 12_000))
    assert (alignment.aligner, alignment.score) == ("manifest", None)


def test_small_overlaps_and_overruns_are_clipped() -> None:
    words = (TimedWord("a", 0.0, 0.6), TimedWord("b", 0.5, 0.55), TimedWord("c", 0.5, 1.2), TimedWord("d", 1.1, 1.3))
    spans = [(w.start, w.end) for w in from_manifest(words, 16_000).words]
    assert spans == [(0, 9600), (9600, 9600), (9600, 16_000), (16_000, 16_000)]


def test_entries_without_text_are_silence() -> None:
    words = (TimedWord("", 0.0, 0.2), TimedWord("a", 0.2, 0.4), TimedWord("  ", 0.4, 0.9))
    assert from_manifest(words, 16_000).words == (Word("a", 3200, 6400),)


@pytest.mark.parametrize(
    "words",
    [
        (),
        (TimedWord(" ", 0.0, 0.1),),
        (TimedWord("a", math.nan, 0.1),),
        (TimedWord("a", 0.0, math.inf),),
        (TimedWord("a", -0.01, 0.1),),
        (TimedWord("a", 0.2, 0.1),),
        (TimedWord("a", 0.2, 1.6),),
        (TimedWord("a", 0.0, 0.9), TimedWord("b", 0.1, 0.2)),
        (TimedWord("a", 1e300, 1e301),),
    ],
)
def test_what_are_no_times_is_rejected(words: tuple[TimedWord, ...]) -> None:
    with pytest.raises(Rejected) as caught:
        from_manifest(words, 16_000)
    assert caught.value.reason == "bad_word_times"


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)).map(sorted), min_size=1, max_size=6),
    st.integers(0, 40_000),
)
def test_accepted_times_are_monotone_disjoint_and_inside(spans: list[list[float]], samples: int) -> None:
    try:
        alignment = from_manifest(tuple(TimedWord("w", start, end) for start, end in spans), samples)
    except Rejected:
        return
    edges = [edge for word in alignment.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert len(alignment.words) == len(spans)
    assert edges[0] >= 0
    assert edges[-1] <= samples


def test_an_unknown_aligner_is_a_mistake_of_the_config() -> None:
    with pytest.raises(ConfigError, match=r"`words\.aligner` must be one of sphinx and ctc"):
        make_aligner("mfa", WordsConfig())
