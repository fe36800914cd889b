"""Any sampling rate to 16 kHz: exact lengths, bounded memory, the same samples however the input is cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from lstdata.records import SAMPLE_RATE, Waveform, resampled_length

_ZEROS = 6
"""Zero crossings on either side of the resampling filter: torchaudio's default."""

_ROLLOFF = 0.99
"""The filter's cut-off as a share of the lower Nyquist frequency: torchaudio's default."""

_LARGEST_BANK = 1 << 20
"""Taps of all phases of a filter, up to which they are computed once and kept."""

_WINDOW = 1 << 20
"""Samples, of input or output, that are convolved at a time: other sizes may change the last bits."""

_ROWS = 1 << 12
"""Output samples evaluated at a time where every one has taps of its own."""


def resample(samples: Waveform, rate: int) -> Waveform:
    """To 16 kHz by torchaudio's windowed sinc; exactly `resampled_length(len(samples), rate)` samples."""
    blocks = list(resampled([samples], rate))
    return blocks[0] if len(blocks) == 1 else np.concatenate([np.empty(0, np.float32), *blocks])


def resampled(blocks: Iterable[Waveform], rate: int) -> Iterator[Waveform]:
    """The same for a signal that comes in blocks, in blocks of at most a few megabytes.

    Rates that share no factor with 16 kHz, whose filter bank would take gigabytes, have the same filter evaluated
    sample by sample.
    """
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    common = math.gcd(rate, SAMPLE_RATE)
    old, new = rate // common, SAMPLE_RATE // common
    width = math.ceil(_ZEROS * old / (min(old, new) * _ROLLOFF))
    evaluate: Callable[[Waveform, int, int, int], Waveform]
    if new * (old + 2 * width) <= _LARGEST_BANK:
        evaluate, reach = _polyphase, width
    else:
        evaluate, reach = _directly, width + 2
    periods, context = max(1, _WINDOW // max(old, new)), -(-reach // old)
    for window, before, wanted in _windows(blocks, periods * old, context * old):
        output = evaluate(window, old, new, width)
        first = before // old * new
        yield output[first : first + resampled_length(wanted, rate)]


def _windows(blocks: Iterable[Waveform], length: int, context: int) -> Iterator[tuple[Waveform, int, int]]:
    """(window, before, wanted): each next `length` samples, at the end fewer, with up to `context` on either side.

    `before` of the window's samples come before the `wanted` ones.
    """
    held: list[Waveform] = []
    count = before = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        while count >= before + length + context:
            signal = _joined(held)
            yield signal[: before + length + context], before, length
            held = [signal[before + length - context :]]
            count, before = len(held[0]), context
    while count > before:
        signal = _joined(held)
        yield signal[: before + length + context], before, min(length, count - before)
        held = [signal[before + length - context :]]
        count, before = len(held[0]), context


def _joined(blocks: list[Waveform]) -> Waveform:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _polyphase(window: Waveform, old: int, new: int, width: int) -> Waveform:
    """At least the output samples whose time is inside of the window."""
    import torch

    output: Waveform = _filter(old, new)(torch.from_numpy(np.pad(window, (0, old)))).numpy()
    return output


@lru_cache(maxsize=8)
def _filter(old: int, new: int) -> Any:
    import torch
    from torchaudio.transforms import Resample

    return Resample(old, new, lowpass_filter_width=_ZEROS, rolloff=_ROLLOFF, dtype=torch.float32)


def _directly(window: Waveform, old: int, new: int, width: int) -> Waveform:
    """The output samples whose time is inside of the window."""
    output = np.empty(resampled_length(len(window), old, new), dtype=np.float32)
    padded = np.pad(window, (width, width + 2))
    taps = np.arange(-width, width + 2)
    cutoff = min(old, new) * _ROLLOFF / old
    for first in range(0, len(output), _ROWS):
        target = output[first : first + _ROWS]
        whole, rest = np.divmod(np.arange(first, first + len(target), dtype=np.int64) * old, new)
        t = np.clip((taps - (rest / new)[:, None]) * cutoff, -_ZEROS, _ZEROS)
        bank = np.sinc(t) * np.cos(t * (np.pi / (2 * _ZEROS))) ** 2 * cutoff
        target[:] = (padded[whole[:, None] + taps + width] * bank).sum(axis=1)
    return output
