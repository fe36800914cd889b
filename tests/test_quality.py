"""What is measured of a signal and a transcript, against values worked out by hand."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.audio import resample
from lstdata.quality import Measures, character_count, clipped_share, measure, signal_to_noise, word_count
from lstdata.records import HOP, SAMPLE_RATE, Audio, Coded, Waveform
from lstdata.source_row import Locator, SourceRow, TimedWord

FRAMES = 50
SPEECH = np.arange(FRAMES) % 5 < 2


def alternating(amplitudes: np.ndarray) -> Waveform:
    """Frames whose samples are ±amplitude by turns: their mean power is its square, exactly."""
    signs = np.where(np.arange(HOP) % 2, 1.0, -1.0)
    return (amplitudes[:, None] * signs).reshape(-1).astype(np.float32)


def row(**fields: object) -> SourceRow:
    return SourceRow(id="a", locator=Locator(path="a.wav"), recording="a", **fields)  # type: ignore[arg-type]


def audio(samples: Waveform, promised: int | None = None) -> Audio:
    return Audio(samples=samples, rate=SAMPLE_RATE, channels=1, decoded=len(samples), promised=promised)


def test_signal_to_noise_is_the_ratio_of_mean_powers_in_decibels() -> None:
    loud, quiet = 0.5, 0.005
    samples = alternating(np.where(SPEECH, loud, quiet))
    assert signal_to_noise(samples, SPEECH, 0.0) == pytest.approx(40.0, abs=1e-4)
    uneven = alternating(np.where(SPEECH, loud, np.where(np.arange(FRAMES) % 5 == 2, 0.05, 0.0)))
    assert signal_to_noise(uneven, SPEECH, 0.0) == pytest.approx(10 * np.log10(0.25 / (0.0025 / 3)), abs=1e-4)


def test_signal_to_noise_where_one_of_them_is_missing() -> None:
    samples = alternating(np.full(FRAMES, 0.1))
    assert signal_to_noise(samples, np.ones(FRAMES, dtype=np.bool_), 0.0) is None
    assert signal_to_noise(samples, np.zeros(FRAMES, dtype=np.bool_), 0.0) == 0.0
    assert signal_to_noise(samples[:0], np.zeros(0, dtype=np.bool_), 0.0) is None


def test_digital_silence_counts_as_less_than_16_bits_can_say_and_not_as_nothing() -> None:
    samples = alternating(np.where(SPEECH, 0.1, 0.0))
    assert signal_to_noise(samples, SPEECH, 0.0) == pytest.approx(80.0, abs=1e-4)


def test_a_hum_below_the_high_pass_is_no_noise() -> None:
    clean = alternating(np.where(SPEECH, 0.2, 0.002))
    hum = 0.3 * np.sin(2 * np.pi * 20 * np.arange(len(clean)) / SAMPLE_RATE)
    humming = (clean + hum).astype(np.float32)
    heard, deaf = signal_to_noise(humming, SPEECH, 0.0), signal_to_noise(humming, SPEECH, 100.0)
    assert heard is not None and deaf is not None
    assert heard < 5 and deaf > 35


@given(gain=st.floats(0.05, 1.0), loud=st.floats(0.05, 0.9), quiet=st.floats(1e-3, 0.04))
def test_signal_to_noise_does_not_depend_on_the_gain(gain: float, loud: float, quiet: float) -> None:
    samples = alternating(np.where(SPEECH, loud, quiet))
    assert signal_to_noise(samples * np.float32(gain), SPEECH, 0.0) == pytest.approx(
        signal_to_noise(samples, SPEECH, 0.0), abs=1e-3
    )


def test_clipping_is_the_share_of_samples_at_full_scale() -> None:
    assert clipped_share(np.array([0.0, 1.0, -1.0, 0.98], dtype=np.float32)) == 0.5
    assert clipped_share(np.zeros(0, dtype=np.float32)) == 0.0
    tone = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    assert clipped_share(0.98 * tone) == 0.0


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("gain", [2.0, 4.0])
def test_a_clipped_tone_is_seen_at_any_rate(rate: int, gain: float) -> None:
    """Resampling makes flat tops ring; the share stays within an eighth of the truth, `2·acos(1/gain)/π`."""
    tone = gain * np.sin(2 * np.pi * 220 * np.arange(2 * rate) / rate)
    share = clipped_share(np.clip(resample(np.clip(tone, -1, 1).astype(np.float32), rate), -1, 1))
    assert share == pytest.approx(2 * np.arccos(1 / gain) / np.pi, rel=0.125)


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("Hello, world!", 2, 10),
        ("– well … 3 times –", 3, 10),
        ("", 0, 0),
        ("你好，世界。", 1, 4),
        ("今日は２０時", 1, 6),
        ("हिन्दी भाषा", 2, 10),
        ("e\u0301te\u0301", 1, 3),
        ("🙂 $ + ok", 1, 2),
    ],
)
def test_words_and_characters_of_any_script(text: str, words: int, characters: int) -> None:
    assert (word_count(text), character_count(text)) == (words, characters)


@given(st.text())
def test_composed_and_decomposed_texts_count_alike(text: str) -> None:
    assert character_count(unicodedata.normalize("NFD", text)) == character_count(text)


def test_a_record_with_audio_is_measured() -> None:
    samples = alternating(np.where(SPEECH, 1.0, 0.01))
    wanted = ("clipping", "snr_db")
    found = measure(row(text="Four words, ten: 1!", language="en"), audio(samples, 36_000), SPEECH, 0.0, wanted)
    assert found == Measures(
        language="en",
        seconds=2.0,
        words_per_second=2.0,
        characters_per_second=6.5,
        header_mismatch=0.25,
        clipping=0.4,
        snr_db=found.snr_db,
    )
    assert found.snr_db == pytest.approx(40.0, abs=1e-4)
    few = measure(row(), audio(samples), SPEECH, 0.0, ())
    assert few == Measures(seconds=2.0)


def test_words_stand_in_for_a_text_and_a_blank_text_for_none() -> None:
    content = audio(alternating(np.zeros(25)))
    words = (TimedWord("one", 0.0, 0.1), TimedWord("two", 0.1, 0.2))
    assert measure(row(words=words), content, None, 0.0, ()).words_per_second == 2.0
    assert measure(row(text=" \n"), content, None, 0.0, ()).words_per_second is None


def test_a_record_that_comes_as_units_has_a_length_and_perhaps_words_and_a_header() -> None:
    units = np.zeros(FRAMES, dtype=np.uint16)
    coded = Coded(samples=FRAMES * HOP, units=units, activity=SPEECH, words=("ab", "cd", "ef"), header_seconds=2.5)
    found = measure(row(), coded, None, 0.0, ("clipping", "snr_db"))
    assert found == Measures(seconds=2.0, words_per_second=1.5, characters_per_second=3.0, header_mismatch=0.5)
