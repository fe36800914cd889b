"""Bad and odd recordings: each maker writes one file and says what must become of it."""

from __future__ import annotations

import gzip
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from tests.hostile.conftest import SAMPLE

RATE = 16_000


def tone(samples: int = RATE, channels: int = 1) -> np.ndarray:
    """A second of something to hear, shape (samples,) or (samples, channels)."""
    wave = 0.3 * np.sin(np.arange(samples) * 0.05) + np.random.default_rng(1).normal(0, 0.01, samples)
    return wave if channels == 1 else np.stack([wave] * channels, axis=1)


def encoded(container: str, subtype: str, samples: int = RATE, rate: int = RATE, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(samples, channels), rate, format=container, subtype=subtype)
    return buffer.getvalue()


WAV = encoded("WAV", "PCM_16")
FLAC = encoded("FLAC", "PCM_16")
MP3 = encoded("MP3", "MPEG_LAYER_III", samples=3 * RATE)
OGG = encoded("OGG", "VORBIS", samples=3 * RATE)


def header(rate: int = RATE, channels: int = 1, bits: int = 16, code: int = 1, size: int | None = None) -> bytes:
    """A WAV header for one second, with whatever lies in it."""
    length = 2 * RATE if size is None else size
    block = channels * bits // 8
    fields = struct.pack("<HHIIHH", code, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    riff = min(36 + length, 2**32 - 1)
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + fields
        + b"data"
        + struct.pack("<I", length)
    )


def floats(*values: float) -> bytes:
    """A WAV of 32-bit floats, a second of silence after these values."""
    data = np.concatenate([np.array(values, dtype="<f4"), np.zeros(RATE, dtype="<f4")])
    return header(bits=32, code=3, size=data.nbytes) + data.tobytes()


def flipped(data: bytes, at: float) -> bytes:
    """The same bytes with 64 of them inverted at a share of the length."""
    first = int(len(data) * at)
    return data[:first] + bytes(255 - byte for byte in data[first : first + 64]) + data[first + 64 :]


PCM = (np.clip(tone(), -1, 1) * 32767).astype("<i2").tobytes()

