"""Recordings to waveforms: decode with libsndfile, mix down, resample to 16 kHz.

The content decides the format, never the suffix; the samples that were really decoded count, never the header.
"""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from lstdata.errors import LstDataError, Rejected, Unavailable
from lstdata.records import HOP, SAMPLE_RATE, Audio, Waveform, frame_count, resampled_length
from lstdata.storage import is_url, open_binary

MIN_RATE, MAX_RATE = 1_000, 384_000
"""Sampling rates (Hz) outside of these are taken for broken headers."""

_BLOCK = 1 << 16
"""Samples per channel decoded at a time: a recording of hours is never held with all its channels."""

_SEEKS_EXACTLY = re.compile(r"PCM_\w+|FLOAT|DOUBLE|ULAW|ALAW")
"""Subtypes in which a sample's place in the file is computed or indexed, not guessed from a bit rate."""

_UNKNOWN_FRAMES = 2**31 - 1
"""What writers that cannot go back put into a header: this many samples or more promise nothing."""

_STREAM_BYTES = 0x7FFFF000
"""The same in a WAV header, where lengths are bytes."""

_ZEROS = 6
"""Zero crossings on either side of the resampling filter: torchaudio's default."""

_ROLLOFF = 0.99
"""The filter's cut-off as a share of the lower Nyquist frequency: torchaudio's default."""

_NEEDS_FFMPEG = {
    re.compile(rb"....ftyp", re.DOTALL): "MPEG-4 (m4a, mp4)",
    re.compile(rb"\x1a\x45\xdf\xa3"): "Matroska (webm, mkv)",
    re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"): "AAC",
    re.compile(rb"\x30\x26\xb2\x75"): "Windows Media",
    re.compile(rb"#!AMR"): "AMR",
    re.compile(rb"fLaC"): "damaged FLAC",
}


def read(
    path: str, *, start: int | None = None, end: int | None = None, channel: int | None = None, rate: int | None = None
) -> Audio:
    """Decode samples [start, end) at the file's own rate, of one channel or of the mean of all.

    `rate` is what start and end were counted at. Raises Rejected (`missing_audio`, `empty_file`, `undecodable`,
    `bad_sample_rate`, `rate_mismatch`, `bad_channel`, `zero_length`, `non_finite_samples`) for what the file is,
    Unavailable for what the world does.
    """
    with _decoder(path) as (sound, watched):
        channels = sound.channels
        rate = _checked_rate(path, sound.samplerate, rate)
        if channel is not None and not 0 <= channel < channels:
            raise Rejected("bad_channel", f"`{path}` has {channels} channels; channel {channel} is not one of them.")
        promised = _promised(sound)
        mono = _decode(path, sound, start or 0, end, 0 if channels == 1 else channel)
        watched.check(path)
    if not len(mono):
        stretch = "" if start is None and end is None else f" in [{start or 0}, {'end' if end is None else end})"
        raise Rejected("zero_length", f"`{path}` holds no samples{stretch}.")
    finite = np.isfinite(mono)
    if not finite.all():
        first = int(np.argmin(finite)) + (start or 0)
        raise Rejected("non_finite_samples", f"`{path}` has NaN or infinite samples, the first at sample {first}.")
    if promised is not None:
        promised = max(0, min(promised, promised if end is None else end) - (start or 0))
    samples = np.clip(resample(mono, rate), -1.0, 1.0)
    return Audio(samples=samples, rate=rate, channels=channels, decoded=len(mono), promised=promised)


def check_length(audio: Audio) -> None:
    """Raises Rejected `shorter_than_a_frame` for audio that yields no unit at all."""
    if frame_count(len(audio.samples)) == 0:
        detail = f"{len(audio.samples)} samples at {SAMPLE_RATE} Hz are fewer than one frame of {HOP}."
        raise Rejected("shorter_than_a_frame", detail)


def header_seconds(path: str) -> float | None:
    """Seconds that the header promises, without decoding; None where there is no such file or it promises nothing.

    Raises Unavailable where the file's folder cannot be reached or reading fails: that says nothing of the file.
    """
    try:
        with _decoder(path) as (sound, watched):
            frames = _promised(sound)
            watched.check(path)
            return frames / sound.samplerate if frames and MIN_RATE <= sound.samplerate <= MAX_RATE else None
    except Rejected:
        return None


def resample(samples: Waveform, rate: int) -> Waveform:
    """To 16 kHz by torchaudio's windowed sinc; exactly `resampled_length(len(samples), rate)` samples.

    In blocks with context, so that memory stays bounded and torchaudio's float32 lengths stay exact. Rates that share
    no factor with 16 kHz, whose filter bank would take gigabytes, have the same filter evaluated sample by sample.
    """
    if rate == SAMPLE_RATE:
        return samples
    common = math.gcd(rate, SAMPLE_RATE)
    old, new = rate // common, SAMPLE_RATE // common
    width = math.ceil(_ZEROS * old / (min(old, new) * _ROLLOFF))
    output = np.empty(resampled_length(len(samples), rate), dtype=np.float32)
    if new * (old + 2 * width) > 1 << 20:
        _resample_directly(samples, old, new, width, output)
    else:
        _resample_in_blocks(samples, old, new, width, output)
    return output


