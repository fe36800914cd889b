"""Decoding: what every file becomes, and whose fault it is when it becomes nothing."""

from __future__ import annotations

import errno
import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstdata import audio
from lstdata.audio import decoding, files
from lstdata.errors import Rejected, Unavailable
from lstdata.records import Waveform, resampled_length
from lstdata.source_row import Locator
from lstdata.sources.locating import open_located


def noise(samples: int, channels: int = 1, seed: int = 0) -> Waveform:
    shape = (samples, channels) if channels > 1 else samples
    return (np.random.default_rng(seed).standard_normal(shape) * 0.1).astype(np.float32)


def reason(path: object, **stretch: int) -> str:
    with pytest.raises(Rejected) as caught:
        audio.read(str(path), **stretch)
    assert "\n" not in caught.value.detail
    return caught.value.reason


FORMATS = [
    ("a.wav", "WAV", "PCM_16"),
    ("a.flac", "FLAC", "PCM_16"),
    ("a.aiff", "AIFF", "PCM_16"),
    ("a.au", "AU", "ULAW"),
    ("a.ogg", "OGG", "VORBIS"),
    ("a.opus", "OGG", "OPUS"),
    ("a.mp3", "MP3", "MPEG_LAYER_III"),
    ("adpcm.wav", "WAV", "IMA_ADPCM"),
]


@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
def test_every_format_keeps_to_one_rule_of_length(tmp_path: Path, name: str, container: str, subtype: str) -> None:
    soundfile.write(tmp_path / name, noise(48_000), 24_000, format=container, subtype=subtype)
    got = audio.read(str(tmp_path / name))
    assert (got.rate, got.channels, got.samples.dtype) == (24_000, 1, np.float32)
    assert len(got.samples) == resampled_length(got.decoded, 24_000)
    assert got.decoded == pytest.approx(48_000, abs=3_000)


@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
def test_a_stretch_is_exactly_that_stretch_of_the_whole(
    tmp_path: Path, name: str, container: str, subtype: str
) -> None:
    path = str(tmp_path / name)
    soundfile.write(path, noise(100_000), 16_000, format=container, subtype=subtype)
    whole = audio.read(path).samples
    for start, end in ((0, 10), (70_001, 90_003), (99_000, 200_000), (31_234, None)):
        part = audio.read(path, start=start, end=end)
        assert np.array_equal(part.samples, whole[start:end])
        assert part.decoded == len(part.samples)


@pytest.mark.parametrize("name", ["a.opus", "a.mp3", "a.ogg"])
def test_block_size_changes_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = str(tmp_path / name)
    container, subtype = next((c, s) for n, c, s in FORMATS if n == name)
    soundfile.write(path, noise(100_000), 16_000, format=container, subtype=subtype)
    with soundfile.SoundFile(path) as file:
        expected = file.read(dtype="float32")
    monkeypatch.setattr(decoding, "BLOCK", 1_000)
    assert np.array_equal(audio.read(path).samples, np.clip(expected, -1, 1))


def test_a_stretch_of_a_long_file_reads_only_that_stretch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "long.wav")
    soundfile.write(path, noise(16_000 * 120), 16_000)
    read = 0

    class Counted(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            data = super().read(size) or b""
            read += len(data)
            return data

    monkeypatch.setattr(files, "open_binary", Counted)
    assert len(audio.read(path, start=1_600_000, end=1_616_000).samples) == 16_000
    assert read < 100_000


def test_channels_are_averaged_or_chosen(tmp_path: Path) -> None:
    both = noise(4_000, channels=2)
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, both, 16_000, subtype="FLOAT")
    assert np.allclose(audio.read(path).samples, both.mean(axis=1), atol=1e-7)
    assert np.array_equal(audio.read(path, channel=1).samples, both[:, 1])
    assert audio.read(path, channel=1).channels == 2
    assert reason(path, channel=2) == "bad_channel"


def test_too_loud_is_clipped_never_wrapped(tmp_path: Path) -> None:
    loud = np.tile(np.array([1.5, -1.5, 0.25], dtype=np.float32), 1_000)
    soundfile.write(tmp_path / "loud.wav", loud, 16_000, subtype="FLOAT")
    assert np.array_equal(audio.read(str(tmp_path / "loud.wav")).samples, np.clip(loud, -1, 1))
    soundfile.write(tmp_path / "square.wav", np.sign(noise(48_000)), 48_000, subtype="FLOAT")
    assert np.abs(audio.read(str(tmp_path / "square.wav")).samples).max() == 1.0


@pytest.mark.parametrize("name", ["flac.wav", "flac.raw", "flac.txt", "flac"])
def test_content_decides_not_the_suffix(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, noise(16_000), 16_000, format="FLAC")
    assert audio.read(str(tmp_path / name)).decoded == 16_000


