"""MFCC features on the frame grid: the targets of HuBERT's own first iteration, averaged to 25 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lstdata.records import HOP, SAMPLE_RATE, Waveform, frame_count

VERSION = 1
DIMENSIONS = 39
_STEP = 160
_WINDOW = 400


def features(samples: Waveform) -> NDArray[np.float32]:
    """(frames, 39) means over the four 10 ms steps of each 40 ms frame of 13 cepstra, their Δ and ΔΔ.

    Nothing is normalised over the utterance, so that a prompt and its ending can be encoded apart; 25 ms windows
    are centred on their steps, with zeros beyond the utterance's edges.
    """
    import torch
    import torchaudio.compliance.kaldi as kaldi
    from torchaudio.functional import compute_deltas

    frames = frame_count(len(samples))
    if frames == 0:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    margin = (_WINDOW - _STEP) // 2
    padded = np.pad(samples[: frames * HOP], margin)
    cepstra = kaldi.mfcc(
        torch.from_numpy(padded).unsqueeze(0),
        sample_frequency=float(SAMPLE_RATE),
        frame_length=_WINDOW * 1000 / SAMPLE_RATE,
        frame_shift=_STEP * 1000 / SAMPLE_RATE,
        use_energy=False,
    ).T
    deltas = compute_deltas(cepstra)
    steps = torch.cat([cepstra, deltas, compute_deltas(deltas)]).T
    pooled: NDArray[np.float32] = steps.reshape(frames, HOP // _STEP, DIMENSIONS).mean(1).numpy()
    return pooled
