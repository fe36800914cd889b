"""The synthesizer: a pure function of text and style, with a time for every word."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from lstdata.demo import speech
from lstdata.demo.language import VOICES
from lstdata.demo.speech import RATE, Event, Style, speak, word_times
from lstdata.errors import MissingExtra, Unavailable

WORD, END, PHONEME = 1, 5, 7
TEXT = 'There was a coin in the jar, and nobody knew. "Where is it?" asked Tom\'s aunt. It had been hers for a week.'


@pytest.fixture(scope="module")
def _synthesizer() -> None:
    pytest.importorskip("espeakng_loader")


def _phonemes(*starts: int | tuple[int, str]) -> list[Event]:
    return [Event(PHONEME, 1, 0, s, "x") if isinstance(s, int) else Event(PHONEME, 1, 0, *s) for s in starts]


def test_word_times_follow_the_events_and_end_at_pauses() -> None:
    events = [
        Event(WORD, 1, 2, 0, ""),
        Event(WORD, 5, 4, 300, ""),
        *_phonemes(0, 100, 300, 400, (500, "_:"), (900, "_")),
        Event(END, 9, 0, 900, ""),
    ]
    assert word_times("Go, home!", events, [2, 2]) == (("Go,", 0, 300), ("home!", 300, 500))


def test_a_pause_inside_a_word_belongs_to_it() -> None:
    events = [Event(WORD, 1, 5, 0, ""), *_phonemes(0, (50, "_"), 80, (200, "_:")), Event(END, 6, 0, 300, "")]
    assert word_times("stop.", events, [2]) == (("stop.", 0, 200),)


def test_words_spoken_as_one_are_cut_at_a_phoneme_in_proportion() -> None:
    events = [
        Event(WORD, 1, 2, 0, ""),
        Event(WORD, 8, 3, 440, ""),
        *_phonemes(0, 110, 230, 330, 440, (600, "_:")),
        Event(END, 11, 0, 700, ""),
    ]
    assert word_times("in the mud", events, [2, 2, 3]) == (("in", 0, 230), ("the", 230, 440), ("mud", 440, 600))


def test_words_spoken_as_one_with_too_few_phonemes_share_the_time() -> None:
    events = [Event(WORD, 1, 2, 0, ""), *_phonemes(0, (90, "_")), Event(END, 9, 0, 90, "")]
    assert [w[1:] for w in word_times("as if so", events, [1, 1, 1])] == [(0, 30), (30, 60), (60, 90)]


def test_empty_word_events_and_repeated_ones_are_ignored() -> None:
    events = [
        Event(WORD, 1, 0, 0, ""),
        Event(WORD, 1, 6, 10, ""),
        Event(WORD, 8, 4, 200, ""),
        Event(WORD, 8, 4, 250, ""),
        *_phonemes(10, 200, 250, (300, "_")),
        Event(END, 11, 0, 400, ""),
    ]
    assert [w[1:] for w in word_times("twenty four", events, [5, 3])] == [(10, 200), (200, 300)]


@pytest.mark.usefixtures("_synthesizer")
@pytest.mark.parametrize("voice", [voice for voice, _ in VOICES])
def test_every_word_sounds_and_pauses_are_silent(voice: str) -> None:
    spoken = speak(TEXT, Style(voice=voice, word_gap=5, pause=4000, lead=2000, tail=3000))
    assert [w.text for w in spoken.words] == TEXT.split()
    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 2000
    assert edges[-1] <= len(spoken.samples) - 3000
    power = spoken.samples.astype(np.float64) ** 2
    inside = np.zeros(len(power), dtype=bool)
    for word in spoken.words:
        assert word.end - word.start >= RATE // 200
        assert power[word.start : word.end].max() > 300**2
        inside[word.start : word.end] = True
    assert power[inside].mean() > 10_000 * power[~inside].mean()
    assert np.abs(spoken.samples.astype(int)).max() < 32_760


@pytest.mark.usefixtures("_synthesizer")
def test_speech_does_not_depend_on_what_was_spoken_before_or_on_the_time_of_day() -> None:
    breathy = Style(voice="en-us+f3", pitch=60)
    first = speak(TEXT, breathy)
    speak("Something else, in another voice!", Style(voice="en-029+m1", words_per_minute=120))
    speech._library().espeak_ng_SetRandSeed(ctypes.c_long(12_345))
    second = speak(TEXT, breathy)
    assert np.array_equal(first.samples, second.samples)
    assert first.words == second.words
    assert not np.array_equal(first.samples, speak(TEXT, Style(voice="en-us+f2", pitch=60)).samples)


@pytest.mark.usefixtures("_synthesizer")
def test_silences_are_added_where_the_style_says_and_words_move_with_them() -> None:
    plain = speak(TEXT, Style(voice="en-us+m3"))
    paused = speak(TEXT, Style(voice="en-us+m3", pause=1000, lead=70, tail=30))
    clauses = {"jar,": 500, "knew.": 1000, 'it?"': 1000, "aunt.": 1000}
    assert len(paused.samples) == len(plain.samples) + sum(clauses.values()) + 100
    shift = 70
    for before, after in zip(plain.words, paused.words, strict=True):
        assert after == (before.text, before.start + shift, before.end + shift)
        assert np.array_equal(
            paused.samples[after.start : after.end].tolist(), plain.samples[before.start : before.end].tolist()
        )
        shift += clauses.get(before.text, 0)


@pytest.mark.usefixtures("_synthesizer")
def test_an_unknown_voice_is_said_by_name() -> None:
    with pytest.raises(Unavailable, match="no voice xx-nowhere"):
        speak("Hello.", Style(voice="xx-nowhere"))


def test_without_the_synthesizer_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    speech._library.cache_clear()
    with pytest.raises(MissingExtra, match=r"lstdata\[demo\]"):
        speech.require()
    speech._library.cache_clear()