def test_the_decoded_length_counts_and_the_promise_is_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.wav", noise(16_000), 16_000)
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[:20_044])
    cut = audio.read(str(tmp_path / "cut.wav"))
    assert (cut.decoded, cut.promised, len(cut.samples)) == (10_000, 16_000, 10_000)
    part = audio.read(str(tmp_path / "cut.wav"), start=9_000, end=12_000)
    assert (part.decoded, part.promised) == (1_000, 3_000)
    assert audio.header_seconds(str(tmp_path / "cut.wav")) == 1.0


@pytest.mark.parametrize("loud_first", [True, False])
def test_mpeg_audio_without_a_length_is_decoded_to_its_end(tmp_path: Path, loud_first: bool) -> None:
    """libsndfile stops, without a word, where it guesses the end from the first bit rate: here after 9 s of 30."""
    delay = 1_105  # the encoder's and the decoder's, of which only the missing frame tells
    signal = noise(480_000) * np.repeat([1.0, 1e-4] if loud_first else [1e-4, 1.0], 240_000)
    soundfile.write(tmp_path / "a.mp3", signal, 16_000)
    said = audio.read(str(tmp_path / "a.mp3"))
    data = (tmp_path / "a.mp3").read_bytes()
    frames = data[data.index(b"\xff\xf3", 4) :]
    with soundfile.SoundFile(io.BytesIO(frames)) as guessed:
        assert abs(guessed.frames - 480_000) > 100_000
        guess = guessed.frames
    id3v2 = b"ID3\x03\x00\x00\x00\x00\x01\x00" + b"TXXX\x00\x00\x00\x06\x00\x00\x00Xing\x00" + bytes(112)
    id3v1 = b"TAG" + bytes(125)
    for content in (frames, id3v2 + frames + id3v1):
        got = audio.read("cell", content=content)
        assert got.decoded == pytest.approx(480_000, abs=3_000)
        assert np.array_equal(got.samples[delay:][5_000:479_000], said.samples[5_000:479_000])
        assert got.promised == pytest.approx(guess, abs=6_000)
        part = audio.read("cell", content=content, start=400_000, end=450_000)
        assert np.array_equal(part.samples, got.samples[400_000:450_000])


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), ("AU", "ULAW"), ("MP3", "MPEG_LAYER_III")])
def test_a_tag_before_a_recording_changes_nothing(container: str, subtype: str) -> None:
    """As taggers made for MP3 put one before FLAC."""
    data = io.BytesIO()
    soundfile.write(data, noise(48_000), 16_000, format=container, subtype=subtype)
    tag = b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)
    bare, tagged = (audio.read("cell", content=content) for content in (data.getvalue(), tag + data.getvalue()))
    assert (tagged.decoded, tagged.promised) == (bare.decoded, bare.promised)
    assert np.array_equal(tagged.samples, bare.samples)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_streamed_wav_promises_nothing(tmp_path: Path, size: int) -> None:
    soundfile.write(tmp_path / "whole.wav", noise(16_000), 16_000)
    data = bytearray((tmp_path / "whole.wav").read_bytes())
    data[40:44] = struct.pack("<I", size)
    (tmp_path / "streamed.wav").write_bytes(data)
    streamed = audio.read(str(tmp_path / "streamed.wav"))
    assert (streamed.decoded, streamed.promised) == (16_000, None)
    assert audio.header_seconds(str(tmp_path / "streamed.wav")) is None


def test_files_that_are_no_audio_say_what_they_are(tmp_path: Path) -> None:
    for name, content, expected, word in [
        ("empty.wav", b"", "empty_file", "0 bytes"),
        ("text.mp3", b"This is not audio at all.\n" * 20, "undecodable", "not recognised"),
        ("a.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(500), "undecodable", "FFmpeg"),
        ("a.webm", b"\x1a\x45\xdf\xa3" + bytes(500), "undecodable", "FFmpeg"),
        ("broken.flac", b"fLaC" + bytes(30), "undecodable", "FFmpeg"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Rejected) as caught:
            audio.read(str(tmp_path / name))
        assert caught.value.reason == expected
        assert word in caught.value.detail
        assert audio.header_seconds(str(tmp_path / name)) is None


def test_a_header_without_samples_is_zero_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "header.wav", noise(0), 16_000)
    assert reason(tmp_path / "header.wav") == "zero_length"
    soundfile.write(tmp_path / "short.wav", noise(100), 16_000)
    assert reason(tmp_path / "short.wav", start=100) == "zero_length"
    assert reason(tmp_path / "short.wav", start=50, end=50) == "zero_length"


@pytest.mark.parametrize("rate", [1, 999, 384_001, 1_092_676])
def test_insane_rates_are_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "rate.wav", noise(1_000), rate)
    assert reason(tmp_path / "rate.wav") == "bad_sample_rate"
    assert audio.header_seconds(str(tmp_path / "rate.wav")) is None


