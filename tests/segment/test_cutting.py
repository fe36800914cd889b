"""Cuts: at silences where there are any, disjoint, in order, no longer than allowed, and every word in one segment."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import SegmentConfig
from lstdata.records import SAMPLE_RATE
from lstdata.segment.cutting import FRAME, Limits, Span, cut_speech, cut_words, speech_stretches

LIMITS = Limits.of(SegmentConfig())
SECOND = SAMPLE_RATE


def heard(*stretches: tuple[float, float], seconds: float, floor: float = 0.01) -> np.ndarray:
    """Probabilities: 0.95 in the stretches (seconds), `floor` elsewhere."""
    probabilities = np.full(-(-int(seconds * SECOND) // FRAME), floor, dtype=np.float32)
    for start, end in stretches:
        probabilities[round(start * SECOND / FRAME) : round(end * SECOND / FRAME)] = 0.95
    return probabilities


def segments(*stretches: tuple[float, float], seconds: float, limits: Limits = LIMITS) -> list[tuple[float, float]]:
    """Of a recording with speech in these stretches, in seconds to the tenth."""
    probabilities, samples = heard(*stretches, seconds=seconds), int(seconds * SECOND)
    found = cut_speech(
        probabilities, speech_stretches(probabilities, samples, 0.5, limits.min_silence), samples, limits
    )
    return [(round(span.start / SECOND, 1), round(span.end / SECOND, 1)) for span in found]


def test_neighbours_are_put_together_up_to_the_target() -> None:
    assert segments((1, 6), (7, 12), (13, 18), (19, 25), seconds=26) == [(0.8, 18.2), (18.8, 25.2)]


def test_a_cut_is_at_the_longest_silence_of_the_second_half() -> None:
    assert segments((0, 5), (5.4, 11), (12.5, 15), (15.4, 18), (18.4, 30), seconds=30) == [(0.0, 11.2), (12.3, 30.0)]


def test_a_long_silence_is_in_no_segment() -> None:
    assert segments((1, 3), (5.5, 8), seconds=10) == [(0.8, 3.2), (5.3, 8.2)]
    assert segments((1, 3), (4.5, 8), seconds=10) == [(0.8, 8.2)]


def test_a_pause_inside_of_a_stretch_is_no_place_to_cut() -> None:
    probabilities = heard((1, 2), (2.2, 3), seconds=4)
    assert len(speech_stretches(probabilities, 4 * SECOND, 0.5, LIMITS.min_silence)) == 1
    assert len(speech_stretches(probabilities, 4 * SECOND, 0.5, SECOND // 10)) == 2


def test_clicks_and_doubtful_frames_are_no_speech_but_prolong_it() -> None:
    probabilities = heard((1, 1.1), (5, 6), seconds=8)
    probabilities[round(6 * SECOND / FRAME) :][:10] = 0.4
    (span,) = speech_stretches(probabilities, 8 * SECOND, 0.5, LIMITS.min_silence)
    assert (round(span.start / SECOND, 1), round(span.end / SECOND, 1)) == (5.0, 6.3)
    assert speech_stretches(heard((1, 2), seconds=4) * 0.45, 4 * SECOND, 0.5, LIMITS.min_silence) == []


def test_margins_meet_in_the_middle_of_a_short_silence() -> None:
    (first, second) = cut_speech(
        heard((0, 12), (12.32, 24), seconds=24), [Span(0, 12 * SECOND), Span(197_120, 24 * SECOND)], 24 * SECOND, LIMITS
    )
    assert first.end == second.start == (12 * SECOND + 197_120) // 2


def test_speech_without_a_pause_is_cut_where_it_is_least_likely() -> None:
    probabilities = heard((0, 70), seconds=70)
    for second in (22, 47):
        probabilities[round(second * SECOND / FRAME) - 2 :][:5] = 0.6
    probabilities[round(25 * SECOND / FRAME)] = 0.55
    found = cut_speech(probabilities, [Span(0, 70 * SECOND)], 70 * SECOND, LIMITS)
    assert [round(span.end / SECOND, 1) for span in found] == [22.0, 47.0, 70.0]
    assert [span.start for span in found[1:]] == [span.end for span in found[:-1]]


def words(*spans: tuple[float, float]) -> list[Span]:
    return [Span(int(start * SECOND), int(end * SECOND)) for start, end in spans]


def test_words_are_cut_at_their_silences() -> None:
    spoken = words((0.5, 8), (8.1, 14), (14.6, 19), (19.1, 26))
    found = cut_words(spoken, 30 * SECOND, LIMITS)
    assert [(round(span.start / SECOND, 1), round(span.end / SECOND, 1), list(inside)) for span, inside in found] == [
        (0.3, 14.2, [0, 1]),
        (14.4, 26.2, [2, 3]),
    ]


def test_words_without_silences_are_cut_at_the_widest_gap() -> None:
    spoken = [Span(i * SECOND, (i + 1) * SECOND - (800 if i == 21 else 100)) for i in range(40)]
    found = cut_words(spoken, 40 * SECOND, LIMITS)
    assert [list(inside)[-1] for _, inside in found] == [21, 39]


def test_a_word_longer_than_a_segment_is_whole() -> None:
    found = cut_words(words((0, 1), (1, 41), (41, 42)), 50 * SECOND, LIMITS)
    assert [list(inside) for _, inside in found] == [[0], [1], [2]]
    assert found[1][0] == Span(SECOND, 41 * SECOND)


def test_a_word_as_long_as_a_segment_has_no_margin() -> None:
    ((span, _),) = cut_words(words((1, 30.9)), 50 * SECOND, LIMITS)
    assert span.end - span.start == 30 * SECOND


@st.composite
def a_limit(draw: st.DrawFn) -> Limits:
    target = draw(st.integers(1, 25))
    least = draw(st.floats(0.05, 2))
    config = SegmentConfig(
        target_seconds=target,
        max_seconds=target + draw(st.integers(0, 10)),
        min_silence=least,
        max_silence=least + draw(st.floats(0, 5)),
        margin=draw(st.floats(0, target / 4)),
    )
    assert list(config.mistakes()) == []
    return Limits.of(config)


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray:
    """Up to four minutes: levels that last, with noise."""
    levels = draw(st.lists(st.tuples(st.sampled_from((0.0, 0.4, 0.5, 0.8, 1.0)), st.integers(1, 1500)), max_size=20))
    plain = np.concatenate([np.full(count, level) for level, count in levels] or [np.zeros(1)])
    noise = np.random.default_rng(draw(st.integers(0, 99))).normal(0, draw(st.sampled_from((0, 0.1))), len(plain))
    return np.clip(plain + noise, 0, 1).astype(np.float32)


@given(probabilities(), a_limit(), st.integers(0, FRAME - 1))
def test_segments_of_speech_are_disjoint_in_order_inside_and_hold_all_speech(
    heard: np.ndarray, limits: Limits, short: int
) -> None:
    samples = len(heard) * FRAME - short
    stretches = speech_stretches(heard, samples, 0.5, limits.min_silence)
    found = cut_speech(heard, stretches, samples, limits)
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges) and all(span.start < span.end for span in found)
    assert not edges or (edges[0] >= 0 and edges[-1] <= samples)
    assert all(span.end - span.start <= limits.longest for span in found)
    speech = np.zeros(samples, dtype=bool)
    for start, end in stretches:
        speech[start:end] = True
    for start, end in found:
        assert speech[start:end].any()
        speech[start:end] = False
    assert not speech.any()


@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 40_000)), min_size=1, max_size=120),
    a_limit(),
    st.integers(0, 50_000),
)
def test_every_word_is_in_one_segment_and_none_is_cut(pieces: list[tuple[int, int]], limits: Limits, tail: int) -> None:
    spoken, cursor = [], 0
    for gap, length in pieces:
        spoken.append(Span(cursor + gap, cursor + gap + length))
        cursor = spoken[-1].end
    found = cut_words(spoken, cursor + tail, limits)
    assert [number for _, inside in found for number in inside] == list(range(len(spoken)))
    edges = [edge for span, _ in found for edge in span]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= cursor + tail
    for span, inside in found:
        assert span.start <= spoken[inside[0]].start and spoken[inside[-1]].end <= span.end
        alone = len(inside) == 1 and spoken[inside[0]].end - spoken[inside[0]].start
        assert span.end - span.start <= max(limits.longest, alone)
