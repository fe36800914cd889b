"""Any sampling rate to 16 kHz: exact lengths, bounded memory."""

from __future__ import annotations

import math

import numpy as np

from lstdata.records import SAMPLE_RATE, Waveform, resampled_length

_ZEROS = 6
"""Zero crossings on either side of the resampling filter: torchaudio's default."""

_ROLLOFF = 0.99
"""The filter's cut-off as a share of the lower Nyquist frequency: torchaudio's default."""

_BLOCK = 1 << 16
"""Output samples evaluated at a time where the filter has no period to share."""


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
