"""Audio that is kept: the same bytes for the same signal, and as many samples back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.audio.encoding import decode, encode, numbered
from lstdata.errors import CorruptShard
from lstdata.records import Codec, KeptAudio


def tone(samples: int) -> np.ndarray:
    noise = np.random.default_rng(samples).standard_normal(samples)
    return (0.1 * np.sin(np.arange(samples) / 20) + 0.02 * noise).astype(np.float32)


@pytest.mark.parametrize("codec", ["flac", "opus"])
@settings(max_examples=15, deadline=None)
@given(samples=st.one_of(st.integers(1, 3000), st.sampled_from([16_000, 48_017])))
def test_as_many_samples_come_back_from_the_same_bytes(codec: Codec, samples: int) -> None:
    signal = tone(samples)
    data = encode(signal, codec)
    assert data == encode(signal.copy(), codec)
    assert len(decode(data)) == samples


def test_flac_has_every_sample_and_opus_sounds_alike_in_fewer_bytes() -> None:
    signal = tone(16_000)
    flac, opus = encode(signal, "flac"), encode(signal, "opus")
    assert np.abs(decode(flac) - signal).max() <= 0.5 / 32768 + 1e-9
    heard = decode(opus)
    assert np.corrcoef(heard, signal)[0, 1] > 0.9
    assert len(opus.data) < len(flac.data) / 3


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_what_is_beyond_full_scale_is_clipped(codec: Codec) -> None:
    signal = (3 * tone(8000) / np.abs(tone(8000)).max()).astype(np.float32)
    assert np.abs(decode(encode(signal, codec))).max() <= 1.1


def test_loud_and_quiet_samples_are_rounded_and_clipped() -> None:
    signal = np.array([1.0, -1.0, 0.4 / 32768, 0.6 / 32768, 0.0] * 200, dtype=np.float32)
    found, _ = soundfile.read(io.BytesIO(encode(signal, "flac").data), dtype="int16")
    assert found[:5].tolist() == [32767, -32768, 0, 1, 0]


def test_the_check_sum_of_a_page_is_that_of_libogg() -> None:
    """With the number that libsndfile drew, all of it is as libsndfile wrote it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(40_000), 16_000, format="OGG", subtype="OPUS")
    data = buffer.getvalue()
    assert data.count(b"OggS") > 2
    assert numbered(data, int.from_bytes(data[14:18], "little")) == data
    with pytest.raises(ValueError, match="no page of Ogg at byte 0"):
        numbered(b"R" + data[1:], 1)


def test_anything_else_is_refused() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((100, 2)), 8000, format="FLAC")
    for data in (b"", b"nothing", encode(tone(5000), "flac").data[:30], buffer.getvalue()):
        with pytest.raises(CorruptShard, match="its flac"):
            decode(KeptAudio("flac", data))
