"""Streams: what reading gives, in blocks, whatever the format, the rate and the place of the edges."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata import audio
from lstdata.audio import decoding, files, reading, resampling
from lstdata.errors import Rejected
from lstdata.records import Waveform, resampled_length


def noise(samples: int, channels: int = 1) -> Waveform:
    return (np.random.default_rng(samples).standard_normal((samples, channels)) * 0.4).astype(np.float32)


def encoded(samples: Waveform, rate: int, container: str = "WAV", subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 22_254]),
    st.integers(1, 6_000),
    st.integers(0, 6_000),
    st.integers(1, 6_000),
    st.sampled_from([None, 0, 1]),
)
def test_a_stream_is_the_whole_signal_cut(rate: int, length: int, start: int, count: int, channel: int | None) -> None:
    """With small blocks: edges everywhere, without hours of audio."""
    signal = noise(length, channels=2)
    mono = (signal[:, 0] + signal[:, 1]) / 2 if channel is None else signal[:, channel]
    mono = mono[start : start + count]
    stream = audio.stream("cell", content=encoded(signal, rate), start=start, end=start + count, channel=channel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK", 1_000)
        patch.setattr(resampling, "_WINDOW", 2_048)
        patch.setattr(reading, "STREAM_BLOCK", 700)
        if not len(mono):
            with pytest.raises(Rejected, match=r"zero_length: .*holds no samples in"):
                next(stream)
            return
        expected = np.clip(audio.resample(np.ascontiguousarray(mono), rate), -1, 1)
        blocks = list(stream)
    assert np.array_equal(np.concatenate(blocks), expected)
    assert [len(block) for block in blocks[:-1]] == [700] * (len(blocks) - 1)
    assert 0 < len(blocks[-1]) <= 700
    assert stream.heard.decoded == len(mono)


FORMATS = [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_every_format_streams_as_it_reads(container: str, subtype: str, rate: int) -> None:
    content = encoded(noise(rate * 25, channels=2), rate, container, subtype)
    for span in ({}, {"start": rate + 1, "end": 24 * rate, "channel": 1}, {"start": 7}):
        whole = audio.read("cell", content=content, **span)
        stream = audio.stream("cell", content=content, **span)
        blocks = list(stream)
        assert np.array_equal(np.concatenate(blocks), whole.samples)
        assert [len(block) for block in blocks[:2]] == [160_000] * 2
        heard = stream.heard
        assert (heard.rate, heard.channels, heard.decoded, heard.promised) == (
            whole.rate,
            whole.channels,
            whole.decoded,
            whole.promised,
        )
        assert heard.header_mismatch == whole.header_mismatch


def test_a_stream_reads_no_further_than_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "long.wav")
    soundfile.write(path, noise(16_000 * 300), 16_000)
    read = 0

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            data = super().read(size) or b""
            read += len(data)
            return data

    monkeypatch.setattr(files, "open_binary", Counted)
    stream = audio.stream(path)
    assert read == 0
    next(stream)
    assert 320_000 < read < 700_000


def test_a_stream_gives_the_verdicts_of_reading(tmp_path: Path) -> None:
    nan = noise(48_000)
    nan[40_000] = np.nan
    wav, flac = encoded(noise(160_000), 16_000, "WAV", "PCM_16"), encoded(noise(160_000), 16_000, "FLAC", "PCM_16")
    cases: list[tuple[bytes, dict[str, Any]]] = [
        (b"", {}),
        (b"no audio at all", {}),
        (encoded(nan, 16_000), {"start": 100}),
        (flac[:150_000], {}),
        (wav, {"channel": 1}),
        (wav, {"rate": 8_000}),
        (wav, {"start": 160_000}),
        (encoded(noise(10), 999), {}),
        (encoded(noise(0), 16_000), {}),
        (wav, {"offset": len(wav)}),
    ]
    for content, span in cases:
        with pytest.raises(Rejected) as whole:
            audio.read("cell", content=content, **span)
        with pytest.raises(Rejected) as streamed:
            list(audio.stream("cell", content=content, **span))
        assert str(streamed.value) == str(whole.value)
    with pytest.raises(Rejected, match="there is no file"):
        next(audio.stream(str(tmp_path / "gone.wav")))


def test_no_stream_ends_with_an_empty_block() -> None:
    stream = audio.stream("cell", content=encoded(noise(320_000), 16_000))
    assert [len(block) for block in stream] == [160_000] * 2


def test_what_came_before_the_fault_is_streamed() -> None:
    nan = noise(400_000)
    nan[390_000] = np.nan
    stream = audio.stream("cell", content=encoded(nan, 16_000))
    assert [len(next(stream)), len(next(stream))] == [160_000] * 2
    with pytest.raises(Rejected, match="sample 390000"):
        next(stream)


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_an_unfinished_stream_leaves_nothing_open(tmp_path: Path, suffix: str) -> None:
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, noise(400_000), 16_000)
    before = open_files()
    stream = audio.stream(path, start=5)
    next(stream)
    assert open_files() == before + 1
    del stream
    assert open_files() == before


def test_real_recordings_stream_as_they_read(speech: Path) -> None:
    formats = set()
    for path in sorted((speech / "english").iterdir())[::3] + sorted((speech / "other-languages").iterdir()):
        if path.suffix != ".txt":
            whole = audio.read(str(path))
            stream = audio.stream(str(path))
            assert np.array_equal(np.concatenate(list(stream)), whole.samples)
            assert resampled_length(stream.heard.decoded, stream.heard.rate) == len(whole.samples)
            formats.add(path.suffix)
    assert {".wav", ".flac", ".mp3"} < formats
