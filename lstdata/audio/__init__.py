"""Recordings to waveforms: decode with libsndfile, mix down, resample to 16 kHz.

The content decides the format, never the suffix; the samples that were really decoded count, never the header. A
header may miss them: MPEG and AAC containers run 25 to 75 ms long, which `HEADER_TOLERANCE` forgives.
"""

from lstdata.audio.decoding import MAX_RATE, MIN_RATE
from lstdata.audio.reading import (
    STREAM_BLOCK,
    Heard,
    Stream,
    check_length,
    header,
    header_seconds,
    layout,
    read,
    stream,
)
from lstdata.audio.resampling import resample
from lstdata.records import HEADER_TOLERANCE

__all__ = [
    "HEADER_TOLERANCE",
    "MAX_RATE",
    "MIN_RATE",
    "STREAM_BLOCK",
    "Heard",
    "Stream",
    "check_length",
    "header",
    "header_seconds",
    "layout",
    "read",
    "resample",
    "stream",
]
