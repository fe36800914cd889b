"""Resampling: exact lengths, and the samples that the library would give in one call."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata import audio
from lstdata.audio import resampling
from lstdata.records import Waveform, resampled_length


def noise(samples: int) -> Waveform:
    return (np.random.default_rng(0).standard_normal(samples) * 0.1).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(st.integers(1_000, 384_000), st.integers(1, 3_000))
def test_any_rate_gives_the_exact_length(rate: int, samples: int) -> None:
    resampled = audio.resample(noise(samples), rate)
    assert len(resampled) == resampled_length(samples, rate)
    assert np.isfinite(resampled).all()


@pytest.mark.parametrize("rate", [8_000, 11_025, 18_000, 22_050, 44_100, 48_000])
def test_blocks_resample_as_one_call_of_the_library_does(rate: int) -> None:
    import torch
    from torchaudio.functional import resample

    samples = noise(rate * 100 + 17)
    whole = resample(torch.from_numpy(samples), rate, 16_000).numpy()
    ours = audio.resample(samples, rate)
    shared = min(len(whole), len(ours))
    assert np.allclose(ours[:shared], whole[:shared], atol=2e-5)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000, 22_254])
def test_wherever_the_input_is_cut_the_samples_are_the_same(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cut around the first two edges of its windows, which are made small."""
    monkeypatch.setattr(resampling, "_WINDOW", 256)
    common = math.gcd(rate, 16_000)
    period = rate // common
    window = max(1, 256 // max(period, 16_000 // common)) * period
    samples = noise(3 * window + 100)
    whole = audio.resample(samples, rate)
    near = [0, 1, 5, 7, 15, 37, 100, period - 1, period, period + 1]
    for cut in sorted({edge + side * n for edge in (window, 2 * window) for n in near for side in (-1, 1)}):
        pieces = list(resampling.resampled([samples[:cut], samples[cut:]], rate))
        assert np.array_equal(np.concatenate(pieces), whole)


def test_where_the_library_is_one_sample_short_nothing_is_lost() -> None:
    import torch
    from torchaudio.functional import resample

    samples = noise(400_089)
    exact = resampled_length(len(samples), 44_100)
    assert len(resample(torch.from_numpy(samples), 44_100, 16_000)) == exact - 1
    assert len(audio.resample(samples, 44_100)) == exact


@pytest.mark.parametrize("rate", [44_101, 22_254])
def test_rates_without_a_common_factor_keep_a_tone(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    ours = audio.resample(tone, rate)
    assert np.abs(ours[1_000:-1_000] - expected[1_000:-1_000]).max() < 2e-3


def test_the_filter_is_the_same_whichever_way_it_is_evaluated() -> None:
    samples = noise(30_000)
    polyphase, direct = (
        evaluate(samples, 441, 160, 17)[: resampled_length(len(samples), 44_100)]
        for evaluate in (resampling._polyphase, resampling._directly)
    )
    assert len(polyphase) == len(direct) == resampled_length(len(samples), 44_100)
    assert np.allclose(polyphase, direct, atol=1e-5)
