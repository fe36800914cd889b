"""One record's audio: a stretch of a recording as a 16 kHz mono signal, and every verdict on the way there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from lstdata.audio.cursor import recording_at
from lstdata.audio.decoding import MAX_RATE, MIN_RATE, Recording
from lstdata.audio.files import Place
from lstdata.audio.resampling import resampled
from lstdata.errors import Rejected
from lstdata.records import HOP, SAMPLE_RATE, Audio, Waveform, frame_count

STREAM_BLOCK = 10 * SAMPLE_RATE
"""Samples that a stream yields at a time."""


@dataclass(slots=True)
class Heard:
    """What is known of a stream's audio: nothing before the first block, and `decoded` grows to the end."""

    rate: int = 0
    """Hertz of the file."""
    channels: int = 0
    decoded: int = 0
    """Samples per channel that were really decoded, at the file's rate."""
    promised: int | None = None
    """Samples per channel that the header promised for the same stretch; None if it promised nothing sane."""

    @property
    def header_mismatch(self) -> float | None:
        """Seconds between what the header promised and what was decoded; only at the end it is the truth."""
        return None if self.promised is None else abs(self.promised - self.decoded) / self.rate


class Stream(Iterator[Waveform]):
    """A record's signal in blocks of `STREAM_BLOCK` samples, the last one shorter, never empty."""

    def __init__(self, place: Place, span: _Span) -> None:
        self.heard = Heard()
        self._blocks = _cut(_signal(place, span, self.heard))

    def __next__(self) -> Waveform:
        return next(self._blocks)


def read(
    path: str,
    *,
    start: int | None = None,
    end: int | None = None,
    channel: int | None = None,
    rate: int | None = None,
    offset: int | None = None,
    size: int | None = None,
    content: bytes | None = None,
) -> Audio:
    """Decode samples [start, end) at the file's own rate, of one channel or of the mean of all.

    `rate` is what start and end were counted at. With `offset`, the recording is the bytes [offset, offset + size) of
    the file, without `size` all from there on, or as many as a RIFF header says; with `content`, it is these bytes and
    `path` only their name. Raises Rejected (`missing_audio`, `empty_file`, `undecodable`, `bad_sample_rate`,
    `rate_mismatch`, `bad_channel`, `zero_length`, `non_finite_samples`) for what the file is, Unavailable for what the
    world does.
    """
    heard = Heard()
    blocks = list(_signal(Place(path, offset, size, content), _Span(start, end, channel, rate), heard))
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return Audio(
        samples=samples, rate=heard.rate, channels=heard.channels, decoded=heard.decoded, promised=heard.promised
    )


def stream(
    path: str,
    *,
    start: int | None = None,
    end: int | None = None,
    channel: int | None = None,
    rate: int | None = None,
    offset: int | None = None,
    size: int | None = None,
    content: bytes | None = None,
) -> Stream:
    """The samples of `read`, a block at a time, in memory that does not grow with the recording.

    Nothing is opened before the first block is asked for. Raises, at the block that it concerns, what `read` raises.
    """
    return Stream(Place(path, offset, size, content), _Span(start, end, channel, rate))


def check_length(audio: Audio, hop: int = HOP) -> None:
    """Raises Rejected `shorter_than_a_frame` for audio that yields no unit at all."""
    if frame_count(len(audio.samples), hop) == 0:
        detail = f"{len(audio.samples)} samples at {SAMPLE_RATE} Hz are fewer than one frame of {hop}."
        raise Rejected("shorter_than_a_frame", detail)


def header(
    path: str, *, offset: int | None = None, size: int | None = None, content: bytes | None = None
) -> tuple[int, float | None]:
    """Hertz by the header, and the seconds that it promises, None where it promises nothing; decodes nothing.

    Raises as `read` does for what is not there or no audio.
    """
    rate, _, frames = layout(path, offset=offset, size=size, content=content)
    return rate, frames / rate if frames else None


def layout(
    path: str, *, offset: int | None = None, size: int | None = None, content: bytes | None = None
) -> tuple[int, int, int | None]:
    """Hertz, channels, and the samples per channel that the header promises, if any; raises as `header` does."""
    with closing(Recording(Place(path, offset, size, content))) as recording:
        _check_header(recording, _Span())
        recording.check()
        return recording.rate, recording.channels, recording.promised


def header_seconds(
    path: str, *, offset: int | None = None, size: int | None = None, content: bytes | None = None
) -> float | None:
    """Seconds that the header promises, without decoding; None where there is no such file or it promises nothing.

    Raises Unavailable where the file's folder cannot be reached or reading fails: that says nothing of the file.
    """
    try:
        return header(path, offset=offset, size=size, content=content)[1]
    except Rejected:
        return None


@dataclass(frozen=True, slots=True)
class _Span:
    """Which of a recording's samples; `rate` is what start and end were counted at."""

    start: int | None = None
    end: int | None = None
    channel: int | None = None
    rate: int | None = None


def _signal(place: Place, span: _Span, heard: Heard) -> Iterator[Waveform]:
    """The span at 16 kHz, in blocks of any size, none empty."""
    with recording_at(place, span.start, span.end) as recording:
        _check_header(recording, span)
        heard.rate, heard.channels = recording.rate, recording.channels
        heard.promised = _promised(recording, span)
        for block in resampled(_decoded(recording, span, heard), recording.rate):
            yield np.clip(block, -1.0, 1.0)


def _decoded(recording: Recording, span: _Span, heard: Heard) -> Iterator[Waveform]:
    """The span at the file's rate; what has been read is checked before it is passed on."""
    start = span.start or 0
    for block in recording.mono(start, span.end, span.channel):
        recording.check()
        finite = np.isfinite(block)
        if not finite.all():
            first = start + heard.decoded + int(np.argmin(finite))
            detail = f"{recording.place} has NaN or infinite samples, the first at sample {first}."
            raise Rejected("non_finite_samples", detail)
        heard.decoded += len(block)
        yield block
    recording.check()
    if heard.decoded == 0:
        whole = span.start is None and span.end is None
        stretch = "" if whole else f" in [{start}, {'end' if span.end is None else span.end})"
        raise Rejected("zero_length", f"{recording.place} holds no samples{stretch}.")


def _promised(recording: Recording, span: _Span) -> int | None:
    if recording.promised is None:
        return None
    end = recording.promised if span.end is None else min(span.end, recording.promised)
    return max(0, end - (span.start or 0))


def _check_header(recording: Recording, span: _Span) -> None:
    place, rate, channels = recording.place, recording.rate, recording.channels
    if not MIN_RATE <= rate <= MAX_RATE:
        raise Rejected("bad_sample_rate", f"{place} claims {rate} Hz, outside of {MIN_RATE}–{MAX_RATE} Hz.")
    if span.rate is not None and span.rate != rate:
        detail = f"{place} has {rate} Hz, but the manifest counts its samples at {span.rate} Hz."
        raise Rejected("rate_mismatch", detail)
    if span.channel is not None and not 0 <= span.channel < channels:
        raise Rejected("bad_channel", f"{place} has {channels} channels; channel {span.channel} is not one of them.")


def _cut(blocks: Iterator[Waveform]) -> Iterator[Waveform]:
    """The same signal in blocks of `STREAM_BLOCK` samples, the last one shorter."""
    length = STREAM_BLOCK
    rest = np.empty(0, dtype=np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // length * length
        yield from np.split(rest[:whole], range(length, whole, length)) if whole else ()
        rest = rest[whole:]
    if len(rest):
        yield rest