def _resample_in_blocks(samples: Waveform, old: int, new: int, width: int, output: Waveform) -> None:
    import torch
    from torchaudio.functional import resample as library

    periods = max(1, (1 << 20) // max(old, new))
    context = -(-width // old)
    for first in range(0, -(-len(samples) // old), periods):
        begin = max(0, first - context)
        piece = samples[begin * old : (first + periods + context) * old]
        padded = torch.from_numpy(np.pad(piece, (0, old)))
        block = library(padded, old, new, lowpass_filter_width=_ZEROS, rolloff=_ROLLOFF).numpy()
        target = output[first * new : (first + periods) * new]
        target[:] = block[(first - begin) * new :][: len(target)]


def _resample_directly(samples: Waveform, old: int, new: int, width: int, output: Waveform) -> None:
    padded = np.pad(samples, (width, width + 2))
    taps = np.arange(-width, width + 2)
    cutoff = min(old, new) * _ROLLOFF / old
    for first in range(0, len(output), _BLOCK):
        target = output[first : first + _BLOCK]
        whole, rest = np.divmod(np.arange(first, first + len(target), dtype=np.int64) * old, new)
        t = np.clip((taps - (rest / new)[:, None]) * cutoff, -_ZEROS, _ZEROS)
        bank = np.sinc(t) * np.cos(t * (np.pi / (2 * _ZEROS))) ** 2 * cutoff
        target[:] = (padded[whole[:, None] + taps + width] * bank).sum(axis=1)


def _checked_rate(path: str, rate: int, stated: int | None) -> int:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise Rejected("bad_sample_rate", f"`{path}` claims {rate} Hz, outside of {MIN_RATE}–{MAX_RATE} Hz.")
    if stated is not None and stated != rate:
        detail = f"`{path}` has {rate} Hz, but the manifest counts its samples at {stated} Hz."
        raise Rejected("rate_mismatch", detail)
    return rate


def _decode(path: str, sound: Any, start: int, end: int | None, channel: int | None) -> Waveform:
    """Mono samples [start, end) at the file's rate, as many of them as there are."""
    from soundfile import LibsndfileError

    position = 0
    blocks: list[Waveform] = []
    try:
        if 0 < start <= sound.frames and _SEEKS_EXACTLY.fullmatch(sound.subtype):
            position = sound.seek(start)
        while end is None or position < end:
            wanted = _BLOCK if end is None else min(_BLOCK, end - position)
            block = sound.read(wanted, dtype="float32", always_2d=True)
            if not len(block):
                break
            skip = max(0, start - position)
            position += len(block)
            if skip < len(block):
                with np.errstate(over="ignore", invalid="ignore"):
                    mono = block.mean(axis=1) if channel is None else np.ascontiguousarray(block[:, channel])
                blocks.append(mono[skip:])
    except LibsndfileError as error:
        part = f"decoding fails within {_BLOCK} samples after sample {position} of {sound.frames}"
        hint = "; FFmpeg may recover a part" if sound.format == "FLAC" else ""
        raise Rejected("undecodable", f"`{path}`: {part}: {_one_line(error)}{hint}.") from error
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.float32)


def _promised(sound: Any) -> int | None:
    """Samples per channel by the header, also where libsndfile has already cut a WAV's promise to what it holds."""
    frames = int(sound.frames)
    chunk = re.search(r"^data : (\d+) \(should be \d+\)", sound.extra_info, re.MULTILINE)
    align = re.search(r"Block Align +: (\d+)", sound.extra_info)
    if chunk and align and int(align[1]):
        size = int(chunk[1])
        if not 0 < size < _STREAM_BYTES:
            return None
        frames = size // int(align[1])
    return frames if frames < _UNKNOWN_FRAMES else None


class _Watched:
    """A binary file whose read errors are kept: libsndfile would take them for the end of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: Exception | None = None

    def check(self, path: str) -> None:
        if self._error is not None:
            raise Unavailable(f"`{path}` could not be read: {_one_line(self._error)}.") from self._error

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except Exception as error:
            self._error = error
            return 0
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except Exception as error:
            self._error = error
            return -1

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _decoder(path: str) -> Iterator[tuple[Any, _Watched]]:
    """The file as an open decoder that only ever reads on: seeking after each block would change lossy formats."""
    import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False

    with _binary(path) as file:
        head = _head(path, file)
        if not head:
            raise Rejected("empty_file", f"`{path}` has 0 bytes.")
        file.seek(0)
        watched = _Watched(file)
        try:
            sound = Sequential(watched)
        except soundfile.LibsndfileError as error:
            watched.check(path)
            raise Rejected("undecodable", _why_undecodable(path, head, error)) from error
        with sound:
            yield sound, watched


def _head(path: str, file: IO[bytes]) -> bytes:
    try:
        return file.read(16)
    except Exception as error:
        raise Unavailable(f"`{path}` could not be read: {_one_line(error)}.") from error


@contextmanager
def _binary(path: str) -> Iterator[IO[bytes]]:
    try:
        if not is_url(path) and not stat.S_ISREG(os.stat(path).st_mode):
            raise Rejected("undecodable", f"`{path}` is not a regular file.")
        file = open_binary(path)
    except (LstDataError, MemoryError):
        raise
    except Exception as error:
        raise _unopened(path, error) from error
    with file:
        yield file


def _unopened(path: str, error: Exception) -> LstDataError:
    """Whose fault it is that a file cannot be opened: its own while its folder is there, else the world's."""
    code = error.errno if isinstance(error, OSError) else None
    gone = isinstance(error, FileNotFoundError) and (is_url(path) or os.path.isdir(os.path.dirname(path) or "."))
    if gone or code in (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP) or isinstance(error, ValueError):
        return Rejected("missing_audio", f"there is no file `{path}`.")
    return Unavailable(f"`{path}` cannot be reached: {_one_line(error)}.")


def _why_undecodable(path: str, head: bytes, error: Any) -> str:
    for magic, name in _NEEDS_FFMPEG.items():
        if magic.match(head):
            return f"`{path}` is {name}, which libsndfile cannot decode: convert it with FFmpeg first."
    return f"`{path}`: {_one_line(error.error_string)}."


def _one_line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
