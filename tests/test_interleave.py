from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.interleave import STRATEGIES, WHOLE, Lengths, Span, draw
from lstdata.randomness import rng
from lstdata.records import Ints


def spaced(words: int, length: int = 5, gap: int = 3, lead: int = 4) -> tuple[Ints, int]:
    """Word frames of equal words with equal gaps, and the utterance's frames (as long a silence after as before)."""
    starts = lead + (length + gap) * np.arange(words, dtype=np.int64)
    frames = np.stack((starts, starts + length), axis=1)
    return frames, int(frames[-1, 1]) + lead


@st.composite
def utterances(draw: st.DrawFn) -> tuple[Ints, int]:
    words = draw(st.integers(1, 90))
    steps = draw(st.lists(st.integers(0, 6), min_size=2 * words + 1, max_size=2 * words + 1))
    edges = np.cumsum(steps)
    return edges[:-1].reshape(-1, 2).astype(np.int64), max(1, int(edges[-1]))


def lst(word_frames: Ints, frames: int, epoch: int = 0, id: str = "u") -> tuple[Span, ...]:
    return draw("lst", word_frames, frames, seed=0, epoch=epoch, id=id)


def lengths(spans: tuple[Span, ...], kind: str) -> list[int]:
    return [span.end_word - span.first_word for span in spans if span.kind == kind]


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in WHOLE])
@given(utterance=utterances(), epoch=st.integers(0, 5))
def test_spans_partition_words_and_frames_and_alternate(strategy: str, utterance: tuple[Ints, int], epoch: int) -> None:
    word_frames, frames = utterance
    spans = draw(strategy, word_frames, frames, seed=0, epoch=epoch, id="u")
    assert (spans[0].first_word, spans[-1].end_word) == (0, len(word_frames))
    assert (spans[0].start_frame, spans[-1].end_frame) == (0, frames)
    assert all(a.end_word == b.first_word and a.end_frame == b.start_frame for a, b in pairwise(spans))
    assert all(a.kind != b.kind for a, b in pairwise(spans))
    assert all(s.first_word < s.end_word and s.start_frame <= s.end_frame for s in spans)
    assert all(s.start_frame < s.end_frame for s in spans if s.kind == "s")


@given(utterance=utterances(), epoch=st.integers(0, 5))
def test_speech_holds_its_words_and_no_frame_of_a_written_word(utterance: tuple[Ints, int], epoch: int) -> None:
    word_frames, frames = utterance
    for span in lst(word_frames, frames, epoch):
        start, end = word_frames[span.first_word, 0], word_frames[span.end_word - 1, 1]
        assert span.start_frame <= start
        assert end <= span.end_frame


