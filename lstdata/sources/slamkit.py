"""The feature files of slamkit: an utterance's units with how many frames each lasts, perhaps with word times."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from lstdata.align import from_manifest
from lstdata.errors import Rejected
from lstdata.records import HOP, Coded, word_frames
from lstdata.source_row import TimedWord
from lstdata.sources.rows import MOST_SECONDS
from lstdata.sources.unit_ids import unit_ids

MOST_FRAMES = 24 * 3600 * 25
"""A day in one record is a slip of units."""

FRAME_RATE = 25
"""Frames a second that shards have."""


def outline(row: Mapping[str, Any]) -> tuple[int, str | None]:
    """(frames, transcript) of a line, its ids not looked at."""
    text = row.get("text")
    if text is None:
        text = " ".join(word.text for word in timed_words(row) or ())
    elif not isinstance(text, str):
        raise Rejected("bad_row", f"`text` must be a text, but is {text!r:.80}.")
    return sum(durations(row)), text.strip() or None


def coded(row: Mapping[str, Any]) -> Coded:
    """The utterance of a line; without word times nobody knows where there is silence. Raises Rejected."""
    lasting = durations(row)
    units = np.repeat(unit_ids(row["units"]), lasting)
    words = timed_words(row)
    if words is None:
        return Coded(samples=len(units) * HOP, units=units, activity=np.ones(len(units), dtype=np.bool_))
    aligned = from_manifest(words, len(units) * HOP).words
    frames = word_frames(aligned, len(units))
    activity = np.zeros(len(units), dtype=np.bool_)
    for start, end in frames.tolist():
        activity[start:end] = True
    return Coded(
        samples=len(units) * HOP,
        units=units,
        activity=activity,
        words=tuple(word.text for word in aligned),
        word_frames=frames,
        aligner="prepared",
    )


def durations(row: Mapping[str, Any]) -> list[int]:
    """Frames that each unit lasts. Raises Rejected.

    Without `duration` each lasts one, if some unit follows itself: else they may have been de-duplicated.
    """
    units, lasting = row.get("units"), row.get("duration")
    if not isinstance(units, list):
        raise Rejected("bad_row", f"`units` must be a list, but is {units!r:.80}.")
    if row.get("frame_rate", FRAME_RATE) != FRAME_RATE:
        raise Rejected("bad_row", f"`frame_rate` must be {FRAME_RATE}, but is {row['frame_rate']!r:.80}.")
    if lasting is None:
        if len(units) > 1 and not any(a == b for a, b in pairwise(units)):
            raise Rejected("no_durations", "its units never repeat, as after de-duplication, and it has no `duration`.")
        lasting = [1] * len(units)
    if not isinstance(lasting, list) or len(lasting) != len(units):
        raise Rejected("bad_row", f"`duration` must be a list of {len(units)} numbers, one for each unit.")
    wrong = next((n for n in lasting if type(n) is not int or n < 1), None)
    if wrong is not None:
        raise Rejected("bad_row", f"`duration` must hold whole numbers ≥ 1, but one is {wrong!r:.80}.")
    if sum(lasting) > MOST_FRAMES:
        raise Rejected("bad_row", f"the units must last a day at most, but last {sum(lasting)} frames.")
    return lasting


def timed_words(row: Mapping[str, Any]) -> tuple[TimedWord, ...] | None:
    """`aligned_text`: a list of [word, start, end], in seconds; None where there is none. Raises Rejected."""
    words = row.get("aligned_text")
    if not words:
        return None
    if not isinstance(words, list):
        raise Rejected("bad_word_times", f"`aligned_text` must be a list, but is {words!r:.80}.")
    return tuple(_timed(word) for word in words)


def _timed(word: object) -> TimedWord:
    match word:
        case [str(text), int() | float() as start, int() | float() as end] if _is_time(start) and _is_time(end):
            return TimedWord(text.strip(), float(start), float(end))
    raise Rejected("bad_word_times", f"an entry must be [word, start, end], but one is {word!r:.80}.")


def _is_time(seconds: float) -> bool:
    return -MOST_SECONDS <= seconds <= MOST_SECONDS
