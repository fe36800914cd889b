"""The detector: the package's own probabilities, whatever the blocks, and no deafness after long speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstdata.audio import read
from lstdata.records import Waveform
from lstdata.segment.cutting import FRAME
from lstdata.segment.silero import SileroDetector, _framed


@pytest.fixture(scope="module")
def detector() -> SileroDetector:
    return SileroDetector()


@pytest.fixture(scope="module")
def sentence(speech: Path) -> Waveform:
    """12 s of read speech."""
    return read(str(speech / "english" / "6313-76958-0021.flac")).samples


def theirs(signal: Waveform, before: Waveform | None = None) -> list[float]:
    """The package's probabilities from a fresh state, `before` being the 64 samples before the signal."""
    import torch
    from silero_vad import load_silero_vad

    model = load_silero_vad()
    with torch.inference_mode():
        if before is not None:
            model(torch.zeros(1, FRAME), 16_000)
            model._state = torch.zeros_like(model._state)
            model._context = torch.from_numpy(before)[None]
        frames = np.pad(signal, (0, -len(signal) % FRAME)).reshape(-1, FRAME)
        return [float(model(torch.from_numpy(frame)[None], 16_000)) for frame in frames]


def test_probabilities_are_those_of_the_package(detector: SileroDetector, sentence: Waveform, speech: Path) -> None:
    """Of two runs for each frame, one from a fresh state, the greater one."""
    noisy = read(str(speech / "english" / "cold_corpus_24bit.wav")).samples
    edge = 250 * FRAME
    signal = np.concatenate([sentence[:edge], noisy[: 200 * FRAME + 100]])
    carried, fresh = theirs(signal), theirs(signal[edge:], signal[edge - 64 : edge])
    expected = np.array(carried)
    expected[250:] = np.maximum(carried[250:], fresh)
    assert (expected[250:] > np.array(carried[250:]) + 0.1).any() and (expected[250:] > np.array(fresh) + 0.1).any()
    assert len(expected) == 451 and expected.max() > 0.9 > 0.1 > expected.min()
    np.testing.assert_allclose(detector.probabilities([signal]), expected, atol=1e-4)


def test_every_frame_sees_the_samples_before_it() -> None:
    signal = np.arange(1, 600 * FRAME + 8, dtype=np.float32)
    framed = np.concatenate(list(_framed(np.split(signal, [1000, 200_000]))))
    padded = np.concatenate([np.zeros(64), signal, np.zeros(FRAME - 7)])
    assert framed.shape == (601, 64 + FRAME)
    for number in (0, 1, 249, 250, 251, 600):
        np.testing.assert_array_equal(framed[number], padded[number * FRAME :][: 64 + FRAME])


def test_probabilities_do_not_depend_on_the_blocks(detector: SileroDetector, sentence: Waveform) -> None:
    signal = np.tile(sentence, 2)
    whole = detector.probabilities([signal])
    assert len(whole) == -(-len(signal) // FRAME)
    for length in (1_000, 160_000):
        blocks = [signal[first : first + length] for first in range(0, len(signal), length)]
        assert detector.probabilities(iter(blocks)).tobytes() == whole.tobytes()


def test_other_speech_before_makes_it_deaf_to_none(detector: SileroDetector, sentence: Waveform, speech: Path) -> None:
    noisy = read(str(speech / "english" / "cold_corpus_24bit.wav")).samples
    alone = detector.probabilities([noisy])
    after = detector.probabilities([*[sentence] * 6, noisy])[-len(alone) :]
    assert (alone > 0.5).mean() > 0.6
    assert (after > 0.5).mean() > 0.6


def test_silence_and_noise_are_no_speech_and_nothing_has_no_probabilities(detector: SileroDetector) -> None:
    noise = (np.random.default_rng(0).standard_normal(20 * 16_000) * 0.01).astype(np.float32)
    assert detector.probabilities([noise]).max() < 0.5
    assert detector.probabilities([np.zeros(16_000, dtype=np.float32)]).max() < 0.5
    assert len(detector.probabilities([])) == 0
