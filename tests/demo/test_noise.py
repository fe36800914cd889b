"""Noise at the ratio that was asked for, words where they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstdata.demo.language import QUIETER, Language
from lstdata.demo.narration import draw_style
from lstdata.demo.noise import with_noise
from lstdata.demo.speech import Spoken, SpokenWord


def _spoken() -> Spoken:
    samples = np.zeros(30_000, np.int16)
    samples[10_000:20_000] = (3000 * np.sin(np.arange(10_000) / 5)).astype(np.int16)
    return Spoken(samples, (SpokenWord("a", 10_000, 20_000),))


def test_without_a_ratio_nothing_changes() -> None:
    spoken = _spoken()
    assert with_noise(spoken, None, "x") is spoken


@given(st.floats(-5, 30), st.text(max_size=5))
def test_silence_is_filled_at_the_ratio_to_the_words(snr: float, id: str) -> None:
    spoken = _spoken()
    noisy = with_noise(spoken, snr, id)
    assert noisy.words == spoken.words
    added = noisy.samples.astype(np.float64) - spoken.samples
    measured = 10 * np.log10(np.mean(np.square(spoken.samples[10_000:20_000], dtype=np.float64)) / np.mean(added**2))
    assert abs(measured - snr) < 1.0
    assert np.array_equal(with_noise(spoken, snr, id).samples, noisy.samples)


def test_recordings_differ_in_their_noise_and_only_in_it() -> None:
    quiet = [draw_style(0, f"s-{i}") for i in range(50)]
    noisy = [draw_style(0, f"s-{i}", Language(snr=10)) for i in range(50)]
    ratios = [style.snr for style in noisy if style.snr is not None]
    assert len(ratios) == 50
    assert 10 <= min(ratios) < 15 < 25 < max(ratios) <= 10 + QUIETER
    assert all(style.snr is None for style in quiet)
    assert [(s.voice, s.pitch, s.lead, s.tail) for s in quiet] == [(s.voice, s.pitch, s.lead, s.tail) for s in noisy]