def test_a_stretch_counted_at_another_rate_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wav")
    soundfile.write(path, noise(44_100), 44_100)
    assert audio.read(path, start=100, rate=44_100).decoded == 44_000
    with pytest.raises(Rejected, match=r"44100 Hz, .* 48000 Hz") as caught:
        audio.read(path, start=100, rate=48_000)
    assert caught.value.reason == "rate_mismatch"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = noise(16_000)
    samples[1_234] = value
    soundfile.write(tmp_path / "nan.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(Rejected, match="sample 1234") as caught:
        audio.read(str(tmp_path / "nan.wav"), start=1_000)
    assert caught.value.reason == "non_finite_samples"
    assert audio.read(str(tmp_path / "nan.wav"), start=2_000).decoded == 14_000


def test_flac_damaged_in_the_middle_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "damaged.flac"
    soundfile.write(path, noise(160_000), 16_000)
    path.write_bytes(path.read_bytes()[:150_000])
    with pytest.raises(Rejected, match=r"after sample 65536 of 160000.*FFmpeg") as caught:
        audio.read(str(path))
    assert caught.value.reason == "undecodable"
    assert audio.read(str(path), end=16_000).decoded == 16_000


def test_a_missing_file_is_its_own_fault_and_a_missing_folder_the_worlds(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(1_000), 16_000)
    for path in (tmp_path / "gone.wav", tmp_path / "a.wav" / "b.wav", tmp_path / ("x" * 300), f"{tmp_path}/a\0.wav"):
        assert reason(path) == "missing_audio"
        assert audio.header_seconds(str(path)) is None
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    assert reason(tmp_path / "loop.wav") == "missing_audio"
    for read in (audio.read, audio.header_seconds):
        with pytest.raises(Unavailable, match="cannot be reached"):
            read(str(tmp_path / "unmounted" / "a.wav"))


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "pipe.wav") == "undecodable"
    assert reason(tmp_path) == "undecodable"


@pytest.mark.parametrize("good_bytes", [0, 8_000])
@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
def test_a_failing_disk_is_never_a_shorter_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, container: str, subtype: str, good_bytes: int
) -> None:
    class Failing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= good_bytes:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size) or b""

    soundfile.write(tmp_path / name, noise(48_000), 16_000, format=container, subtype=subtype)
    monkeypatch.setattr(files, "open_binary", Failing)
    for start in (None, 40_000):
        with pytest.raises(Unavailable, match="Input/output error"):
            audio.read(str(tmp_path / name), start=start)
    if good_bytes == 0:
        with pytest.raises(Unavailable, match="Input/output error"):
            audio.header_seconds(str(tmp_path / name))


def test_a_forbidden_file_is_the_worlds_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> io.FileIO:
        raise PermissionError(errno.EACCES, "Permission denied")

    soundfile.write(tmp_path / "a.wav", noise(1_000), 16_000)
    monkeypatch.setattr(files, "open_binary", refuse)
    for read in (audio.read, audio.header_seconds):
        with pytest.raises(Unavailable, match="Permission denied"):
            read(str(tmp_path / "a.wav"))


def test_urls_are_read_like_files(tmp_path: Path) -> None:
    import fsspec

    soundfile.write(tmp_path / "a.flac", noise(16_000), 16_000)
    with fsspec.open("memory://corpus/a.flac", "wb") as file:
        file.write((tmp_path / "a.flac").read_bytes())
    there = audio.read("memory://corpus/a.flac", start=500)
    assert np.array_equal(there.samples, audio.read(str(tmp_path / "a.flac"), start=500).samples)
    assert reason("memory://corpus/gone.flac") == "missing_audio"


@pytest.mark.parametrize(("name", "container", "subtype"), FORMATS)
def test_a_recording_inside_of_a_file_is_the_recording(tmp_path: Path, name: str, container: str, subtype: str) -> None:
    soundfile.write(tmp_path / name, noise(30_000), 16_000, format=container, subtype=subtype)
    alone = (tmp_path / name).read_bytes()
    soundfile.write(tmp_path / "other", noise(9_000, seed=1), 8_000, format=container, subtype=subtype)
    other = (tmp_path / "other").read_bytes()
    archive = str(tmp_path / "archive")
    Path(archive).write_bytes(b"key " + alone + other)
    expected = audio.read(str(tmp_path / name))
    for got in (audio.read(archive, offset=4, size=len(alone)), audio.read("a cell", content=alone)):
        assert np.array_equal(got.samples, expected.samples)
        assert (got.rate, got.decoded, got.promised) == (16_000, expected.decoded, expected.promised)
    part = audio.read(archive, offset=4 + len(alone), start=1_000, end=2_000)
    assert np.array_equal(part.samples, audio.read(str(tmp_path / "other"), start=1_000, end=2_000).samples)
    seconds = audio.header_seconds(str(tmp_path / "other"))
    assert audio.header_seconds(archive, offset=4 + len(alone), size=len(other)) == seconds


