"""The best path through emissions that are too many to look through whole: a band of tokens moves along the frames.

Two passes: the first keeps the band's scores at every `BLOCK`-th frame alone, the second computes block after block
anew, from the last to the first, with the steps that the path took. Memory is a block's steps and the kept scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstdata.records import Ints, Mask, Waveform

WIDTH = 4096
"""Tokens in the band at first: more than four minutes of speech."""

WIDEST = 16 * WIDTH
"""Tokens in the widest band that is tried."""

BLOCK = 1024
"""Frames."""

MOVE = 64
"""Frames after which the band moves, at most."""

_NEVER = np.float32(-np.inf)


def banded_path(logs: Waveform, tokens: Ints, width: int = WIDTH) -> Ints | None:
    """(frames,) number of the token on each frame, -1 of silence; None where there is no path.

    The band's middle follows the best state so far. A path that comes near an edge of the band, and one that is not
    there, is looked for again in one four times as wide; a band of all tokens gives the best path of all.
    """
    while True:
        band = _Band(logs, tokens, min(width, len(tokens)))
        path = band.path()
        if width >= min(len(tokens), WIDEST) or (path is not None and not path.near_an_edge):
            return None if path is None else path.tokens
        width *= 4


class _Scores(NamedTuple):
    """Of the best paths to the states of a band, over the best of them; tokens from number `low` on."""

    low: int
    blanks: Waveform
    """(width + 1,) silence before each token of the band, and after the last."""
    heard: Waveform
    """(width,) the tokens."""


class _Path(NamedTuple):
    tokens: Ints
    near_an_edge: bool


@dataclass
class _Steps:
    """How the best path came to each state of a block's frames: from the state itself where nothing is marked."""

    lows: Ints
    silence_from_token: Mask
    token_from_silence: Mask
    token_from_token: Mask

    @classmethod
    def of(cls, frames: int, width: int) -> _Steps:
        marks = (np.zeros((frames, width), dtype=np.bool_) for _ in range(3))
        return cls(np.zeros(frames, dtype=np.int64), *marks)


class _Band:
    def __init__(self, logs: Waveform, tokens: Ints, width: int) -> None:
        self._logs, self._tokens, self._width = logs, tokens, width
        self._move = max(1, min(MOVE, width // 4))
        repeated = np.concatenate([[True], tokens[1:] == tokens[:-1]])
        self._skip = np.where(repeated, _NEVER, np.float32(0))
        """What it costs to reach a token from the one before without silence."""

    def path(self) -> _Path | None:
        frames = len(self._logs)
        kept = [self._beginning()]
        for first in range(0, frames, BLOCK):
            kept.append(self._pass(kept[-1], first, min(first + BLOCK, frames), None))
        last = kept.pop()
        ends = last.blanks[-1], last.heard[-1]
        if not np.isfinite(max(ends)):
            return None
        state = 2 * len(self._tokens) if ends[0] > ends[1] else 2 * len(self._tokens) - 1
        states = np.zeros(frames, dtype=np.int64)
        near = False
        for number in range(len(kept) - 1, -1, -1):
            first = number * BLOCK
            end = min(first + BLOCK, frames)
            steps = _Steps.of(end - first, self._width)
            self._pass(kept[number], first, end, steps)
            state = _traced(steps, state, states[first:end])
            near = near or self._is_near(states[first:end] // 2, steps.lows)
        return _Path(np.where(states % 2, states // 2, -1), near)

    def _beginning(self) -> _Scores:
        blanks = np.full(self._width + 1, _NEVER)
        blanks[0] = 0
        return _Scores(0, blanks, np.full(self._width, _NEVER))

    def _pass(self, scores: _Scores, first: int, end: int, steps: _Steps | None) -> _Scores:
        """The scores after frames [first, end), with the steps that led to them where they are asked for."""
        width = self._width
        low, blanks, heard = scores.low, scores.blanks.copy(), scores.heard.copy()
        skipped, said, next_heard = np.full(width, _NEVER), np.empty(width, np.float32), np.empty(width, np.float32)
        tokens, skip = self._window(low)
        for frame in range(first, end):
            if frame % self._move == 0:
                low, blanks, heard = self._moved(_Scores(low, blanks, heard), frame)
                tokens, skip = self._window(low)
            logs = self._logs[frame]
            np.add(heard[:-1], skip[1:], out=skipped[1:])
            np.maximum(blanks[:-1], heard, out=next_heard)
            if steps is not None:
                at = frame - first
                steps.lows[at] = low
                np.greater(heard, blanks[1:], out=steps.silence_from_token[at])
                np.greater(blanks[:-1], heard, out=steps.token_from_silence[at])
                np.greater(skipped, next_heard, out=steps.token_from_token[at])
            np.maximum(next_heard, skipped, out=next_heard)
            np.take(logs, tokens, out=said, mode="clip")
            np.add(next_heard, said, out=next_heard)
            np.maximum(blanks[1:], heard, out=blanks[1:])
            np.add(blanks, logs[0], out=blanks)
            heard, next_heard = next_heard, heard
        return _Scores(low, blanks, heard)

    def _window(self, low: int) -> tuple[NDArray[np.intp], Waveform]:
        inside = slice(low, low + self._width)
        return self._tokens[inside].astype(np.intp), self._skip[inside]

    def _moved(self, scores: _Scores, frame: int) -> _Scores:
        """The band with the best state in its middle, no lower than where the end can still be reached."""
        low, blanks, heard = scores
        best_blank, best_heard = int(blanks.argmax()), int(heard.argmax())
        best = max(blanks[best_blank], heard[best_heard])
        if not np.isfinite(best):
            return scores
        middle = low + (best_heard if heard[best_heard] >= blanks[best_blank] else best_blank)
        last = len(self._tokens)
        needed = max(middle, last - (len(self._logs) - frame)) - self._width // 2
        moved = min(max(low, needed), last - self._width)
        by = moved - low
        return _Scores(moved, _shifted(blanks - best, by), _shifted(heard - best, by))

    def _is_near(self, numbers: Ints, lows: Ints) -> bool:
        """Whether the path comes within an eighth of the band to an edge behind which there are tokens."""
        margin = self._width // 8
        below = (lows > 0) & (numbers - lows < margin)
        above = (lows + self._width < len(self._tokens)) & (lows + self._width - numbers <= margin)
        return bool((below | above).any())


def _shifted(scores: Waveform, by: int) -> Waveform:
    kept = scores[by:]
    return np.concatenate([kept, np.full(len(scores) - len(kept), _NEVER)])


def _traced(steps: _Steps, state: int, states: Ints) -> int:
    """Fill the path's states of a block, backwards; the state before its first frame. 2·n + 1 is token n."""
    lows = steps.lows.tolist()
    for frame in range(len(states) - 1, -1, -1):
        states[frame] = state
        place = state // 2 - lows[frame]
        if state % 2:
            if steps.token_from_token[frame, place]:
                state -= 2
            elif steps.token_from_silence[frame, place]:
                state -= 1
        elif place and steps.silence_from_token[frame, place - 1]:
            state -= 1
    return state
