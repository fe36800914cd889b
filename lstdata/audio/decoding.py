"""An open recording: what its header says, and its samples block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lstdata.audio.files import Bytes, Place, one_line, opened
from lstdata.errors import Rejected
from lstdata.records import Waveform

MIN_RATE, MAX_RATE = 1_000, 384_000
"""Sampling rates (Hz) outside of these are taken for broken headers."""

BLOCK = 1 << 16
"""Samples per channel decoded at a time: a recording of hours is never held with all its channels."""

_SEEKS_EXACTLY = re.compile(r"PCM_\w+|FLOAT|DOUBLE|ULAW|ALAW")
"""Subtypes in which a sample's place in the file is computed or indexed, not guessed from a bit rate."""

_UNKNOWN_FRAMES = 2**31 - 1
"""What writers that cannot go back put into a header: this many samples or more promise nothing."""

_STREAM_BYTES = 0x7FFFF000
"""The same in a WAV header, where lengths are bytes."""

_NEEDS_FFMPEG = {
    re.compile(rb"....ftyp", re.DOTALL): "MPEG-4 (m4a, mp4)",
    re.compile(rb"\x1a\x45\xdf\xa3"): "Matroska (webm, mkv)",
    re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"): "AAC",
    re.compile(rb"\x30\x26\xb2\x75"): "Windows Media",
    re.compile(rb"#!AMR"): "AMR",
    re.compile(rb"fLaC"): "damaged FLAC",
}


class Recording:
    """A decoder that only ever reads on: seeking after each block would change lossy formats."""

    def __init__(self, data: Bytes) -> None:
        """Raises Rejected `empty_file` or `undecodable`, or Unavailable where reading fails."""
        import soundfile

        class Sequential(soundfile.SoundFile):  # type: ignore[misc]
            def seekable(self) -> bool:
                return False

        self.place = data.place
        self._data = data
        head = data.head()
        if not head:
            raise Rejected("empty_file", f"{self.place} has 0 bytes.")
        try:
            self._sound = Sequential(data)
        except soundfile.LibsndfileError as error:
            data.check()
            raise Rejected("undecodable", _why_undecodable(self.place, head, error)) from error
        self.rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.promised = _promised(self._sound)
        """Samples per channel by the header; None where it promises nothing sane."""

    def check(self) -> None:
        """Raises Unavailable where the file could not be read on."""
        self._data.check()

    def close(self) -> None:
        self._sound.close()

    def mono(self, start: int, end: int | None, channel: int | None) -> Waveform:
        """Samples [start, end) of one channel or of the mean of all, at the file's rate: as many as there are."""
        blocks: list[Waveform] = []
        for block in self._blocks(start, end):
            with np.errstate(over="ignore", invalid="ignore"):
                mono = block.mean(axis=1) if channel is None else np.ascontiguousarray(block[:, channel])
            blocks.append(mono)
        return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.float32)

    def _blocks(self, start: int, end: int | None) -> Iterator[Waveform]:
        """(samples, channels) of [start, end)."""
        from soundfile import LibsndfileError

        sound = self._sound
        position = 0
        try:
            if 0 < start <= sound.frames and _SEEKS_EXACTLY.fullmatch(sound.subtype):
                position = sound.seek(start)
            while end is None or position < end:
                wanted = BLOCK if end is None else min(BLOCK, end - position)
                block: Waveform = sound.read(wanted, dtype="float32", always_2d=True)
                if not len(block):
                    break
                skip = max(0, start - position)
                position += len(block)
                if skip < len(block):
                    yield block[skip:]
        except LibsndfileError as error:
            part = f"decoding fails within {BLOCK} samples after sample {position} of {sound.frames}"
            hint = "; FFmpeg may recover a part" if sound.format == "FLAC" else ""
            raise Rejected("undecodable", f"{self.place}: {part}: {one_line(error)}{hint}.") from error


@contextmanager
def opened_recording(place: Place) -> Iterator[Recording]:
    with opened(place) as data:
        recording = Recording(data)
        try:
            yield recording
        finally:
            recording.close()


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


def _why_undecodable(place: Place, head: bytes, error: Any) -> str:
    for magic, name in _NEEDS_FFMPEG.items():
        if magic.match(head):
            return f"{place} is {name}, which libsndfile cannot decode: convert it with FFmpeg first."
    return f"{place}: {one_line(error.error_string)}."