FILES: dict[str, tuple[bytes, str]] = {
    # nothing, or no audio at all
    "empty.wav": (b"", "empty_file"),
    "one byte.wav": (b"R", "undecodable"),
    "random.wav": (np.random.default_rng(2).bytes(5_000), "undecodable"),
    "random.mp3": (bytes(range(1, 200)) * 50, "undecodable"),
    "zeros.wav": (bytes(10_000), "undecodable"),
    "text.wav": (b"this is no recording\n" * 100, "undecodable"),
    "page.mp3": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "undecodable"),
    "json.flac": (b'{"error": "access denied"}', "undecodable"),
    "packed.wav": (gzip.compress(WAV), "undecodable"),
    "phone.m4a": (b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom" + bytes(500), "undecodable"),
    "browser.webm": (b"\x1a\x45\xdf\xa3" + bytes(500), "undecodable"),
    "radio.aac": (b"\xff\xf1\x50\x80" + bytes(500), "undecodable"),
    "phone.amr": (b"#!AMR\n" + bytes(500), "undecodable"),
    "windows.wma": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(500), "undecodable"),
    "headerless.raw": (PCM, "undecodable"),
    # headers
    "header only.wav": (header(size=0), "zero_length"),
    "half a header.wav": (header()[:20], "undecodable"),
    "no data chunk.wav": (header()[:36], "undecodable"),
    "rate 0.wav": (header(rate=0) + PCM, "undecodable"),
    "rate 1.wav": (header(rate=1) + PCM, "bad_sample_rate"),
    "rate 999.wav": (header(rate=999) + PCM, "bad_sample_rate"),
    "rate 1092676.wav": (header(rate=1_092_676) + PCM, "bad_sample_rate"),
    "rate 4 billion.wav": (header(rate=2**32 - 1) + PCM, "undecodable"),
    "no channels.wav": (header(channels=0) + PCM, "undecodable"),
    "0 bits.wav": (header(bits=0) + PCM, "undecodable"),
    "unknown codec.wav": (header(code=0x1234) + PCM, "undecodable"),
    "promises an hour.wav": (header(size=2 * RATE * 3600) + PCM, SAMPLE),
    "promises 4 GB.wav": (header(size=2**32 - 1) + PCM, SAMPLE),
    "promises 0 and has data.wav": (header(size=0) + PCM, "zero_length"),
    "odd number of bytes.wav": (header(size=2 * RATE) + PCM[:-1], SAMPLE),
    "rubbish at the end.wav": (WAV + b"rubbish" * 99, SAMPLE),
    "tag in front.mp3": (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + MP3, SAMPLE),
    # damaged
    "cut.wav": (WAV[: len(WAV) // 2], SAMPLE),
    "cut.flac": (FLAC[: len(FLAC) // 2], "undecodable"),
    "flipped.flac": (flipped(FLAC, 0.5), "undecodable"),
    "beheaded.flac": (FLAC[40:], "undecodable"),
    "cut.mp3": (MP3[: len(MP3) // 2], SAMPLE),
    "flipped.mp3": (flipped(MP3, 0.5), SAMPLE),
    "cut.ogg": (OGG[: len(OGG) // 2], SAMPLE),
    "flipped.wav": (flipped(WAV, 0.5), SAMPLE),
    # samples
    "nan.wav": (floats(float("nan")), "non_finite_samples"),
    "infinite.wav": (floats(float("-inf")), "non_finite_samples"),
    "huge.wav": (floats(1e30, -1e30), SAMPLE),
    "denormal.wav": (floats(1e-40), SAMPLE),
    "silent.wav": (header() + bytes(2 * RATE), SAMPLE),
    "full scale.wav": (header() + b"\xff\x7f" * RATE, SAMPLE),
    "8 bit.wav": (encoded("WAV", "PCM_U8"), SAMPLE),
    "24 bit.wav": (encoded("WAV", "PCM_24"), SAMPLE),
    "64 bit float.wav": (encoded("WAV", "DOUBLE"), SAMPLE),
    "alaw.wav": (encoded("WAV", "ALAW"), SAMPLE),
    "adpcm.wav": (encoded("WAV", "IMA_ADPCM"), SAMPLE),
    "12 channels.wav": (encoded("WAV", "PCM_16", channels=12), SAMPLE),
    # lengths and rates
    "one sample.wav": (encoded("WAV", "PCM_16", samples=1), "shorter_than_a_frame"),
    "639 samples.wav": (encoded("WAV", "PCM_16", samples=639), "shorter_than_a_frame"),
    "640 samples.wav": (encoded("WAV", "PCM_16", samples=640), SAMPLE),
    "1000 Hz.wav": (encoded("WAV", "PCM_16", samples=1_000, rate=1_000), SAMPLE),
    "11025 Hz.wav": (encoded("WAV", "PCM_16", rate=11_025), SAMPLE),
    "15991 Hz.wav": (encoded("WAV", "PCM_16", rate=15_991), SAMPLE),
    "384000 Hz.wav": (encoded("WAV", "PCM_16", samples=96_000, rate=384_000), SAMPLE),
    # the suffix lies
    "flac.wav": (FLAC, SAMPLE),
    "mp3.flac": (MP3, SAMPLE),
    "ogg.mp3": (OGG, SAMPLE),
    "wav.webm": (WAV, SAMPLE),
    "aiff.wav": (encoded("AIFF", "PCM_16"), SAMPLE),
    "LOUD.WAV": (WAV, SAMPLE),
    "opus.ogg": (encoded("OGG", "OPUS", samples=RATE), SAMPLE),
    "w64.wav": (encoded("W64", "PCM_16"), SAMPLE),
    "rf64.wav": (encoded("RF64", "PCM_16"), SAMPLE),
    "caf.caf": (encoded("CAF", "PCM_16"), SAMPLE),
    "sphere.sph": (encoded("NIST", "PCM_16"), SAMPLE),
    # names
    "track 2.0 (clean).wav": (WAV, SAMPLE),
    "naïve 録音 🎙.wav": (WAV, SAMPLE),
    "two\nlines.wav": (WAV, SAMPLE),
    "'; rm -rf ~; echo '.wav": (WAV, SAMPLE),
    "a" * 240 + ".wav": (WAV, SAMPLE),
    "-rf.wav": (WAV, SAMPLE),
}


def _unnamed(folder: Path) -> tuple[str, str]:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav")).write_bytes(WAV)
    return r"caf\udce9", "bad_name"


def _pipe(folder: Path) -> tuple[str, str]:
    os.mkfifo(folder / "pipe.wav")
    return "pipe", "undecodable"


def _dangling(folder: Path) -> tuple[str, str]:
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    return "dangling", "missing_audio"


def _circle(folder: Path) -> tuple[str, str]:
    (folder / "circle.wav").symlink_to("circle.wav")
    return "circle", "missing_audio"


def _escaping(folder: Path) -> tuple[str, str]:
    (folder.parent / "secret.wav").write_bytes(WAV)
    (folder / "escaping.wav").symlink_to("../secret.wav")
    return "escaping.wav", "path_escapes"


def _inside(folder: Path) -> tuple[str, str]:
    (folder / "link.wav").symlink_to("8 bit.wav")
    return "link", SAMPLE


PLACES: tuple[Callable[[Path], tuple[str, str]], ...] = (_unnamed, _pipe, _dangling, _circle, _escaping, _inside)


def write(folder: Path) -> dict[str, str]:
    """All of them below `folder`; id → expected outcome. Ids are names without suffix, with it where two share it."""
    folder.mkdir()
    stems = [os.path.splitext(name)[0] for name in FILES]
    expected = {}
    for name, (data, outcome) in FILES.items():
        (folder / name).write_bytes(data)
        stem = os.path.splitext(name)[0]
        expected[stem if stems.count(stem) == 1 else name] = outcome
    return expected | dict(make(folder) for make in PLACES)
