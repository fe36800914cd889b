"""The training lines of the LST authors (`.on_the_fly`): an utterance's words and units as one string."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from lstdata.errors import Rejected
from lstdata.records import HOP, Coded
from lstdata.sources.unit_ids import unit_ids

SEPARATOR = "<LST MODE SEP>"
SILENCE = "[SIL]"
PIECE = "[BPE]"
"""Marks a line that is aligned piece by piece, not word by word."""

Segment = tuple[str | None, list[str]]
"""A word and its ids as they are written, perhaps none; None stands for silence."""


def outline(row: Mapping[str, Any]) -> tuple[int, str | None]:
    """(frames, transcript) of a line, its ids not looked at."""
    parts = segments(row.get("interleaved"))
    return sum(len(ids) for _, ids in parts), " ".join(word for word, _ in parts if word is not None) or None


def coded(row: Mapping[str, Any]) -> Coded:
    """The utterance of a line. Raises Rejected."""
    parts = segments(row.get("interleaved"))
    units = unit_ids([id for _, ids in parts for id in ids])
    counts = [len(ids) for _, ids in parts]
    words = tuple(word for word, _ in parts if word is not None)
    ends = list(accumulate(counts))
    spoken = [(end - n, end) for (word, _), n, end in zip(parts, counts, ends, strict=True) if word is not None]
    return Coded(
        samples=len(units) * HOP,
        units=units,
        activity=np.repeat([word is not None for word, _ in parts], counts),
        words=words or None,
        word_frames=np.array(spoken, dtype=np.int64) if words else None,
        aligner="prepared" if words else None,
    )


def segments(interleaved: object) -> list[Segment]:
    """The words and silences of a line in order. Raises Rejected `bad_row` where it has another form.

    Ids that no text comes before are silence, and a text that no ids come after has none. A text of several words is
    one entry, as they have their ids in common.
    """
    if not isinstance(interleaved, str):
        raise Rejected("bad_row", f"`interleaved` must be a text, but is {interleaved!r:.80}.")
    before, *parts = interleaved.split(SEPARATOR)
    if before.strip() or not parts:
        raise Rejected("bad_row", f"`interleaved` must begin with `{SEPARATOR}`, but is {interleaved!r:.80}.")
    found: list[Segment] = []
    texts: list[str | None] = []
    for part in parts:
        kind, *payload = part.split() or [""]
        if kind == "TEXT":
            found += [(text, []) for text in texts]
            texts = [_text(payload)]
        elif kind == "HUBERT":
            found.append((texts.pop() if texts else None, payload))
        else:
            raise Rejected("bad_row", f"a segment must be TEXT or HUBERT, but one is {kind!r:.80}.")
    return found + [(text, []) for text in texts]


def _text(payload: list[str]) -> str | None:
    if PIECE in payload:
        raise Rejected("bad_row", f"the line is aligned piece by piece (`{PIECE}`); only whole words are read.")
    return " ".join(word for word in payload if word != SILENCE) or None
