"""Audio as bytes that others play: equal signals give equal bytes under one version of libsndfile."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Final

import numpy as np

from lstdata.errors import CorruptShard
from lstdata.records import SAMPLE_RATE, Codec, KeptAudio, Waveform

_PAGE: Final = struct.Struct("<4sBBqIIIB")
"""Of Ogg: pattern, version, kind, place, serial number, number, check sum, lacing values."""

_SERIAL: Final = 14
_SUM: Final = 22
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def encode(samples: Waveform, codec: Codec) -> KeptAudio:
    """What is beyond full scale is clipped."""
    return KeptAudio(codec, _flac(samples) if codec == "flac" else _opus(samples))


def decode(audio: KeptAudio) -> Waveform:
    """The inverse, as far as the codec has one: of as many samples. CorruptShard where it is none of ours."""
    import soundfile

    try:
        samples, rate = soundfile.read(io.BytesIO(audio.data), dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise CorruptShard(f"its {audio.codec} cannot be decoded: {' '.join(str(error).split())}") from error
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise CorruptShard(f"its {audio.codec} must be mono at {SAMPLE_RATE} Hz, but is not.")
    decoded: Waveform = samples
    return decoded


def _flac(samples: Waveform) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    rounded = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    soundfile.write(buffer, rounded, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _opus(samples: Waveform) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1.0, 1.0), SAMPLE_RATE, format="OGG", subtype="OPUS")
    return numbered(buffer.getvalue(), 1)


def numbered(ogg: bytes, serial: int) -> bytes:
    """An Ogg stream with this serial number in place of the random one that libsndfile draws (RFC 3533, §6)."""
    data = bytearray(ogg)
    start = 0
    while start < len(data):
        pattern, *_, lacing = _PAGE.unpack_from(data, start)
        if pattern != b"OggS":
            raise ValueError(f"There is no page of Ogg at byte {start}.")
        first = start + _PAGE.size
        end = first + lacing + sum(data[first : first + lacing])
        struct.pack_into("<I", data, start + _SERIAL, serial)
        struct.pack_into("<I", data, start + _SUM, 0)
        struct.pack_into("<I", data, start + _SUM, _check_sum(bytes(data[start:end])))
        start = end
    return bytes(data)


def _check_sum(page: bytes) -> int:
    """Ogg's CRC-32: the polynomial of zlib's with bits the other way round, from 0, not inverted."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
