"""What can be measured of a record without a model: how fast, how clean and how truthful it is.

Signals are mono, 16 kHz and in [-1, 1], as they are coded into units.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from lstdata.activity import frame_levels
from lstdata.records import HOP, SAMPLE_RATE, Audio, Coded, Mask, Waveform
from lstdata.source_row import SourceRow

FULL_SCALE = 0.99
"""Samples at least this large count as clipped: resampling rounds the flat tops off and makes them ring."""

QUIETEST_NOISE_DB = -100.0
"""Noise below this power, re full scale, counts as this: it is less than the rounding of 16-bit audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One record, measured; None where there is nothing to measure or nobody asked."""

    language: str | None = None
    seconds: float | None = None
    """By the decoded length."""
    words_per_second: float | None = None
    characters_per_second: float | None = None
    characters: int | None = None
    """Of a document of text."""
    header_mismatch: float | None = None
    """Seconds between what the header promises and what was decoded."""
    clipping: float | None = None
    """Share of the samples."""
    snr_db: float | None = None
    score: float | None = None
    """Of the word times."""


def measure(
    row: SourceRow,
    content: Audio | Coded,
    activity: Mask | None,
    highpass_hz: float,
    wanted: Collection[str],
    hop: int = HOP,
) -> Measures:
    """What can be known before the word times are; clipping and noise where they are `wanted`, never of units."""
    samples = content.samples if isinstance(content, Coded) else len(content.samples)
    seconds = samples / SAMPLE_RATE
    measures = Measures(language=row.language, seconds=seconds)
    text = _transcript(row, content)
    if text is not None and samples:
        words, characters = word_count(text) / seconds, character_count(text) / seconds
        measures = replace(measures, words_per_second=words, characters_per_second=characters)
    if isinstance(content, Coded):
        promised = content.header_seconds
        return replace(measures, header_mismatch=None if promised is None else abs(promised - seconds))
    measures = replace(measures, header_mismatch=content.header_mismatch)
    if "clipping" in wanted:
        measures = replace(measures, clipping=clipped_share(content.samples))
    if "snr_db" in wanted and activity is not None:
        measures = replace(measures, snr_db=signal_to_noise(content.samples, activity, highpass_hz, hop))
    return measures


def _transcript(row: SourceRow, content: Audio | Coded) -> str | None:
    """None where there is none, or a blank one."""
    words: Iterable[str] = (word.text for word in row.words or ())
    if isinstance(content, Coded):
        words = content.words or ()
    text = " ".join(words) if row.text is None else row.text
    return text if text.strip() else None


def clipped_share(samples: Waveform) -> float:
    """Share of the samples at full scale; 0 without samples. What was clipped and then made quieter is not seen."""
    return float(np.mean(np.abs(samples) >= FULL_SCALE)) if len(samples) else 0.0


def signal_to_noise(samples: Waveform, activity: Mask, highpass_hz: float, hop: int = HOP) -> float | None:
    """`10·log10(P_speech / P_other)`: mean power of the frames with speech over that of the others, high-passed.

    The noise goes on under the speech, so this is (signal + noise) / noise: 0 dB where no frame has speech. None
    where every frame has: then nothing tells how loud the noise is.
    """
    if activity.all():
        return None
    if not activity.any():
        return 0.0
    power = 10.0 ** (frame_levels(samples, highpass_hz, hop) / 10.0)
    noise = max(float(power[~activity].mean()), 10.0 ** (QUIETEST_NOISE_DB / 10.0))
    return 10.0 * float(np.log10(power[activity].mean() / noise))


def word_count(text: str) -> int:
    """What stands between spaces and has a letter or a digit."""
    return sum(character_count(word) > 0 for word in text.split())


def character_count(text: str) -> int:
    """Letters, their marks and digits of any script, composed (NFC): no spaces, punctuation or symbols."""
    return sum(unicodedata.category(c)[0] in "LMN" for c in unicodedata.normalize("NFC", text))
