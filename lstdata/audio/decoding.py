"""An open recording: what its header says, and its samples block by block."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from functools import cache
from typing import Any

import numpy as np

from lstdata.audio.files import Bytes, Place, one_line
from lstdata.audio.mpeg import EXCESS, Endless, hides_length
from lstdata.errors import Rejected
from lstdata.records import Waveform

MIN_RATE, MAX_RATE = 1_000, 384_000
"""Sampling rates (Hz) outside of these are taken for broken headers."""

BLOCK = 1 << 16
"""Samples per channel decoded at a time: a recording of hours is never held with all its channels."""

_RECENT = 1 << 20
"""Values (4 MiB) that stay in memory behind the position of a recording that cannot seek: 11 s of CD stereo."""

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
    """An open recording, read onwards only, but where seeking is exact; what was read last can be had again."""

    def __init__(self, place: Place) -> None:
        """Raises Rejected `missing_audio`, `empty_file` or `undecodable`, Unavailable where the world fails."""
        self.place = place
        self._data = Bytes(place)
        try:
            endless = hides_length(self._data)
            self._sound = self._opened(Endless(self._data) if endless else self._data)
            if endless and self._sound.format != "MP3":  # another format behind a tag
                endless = False
                self._sound.close()
                self._sound = self._opened(self._data)
        except BaseException:
            self._data.close()
            raise
        self.rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.seeks_exactly = bool(_SEEKS_EXACTLY.fullmatch(self._sound.subtype))
        self.promised = _promised(self._sound, EXCESS if endless else 1)
        """Samples per channel by the header; None where it promises nothing sane."""
        self._position = 0
        self._recent: list[Waveform] = []
        """The last blocks before the position, where going back would mean to begin anew."""

    @property
    def earliest(self) -> int:
        """The first sample that can still be had."""
        return 0 if self.seeks_exactly else self._position - sum(map(len, self._recent))

    def version(self) -> Hashable:
        """Changes when the file's bytes do; None where nobody knows."""
        return self._data.version()

    def check(self) -> None:
        """Raises Unavailable where the file could not be read on."""
        self._data.check()

    def close(self) -> None:
        self._sound.close()
        self._data.close()

    def _opened(self, data: Bytes | Endless) -> Any:
        from soundfile import LibsndfileError

        head = self._data.peek(0, 16)
        if not head:
            raise Rejected("empty_file", f"{self.place} has 0 bytes.")
        try:
            return _sequential()(data)
        except LibsndfileError as error:
            self._data.check()
            raise Rejected("undecodable", _why_undecodable(self.place, head, error)) from error

    def mono(self, start: int, end: int | None, channel: int | None) -> Iterator[Waveform]:
        """Blocks of samples [start, end), as many as there are, of one channel or of the mean of all.

        `start` is not before `earliest`. Raises Rejected `undecodable`, whose message depends on the file alone.
        """
        for block in self._blocks(start, end):
            yield _mixed_down(block) if channel is None else np.ascontiguousarray(block[:, channel])

    def _blocks(self, start: int, end: int | None) -> Iterator[Waveform]:
        """(samples, channels) of [start, end)."""
        first = self.earliest
        if self.seeks_exactly:
            self._seek(start)
        for block in tuple(self._recent):
            yield from _within(block, first, start, end)
            first += len(block)
        while end is None or self._position < end:
            to_edge = BLOCK - self._position % BLOCK
            first = self._position
            block = self._read(to_edge if end is None else min(to_edge, end - first))
            if not len(block):
                return
            yield from _within(block, first, start, end)

    def _seek(self, start: int) -> None:
        from soundfile import LibsndfileError

        if self._position != start <= self._sound.frames:
            try:
                self._sound.seek(start)
            except LibsndfileError as error:
                self.check()
                raise self._undecodable(start, error) from error
            self._position = start

    def _read(self, wanted: int) -> Waveform:
        from soundfile import LibsndfileError

        try:
            block: Waveform = self._sound.read(wanted, dtype="float32", always_2d=True)
        except LibsndfileError as error:
            self.check()
            raise self._undecodable(self._position // BLOCK * BLOCK, error) from error
        self._position += len(block)
        if not self.seeks_exactly:
            self._recent.append(block)
            while len(self._recent) > 1 and sum(b.size for b in self._recent) > _RECENT:
                del self._recent[0]
        return block

    def _undecodable(self, sample: int, error: Any) -> Rejected:
        total = "" if self.promised is None else f" of {self.promised}"
        part = f"decoding fails within {BLOCK} samples after sample {sample}{total}"
        hint = "; FFmpeg may recover a part" if self._sound.format == "FLAC" else ""
        return Rejected("undecodable", f"{self.place}: {part}: {one_line(error)}{hint}.")


@cache
def _sequential() -> Any:
    """A decoder that only ever reads on: seeking after each block would change lossy formats."""
    import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False

    return Sequential


def _mixed_down(block: Waveform) -> Waveform:
    """The mean of all channels, summed in their order."""
    mono = np.ascontiguousarray(block[:, 0])
    with np.errstate(over="ignore", invalid="ignore"):
        for channel in range(1, block.shape[1]):
            mono = mono + block[:, channel]
        return mono if block.shape[1] == 1 else mono / np.float32(block.shape[1])


def _within(block: Waveform, first: int, start: int, end: int | None) -> Iterator[Waveform]:
    """What of a block that begins at sample `first` lies in [start, end), if anything."""
    part = block[max(0, start - first) : None if end is None else max(0, end - first)]
    if len(part):
        yield part


def _promised(sound: Any, excess: int) -> int | None:
    """Samples per channel by the header, also where libsndfile has already cut a WAV's promise to what it holds."""
    frames = int(sound.frames) // excess
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
