"""One record's audio: a stretch of a recording as a 16 kHz mono signal, and every verdict on the way there."""

from __future__ import annotations

import numpy as np

from lstdata.audio.decoding import MAX_RATE, MIN_RATE, Recording, opened_recording
from lstdata.audio.files import Place
from lstdata.audio.resampling import resample
from lstdata.errors import Rejected
from lstdata.records import HOP, SAMPLE_RATE, Audio, frame_count


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
    place = Place(path, offset, size, content)
    with opened_recording(place) as recording:
        _check_header(recording, rate, channel)
        mono = recording.mono(start or 0, end, 0 if recording.channels == 1 else channel)
        recording.check()
        rate, channels, promised = recording.rate, recording.channels, recording.promised
    if not len(mono):
        stretch = "" if start is None and end is None else f" in [{start or 0}, {'end' if end is None else end})"
        raise Rejected("zero_length", f"{place} holds no samples{stretch}.")
    finite = np.isfinite(mono)
    if not finite.all():
        first = int(np.argmin(finite)) + (start or 0)
        raise Rejected("non_finite_samples", f"{place} has NaN or infinite samples, the first at sample {first}.")
    if promised is not None:
        promised = max(0, min(promised, promised if end is None else end) - (start or 0))
    samples = np.clip(resample(mono, rate), -1.0, 1.0)
    return Audio(samples=samples, rate=rate, channels=channels, decoded=len(mono), promised=promised)


def check_length(audio: Audio) -> None:
    """Raises Rejected `shorter_than_a_frame` for audio that yields no unit at all."""
    if frame_count(len(audio.samples)) == 0:
        detail = f"{len(audio.samples)} samples at {SAMPLE_RATE} Hz are fewer than one frame of {HOP}."
        raise Rejected("shorter_than_a_frame", detail)


def header(
    path: str, *, offset: int | None = None, size: int | None = None, content: bytes | None = None
) -> tuple[int, float | None]:
    """Hertz by the header, and the seconds that it promises, None where it promises nothing; decodes nothing.

    Raises as `read` does for what is not there or no audio.
    """
    with opened_recording(Place(path, offset, size, content)) as recording:
        _check_header(recording, None, None)
        frames = recording.promised
        recording.check()
        return recording.rate, frames / recording.rate if frames else None


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


def _check_header(recording: Recording, stated_rate: int | None, channel: int | None) -> None:
    place, rate, channels = recording.place, recording.rate, recording.channels
    if not MIN_RATE <= rate <= MAX_RATE:
        raise Rejected("bad_sample_rate", f"{place} claims {rate} Hz, outside of {MIN_RATE}–{MAX_RATE} Hz.")
    if stated_rate is not None and stated_rate != rate:
        detail = f"{place} has {rate} Hz, but the manifest counts its samples at {stated_rate} Hz."
        raise Rejected("rate_mismatch", detail)
    if channel is not None and not 0 <= channel < channels:
        raise Rejected("bad_channel", f"{place} has {channels} channels; channel {channel} is not one of them.")
