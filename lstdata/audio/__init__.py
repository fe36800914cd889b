"""Recordings to waveforms: decode with libsndfile, mix down, resample to 16 kHz.

The content decides the format, never the suffix; the samples that were really decoded count, never the header.
"""

from lstdata.audio.decoding import MAX_RATE, MIN_RATE
from lstdata.audio.reading import check_length, header, header_seconds, read
from lstdata.audio.resampling import resample

__all__ = ["MAX_RATE", "MIN_RATE", "check_length", "header", "header_seconds", "read", "resample"]