@given(words=st.integers(4, 120), epoch=st.integers(0, 20))
def test_span_lengths_are_as_drawn(words: int, epoch: int) -> None:
    spans = lst(*spaced(words), epoch=epoch)
    upper = max(2, min(30, int(words * 6 // 10)))
    lower = max(2, min(5, upper))
    lengths = [s.end_word - s.first_word for s in spans]
    for i, (span, length) in enumerate(zip(spans[:-1], lengths, strict=False)):
        if span.kind == "t":
            assert lower <= length <= upper
        elif i == 0:
            assert lower // 2 <= length <= upper // 2
        else:
            assert length == max(2, lengths[i - 1] // 2)
    if len(spans) > 1:
        assert lengths[-1] >= 3
    if len(spans) > 2:
        most = upper if spans[-1].kind == "t" else max(2, lengths[-2] // 2)
        assert lengths[-1] <= most + 2, "trimmed to fit, or two words of a tail more"


@pytest.mark.parametrize("words", [1, 2, 3])
def test_up_to_three_words_are_one_modality_by_a_fair_coin(words: int) -> None:
    draws = [lst(*spaced(words), epoch=e) for e in range(400)]
    assert all(len(spans) == 1 for spans in draws)
    assert 150 < sum(spans[0].kind == "s" for spans in draws) < 250


def test_four_words_can_alternate() -> None:
    shapes = {tuple((s.kind, s.end_word) for s in lst(*spaced(4), epoch=e)) for e in range(50)}
    assert shapes == {(("t", 4),), (("s", 1), ("t", 4))}


def test_one_word_of_three_is_spoken_in_the_long_run() -> None:
    spoken = written = first = 0
    for epoch in range(300):
        spans = lst(*spaced(600), epoch=epoch)
        first += spans[0].kind == "s"
        spoken += sum(s.end_word - s.first_word for s in spans if s.kind == "s")
        written += sum(s.end_word - s.first_word for s in spans if s.kind == "t")
    assert 0.47 < spoken / written < 0.52
    assert 115 < first < 185


def test_every_length_of_a_text_span_is_drawn() -> None:
    lengths = {s.end_word - s.first_word for e in range(300) for s in lst(*spaced(300), epoch=e)[:-1] if s.kind == "t"}
    assert lengths == set(range(5, 31))


def test_half_of_a_gap_stays_with_the_speech() -> None:
    word_frames, frames = spaced(40, length=5, gap=3, lead=4)
    checked = set()
    for epoch in range(20):
        for span in lst(word_frames, frames, epoch):
            if span.kind == "t":
                continue
            first, last = span.first_word, span.end_word - 1
            assert span.start_frame == (0 if first == 0 else word_frames[first, 0] - 2), "⌈3/2⌉ before, or all of it"
            assert span.end_frame == (frames if last == 39 else word_frames[last, 1] + 2)
            checked |= {first == 0, last == 39}
    assert checked == {True, False}


def test_outer_silence_is_left_out_beside_text() -> None:
    word_frames, frames = spaced(12)
    for epoch in range(20):
        spans = lst(word_frames, frames, epoch)
        if spans[0].kind == "t" and len(spans) > 1:
            assert spans[1].start_frame == word_frames[spans[1].first_word, 0] - 2
            return
    pytest.fail("no draw began with text")


def test_speech_without_a_frame_becomes_text() -> None:
    word_frames = np.zeros((40, 2), dtype=np.int64)
    word_frames[-1] = (0, 9)
    for epoch in range(20):
        spans = lst(word_frames, 9, epoch)
        assert [s.kind for s in spans] in (["t"], ["t", "s"])
        assert spans[-1].end_word == 40


def test_draws_are_a_function_of_seed_epoch_and_id() -> None:
    word_frames, frames = spaced(400)
    draws = {
        (seed, epoch, id): draw("lst", word_frames, frames, seed=seed, epoch=epoch, id=id)
        for seed in range(3)
        for epoch in range(3)
        for id in ("a", "b")
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[2, 1, "b"] == draw("lst", word_frames.copy(), frames, seed=2, epoch=1, id="b")


@pytest.mark.parametrize(("strategy", "kind"), [("lst", "s"), ("speech", "s"), ("text", "t")])
def test_without_word_times_there_is_one_span(strategy: str, kind: str) -> None:
    for word_frames in (None, np.zeros((0, 2), dtype=np.int64)):
        spans = draw(strategy, word_frames, 50, seed=0, epoch=0, id="u")
        assert [(s.kind, s.start_frame, s.end_frame) for s in spans] == [(kind, 0, 50)]


@pytest.mark.parametrize("words", [0, 1, 12])
def test_asr_and_tts_have_all_of_both(words: int) -> None:
    word_frames, frames = spaced(words) if words else (None, 50)
    speech, text = Span("s", 0, words, 0, frames), Span("t", 0, words, frames, frames)
    assert draw("asr", word_frames, frames, seed=0, epoch=0, id="u") == (speech, text)
    assert draw("tts", word_frames, frames, seed=0, epoch=0, id="u") == (text, speech)


def test_spirit_has_spans_of_its_own_lengths() -> None:
    written: set[int] = set()
    spoken: set[int] = set()
    for epoch in range(60):
        spans = draw("spirit", *spaced(400), seed=0, epoch=epoch, id="u")
        written |= set(lengths(spans[:-1], "t"))
        spoken |= set(lengths(spans[:-1], "s"))
    assert (written, spoken) == (set(range(10, 31)), set(range(5, 16)))


@given(words=st.integers(1, 300), epoch=st.integers(0, 5))
def test_poisson_speaks_three_words_of_ten(words: int, epoch: int) -> None:
    spans = draw("poisson", *spaced(words), seed=0, epoch=epoch, id="u")
    assert sum(lengths(spans, "s")) == int(0.3 * words + 0.5)


def test_poisson_spans_have_ten_words_in_the_mean_and_lie_anywhere() -> None:
    drawn = [draw("poisson", *spaced(900), seed=0, epoch=epoch, id="u") for epoch in range(200)]
    spoken = [length for spans in drawn for length in lengths(spans, "s")]
    assert 9.8 < sum(spoken) / len(spoken) < 10.9, "a little more than ten, as neighbours become one"
    heard = np.zeros(900)
    for spans in drawn:
        for span in spans:
            heard[span.first_word : span.end_word] += span.kind == "s"
    assert 0.25 < heard[:300].mean() / 200 < 0.35 and 0.25 < heard[-300:].mean() / 200 < 0.35


def test_an_unknown_strategy_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="one of lst, spirit, poisson, speech, text, asr, tts, but is 'half'"):
        draw("half", *spaced(3), seed=0, epoch=0, id="u")


def before_there_were_lengths(words: int, epoch: int) -> list[tuple[str, int]]:
    """The paper's numbers, written as they were before any other could be chosen."""
    upper = max(2, min(30, 3 * words // 5))
    lower = max(2, min(5, upper))
    generator = rng(0, epoch, "u", "interleave")
    kind, text, end, cuts = "s" if generator.integers(2) else "t", 0, 0, []
    while end < words:
        if kind == "t":
            text = length = int(generator.integers(lower, upper + 1))
        else:
            length = max(2, text // 2) if text else int(generator.integers(lower // 2, upper // 2 + 1))
        end = words if words - end - length < 3 else end + length
        cuts.append((kind, end))
        kind = "t" if kind == "s" else "s"
    return cuts


@given(words=st.integers(1, 200), epoch=st.integers(0, 50))
def test_the_paper_s_lengths_draw_what_they_always_drew(words: int, epoch: int) -> None:
    spans = draw("lst", *spaced(words), seed=0, epoch=epoch, id="u", lengths=Lengths((5, 30), 0.5))
    assert [(span.kind, span.end_word) for span in spans] == before_there_were_lengths(words, epoch)
    assert spans == lst(*spaced(words), epoch=epoch)


@given(
    words=st.integers(1, 150),
    epoch=st.integers(0, 9),
    text=st.tuples(st.integers(2, 40), st.integers(0, 40)).map(lambda drawn: (drawn[0], sum(drawn))),
    ratio=st.floats(0.01, 4),
)
def test_other_lengths_are_as_chosen(words: int, epoch: int, text: tuple[int, int], ratio: float) -> None:
    spans = draw("lst", *spaced(words), seed=0, epoch=epoch, id="u", lengths=Lengths(text, ratio))
    assert (spans[0].first_word, spans[-1].end_word) == (0, words)
    upper = max(2, min(text[1], 3 * words // 5))
    before = 0
    for span in spans[:-1]:
        length = span.end_word - span.first_word
        if span.kind == "t":
            assert max(2, min(text[0], upper)) <= length <= upper
            before = length
        elif before:
            assert length == max(2, math.floor(before * ratio + 1e-9))
        else:
            assert 1 <= length <= max(1, upper * ratio)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 2.0])
def test_as_many_words_are_spoken_as_is_asked_for(ratio: float) -> None:
    drawn = [draw("lst", *spaced(900), seed=0, epoch=e, id="u", lengths=Lengths((10, 30), ratio)) for e in range(200)]
    spoken, written = (sum(length for spans in drawn for length in lengths(spans, kind)) for kind in "st")
    assert ratio * 0.9 < spoken / written <= ratio * 1.02, "rounded down"


def test_a_ratio_is_of_decimals() -> None:
    assert Lengths(speech=0.29).spoken(100) == 29 and Lengths(speech=0.7).spoken(10) == 7
    assert Lengths(speech=0.5).spoken(7) == 3
