"""The best path of a spelling through emissions: on which frames each token is heard."""

from __future__ import annotations

import warnings

import numpy as np

from lstdata.align.ctc.banded import banded_path
from lstdata.records import Ints, Waveform

MOST_CELLS = 1 << 28
"""Frames times states up to which torchaudio's `forced_align` looks through all: two bits for each, 64 MiB."""


def best_path(logs: Waveform, tokens: Ints) -> Ints | None:
    """(tokens, 2) first frame and one past the last of each; None where no path leads through all of them.

    `logs` are (frames, columns) log-probabilities, column 0 of silence. Silence may lie between tokens, and must where
    two are equal.
    """
    if not np.isfinite(logs).all():
        return None
    if len(logs) * (2 * len(tokens) + 1) <= MOST_CELLS:
        path: Ints | None = _whole(logs, tokens)
    else:
        path = banded_path(logs, tokens)
    return None if path is None else _stretches(path, len(tokens))


def _whole(logs: Waveform, tokens: Ints) -> Ints:
    """(frames,) number of the token on each frame, -1 of silence."""
    import torch
    from torchaudio.functional import forced_align

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is said to be on its way out; releases since kept it
        labels = forced_align(torch.from_numpy(logs)[None], torch.from_numpy(tokens)[None], blank=0)[0][0].numpy()
    begins = (labels != 0) & (labels != np.concatenate([[0], labels[:-1]]))
    path: Ints = np.where(labels != 0, np.cumsum(begins) - 1, -1)
    return path


def _stretches(path: Ints, tokens: int) -> Ints | None:
    frames = np.flatnonzero(path >= 0)
    heard = path[frames]
    firsts = np.flatnonzero(np.diff(heard, prepend=-1))
    if len(firsts) != tokens:
        return None
    lasts = np.append(firsts[1:], len(heard)) - 1
    return np.stack([frames[firsts], frames[lasts] + 1], axis=1)
