"""The detector: the package's own probabilities, whatever the blocks, and no deafness after long speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstdata.audio import read
from lstdata.records import Waveform
from lstdata.segment.cutting import FRAME
from lstdata.segment.silero import SileroDetector


@pytest.fixture(scope="module")
def detector() -> SileroDetector:
    return SileroDetector()


@pytest.fixture(scope="module")
def sentence(speech: Path) -> Waveform:
    """12 s of read speech."""
    return read(str(speech / "english" / "6313-76958-0021.flac")).samples


def test_probabilities_are_those_of_the_package(detector: SileroDetector, sentence: Waveform) -> None:
    """From a fresh state; the first block has no other."""
    import torch
    from silero_vad import load_silero_vad

    model = load_silero_vad()
    padded = np.pad(sentence[: 200 * FRAME + 100], (0, FRAME - 100)).reshape(-1, FRAME)
    with torch.inference_mode():
        theirs = [float(model(torch.from_numpy(frame)[None], 16_000)) for frame in padded]
    ours = detector.probabilities([sentence[: 200 * FRAME + 100]])
    assert len(ours) == 201 and max(theirs) > 0.9 > 0.1 > min(theirs)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


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
