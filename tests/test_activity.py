from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.activity import activity_mask, frame_levels
from lstdata.audio import read
from lstdata.config import ActivityConfig
from lstdata.records import HOP, Waveform, frame_at

CONFIG = ActivityConfig()


def noise(frames: int, db: float, seed: int = 0) -> Waveform:
    white = np.random.Generator(np.random.Philox(seed)).standard_normal(frames * HOP)
    return np.asarray(white * 10 ** (db / 20), dtype=np.float32)


@settings(deadline=None)
@given(st.integers(0, 3 * HOP + 1))
def test_one_value_for_every_whole_frame(samples: int) -> None:
    mask = activity_mask(noise(4, -20)[:samples], CONFIG)
    assert mask.shape == (samples // HOP,)
    assert mask.dtype == np.bool_


@pytest.mark.parametrize("db", [-134.0, -50.0, -6.0])
def test_steady_noise_is_silence_at_any_level(db: float) -> None:
    assert not activity_mask(noise(250, db), CONFIG).any()


def test_digital_silence_and_direct_current_are_silence() -> None:
    assert not activity_mask(np.zeros(50 * HOP, np.float32), CONFIG).any()
    assert not activity_mask(np.full(50 * HOP, -0.9, np.float32), CONFIG).any()


def assert_speech_is(samples: Waveform, start: int, end: int) -> None:
    """Exactly these frames, but that the filter may ring on into the one after."""
    found = np.flatnonzero(activity_mask(samples, CONFIG)).tolist()
    assert [frame for frame in found if frame != end] == list(range(start, end))


@pytest.mark.parametrize("background", [-134.0, -50.0])
def test_a_burst_is_found_to_the_frame(background: float) -> None:
    samples = noise(200, background)
    samples[60 * HOP : 90 * HOP] += noise(30, -25, seed=1)
    assert_speech_is(samples, 60, 90)


def test_thumps_below_the_voice_are_not_speech() -> None:
    samples = noise(200, -60)
    time = np.arange(20 * HOP) / 16_000
    samples[20 * HOP : 40 * HOP] += (0.5 * np.sin(2 * np.pi * 12 * time) * np.hanning(20 * HOP)).astype(np.float32)
    samples[100 * HOP : 130 * HOP] += noise(30, -30, seed=1)
    assert_speech_is(samples, 100, 130)


def test_room_noise_beside_digital_silence_is_not_speech() -> None:
    samples = np.concatenate([np.zeros(50 * HOP, np.float32), noise(100, -62), np.zeros(50 * HOP, np.float32)])
    samples[90 * HOP : 110 * HOP] += noise(20, -20, seed=1)
    assert_speech_is(samples, 90, 110)


def test_nothing_is_speech_in_the_dither() -> None:
    samples = noise(200, -134)
    samples[60 * HOP : 90 * HOP] += noise(30, -90, seed=1)
    assert not activity_mask(samples, CONFIG).any()


def test_a_stretch_needs_one_loud_frame_and_reaches_as_far_as_it_stays_audible() -> None:
    samples = noise(300, -60)
    samples[50 * HOP : 60 * HOP] += noise(10, -52, seed=1)
    samples[100 * HOP : 110 * HOP] += noise(10, -52, seed=1)
    samples[104 * HOP : 106 * HOP] += noise(2, -30, seed=2)
    assert np.flatnonzero(activity_mask(samples, CONFIG)).tolist() == list(range(100, 110))


def test_the_floor_follows_a_changing_background() -> None:
    samples = np.concatenate([noise(500, -70), noise(500, -50, seed=1)])
    samples[700 * HOP : 720 * HOP] += noise(20, -25, seed=2)
    mask = activity_mask(samples, ActivityConfig(floor_seconds=4.0))
    assert mask[700:720].all()
    assert not mask[600:700].any()
    assert not mask[720:].any()


def test_levels_are_decibels_of_full_scale() -> None:
    assert frame_levels(noise(40, -20), 0.0).mean() == pytest.approx(-20, abs=0.2)


def test_words_are_active_and_gaps_are_not(speech: Path) -> None:
    active = words = quiet = gaps = 0
    for name in ("LJ001-0001", "LJ001-0003", "LJ001-0007", "LJ001-0014", "LJ001-0022", "acoustic_corpus"):
        audio = next(p for p in sorted((speech / "english").glob(f"{name}.*")) if p.suffix != ".txt")
        mask = activity_mask(read(str(audio)).samples, CONFIG)
        spoken = np.zeros(len(mask), dtype=np.bool_)
        for word in json.loads((speech / "words" / f"{name}.json").read_text())["words"]:
            spoken[frame_at(int(word["start"] * 16_000)) : frame_at(int(word["end"] * 16_000))] = True
        edges = np.flatnonzero(np.diff(np.concatenate(([0], ~spoken, [0])))).reshape(-1, 2)
        pauses = [np.arange(start, end) for start, end in edges.tolist() if end - start >= 3]
        silent = np.concatenate(pauses) if pauses else np.zeros(0, dtype=np.int64)
        active, words = active + int(mask[spoken].sum()), words + int(spoken.sum())
        quiet, gaps = quiet + int((~mask[silent]).sum()), gaps + len(silent)
    assert active / words >= 0.9
    assert quiet / gaps >= 0.9