def test_a_riff_entry_says_itself_how_long_it_is(tmp_path: Path) -> None:
    """As in a Kaldi archive, where only the offset is known."""
    for name, samples in (("a.wav", 5_000), ("b.wav", 70_000)):
        soundfile.write(tmp_path / name, noise(samples), 16_000)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.wav", "b.wav"))
    (tmp_path / "wav.ark").write_bytes(b"a " + first + b"data\x10\x00\x00\x00 " + second)
    got = audio.read(str(tmp_path / "wav.ark"), offset=2)
    assert (got.decoded, got.promised) == (5_000, 5_000)
    assert np.array_equal(got.samples, audio.read(str(tmp_path / "a.wav")).samples)
    got = audio.read(str(tmp_path / "wav.ark"), offset=11 + len(first))
    assert np.array_equal(got.samples, audio.read(str(tmp_path / "b.wav")).samples)


@pytest.mark.parametrize(
    ("offset", "size", "expected", "words"),
    [
        (9_044, 10, "missing_audio", "9044 bytes: there is no audio at byte 9044"),
        (-1, None, "missing_audio", "no audio at byte -1"),
        (44, 9_001, "undecodable", "9044 bytes, but the audio at byte 44 should be 9001 bytes long"),
        (0, -1, "undecodable", "-1 bytes long"),
        (0, 0, "empty_file", "0 bytes"),
        (1, None, "undecodable", "`a.wav` at byte 1"),
    ],
)
def test_a_stretch_of_bytes_outside_of_the_file_is_refused(
    tmp_path: Path, offset: int, size: int | None, expected: str, words: str
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(4_500), 16_000)
    with pytest.raises(Rejected, match=words) as caught:
        open_located(str(tmp_path), Locator(path="a.wav", offset=offset, size=size))
    assert caught.value.reason == expected
    assert audio.header_seconds(str(tmp_path / "a.wav"), offset=offset, size=size) is None


def test_less_than_a_frame_has_no_units(tmp_path: Path) -> None:
    for samples in (639, 640):
        soundfile.write(tmp_path / f"{samples}.wav", noise(samples), 16_000)
    audio.check_length(audio.read(str(tmp_path / "640.wav")))
    with pytest.raises(Rejected, match="639 samples") as caught:
        audio.check_length(audio.read(str(tmp_path / "639.wav")))
    assert caught.value.reason == "shorter_than_a_frame"


def test_real_recordings_decode_or_say_why_not(speech: Path) -> None:
    outcomes: dict[str, object] = {}
    for path in sorted(p for folder in ("english", "odd", "other-languages") for p in (speech / folder).iterdir()):
        if path.suffix != ".txt":
            try:
                got = audio.read(str(path))
                assert len(got.samples) == resampled_length(got.decoded, got.rate)
                assert np.abs(got.samples).max() <= 1
                outcomes[path.stem] = (got.rate, got.channels, got.decoded, got.promised)
            except Rejected as error:
                outcomes[path.stem] = error.reason
    assert len(outcomes) == 67 + 49 + 13
    assert all(isinstance(outcomes[p.stem], tuple) for p in (speech / "english").glob("*.txt"))
    assert outcomes["pocketsphinx-awful-wav"] == "bad_sample_rate"
    assert outcomes["pocketsphinx-null-wav"] == "zero_length"
    assert outcomes["jfk-jfk_441khz-m4a"] == "undecodable"
    assert outcomes["pocketsphinx-goforward-raw"] == "undecodable"
    assert outcomes["lyra-invalid-wav"] == "undecodable"
    assert outcomes["scipy-test-44100Hz-le-1ch-4bytes-early-eof"] == (44_100, 1, 236, 4_410)
    assert outcomes["lhotse-common_voice_en_651325-mp3"] == (48_000, 1, 114_048, 114_246)
    assert outcomes["de_rhasspy-0004-opus-named-webm"] == (48_000, 1, 328_008, 328_008)
    assert outcomes["lhotse-stereo-sph"] == (8_000, 2, 8_000, 8_000)
