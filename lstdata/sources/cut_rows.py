"""From a lhotse cut to records: one, one for each of its supervisions, or one for each channel that has any."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.source_row import SourceRow, TimedWord
from lstdata.sources.cut_audio import Member, cut_locator
from lstdata.sources.rows import MOST_SECONDS, json_values, rejected, split_name

SLACK = 0.25
"""Seconds by which a transcript or a word may reach out of its cut: manifests round, and measure by the header."""

T = TypeVar("T")

_SILENCE = frozenset(("", "<eps>", "<sil>", "sil", "sp"))
"""How alignments write that nobody speaks."""


@dataclass(frozen=True, slots=True)
class Part:
    """What holds for all cuts of one manifest."""

    root: str
    name: str
    """The manifest's below the root: what verdicts name."""
    config: SourceConfig
    split: str | None = None
    """By the manifest's name, for cuts that have none of their own."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What becomes one record: a stretch of a recording, in seconds, and what is said in it."""

    id: str
    cut: Any
    start: float
    duration: float
    channels: tuple[int, ...]
    supervisions: Sequence[Any]
    """In order; their times are counted from the piece's start."""


def cut_rows(part: Part, cut: Any, member: Member | None = None) -> Iterator[SourceRow]:
    """The records of a cut; raises Rejected for what holds of all of it. `member` is where a placeholder's audio is."""
    from lhotse import MonoCut, MultiCut

    if not isinstance(cut, MonoCut | MultiCut):
        raise Rejected("unsupported_cut", f"a {type(cut).__name__} is no single stretch of one recording.")
    if not isinstance(cut.id, str) or not cut.id:
        raise Rejected("bad_row", f"`id` must be a text that is not empty, but is {cut.id!r}.")
    require_times("cut", cut.start, cut.duration)
    supervisions = sorted(cut.supervisions, key=lambda s: (s.start, s.end))
    if part.config.supervisions == "split" and supervisions:
        names = Counter(s.id for s in supervisions)
        for number, s in enumerate(supervisions):
            id = s.id if isinstance(s.id, str) and s.id and names[s.id] == 1 else f"{cut.id}-{number}"
            piece = attempted(partial(_of_supervision, cut, s, id))
            yield _row_or_verdict(part, id, piece, member)
    else:
        for piece in _by_channel(cut, supervisions):
            yield _row_or_verdict(part, piece.id, piece, member)


def _row_or_verdict(part: Part, id: str, piece: _Piece | Rejected, member: Member | None) -> SourceRow:
    row = piece if isinstance(piece, Rejected) else attempted(partial(_row, part, piece, member))
    return rejected(id, part.name, row.reason, row.detail) if isinstance(row, Rejected) else row


def attempted(make: Callable[[], T]) -> T | Rejected:
    """What `make` returns, or the verdict on values that are not what the fields of a manifest hold."""
    try:
        return make()
    except Rejected as verdict:
        return verdict
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        return unreadable(error)


def unreadable(error: Exception) -> Rejected:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Rejected("bad_row", f"its fields are not those of a manifest of lhotse ({reason:.200}).")


def require_times(what: str, start: float, duration: float) -> None:
    if not (-SLACK < start <= MOST_SECONDS and 0 < duration <= MOST_SECONDS):
        rule = f"must start at ≥ 0 s and last > 0 s, neither above {MOST_SECONDS:.0f} s"
        raise Rejected("bad_row", f"the {what} {rule}, but has {start!r:.80} and {duration!r:.80}.")


def _of_supervision(cut: Any, supervision: Any, id: str) -> _Piece:
    """The stretch of one supervision, on those of the cut's channels that it is on."""
    require_times("supervision", supervision.start, supervision.duration)
    _require_inside(cut, supervision)
    start, end = max(0.0, supervision.start), min(supervision.end, cut.duration)
    channels = _channels(cut)
    if len(channels) > 1:
        channels = tuple(channel for channel in channels if channel in _channels(supervision))
    if not channels:
        raise Rejected("unsupported_cut", "it is on none of the channels of its cut.")
    moved = supervision.with_offset(-start)
    require_times("supervision", start, end - start)
    return _Piece(id, cut, cut.start + start, end - start, channels, [moved])


def _by_channel(cut: Any, supervisions: Sequence[Any]) -> Iterator[_Piece]:
    """The whole cut, or, where each supervision is on one channel of several, each channel that has any."""
    channels = _channels(cut)
    spoken = [_channels(supervision) for supervision in supervisions]
    if len(channels) == 1 or all(set(channels) <= set(on) for on in spoken):
        yield _Piece(cut.id, cut, cut.start, cut.duration, channels, supervisions)
        return
    if not all(len(on) == 1 and on[0] in channels for on in spoken):
        raise Rejected("unsupported_cut", "each of its supervisions must be on one of its channels, or all on all.")
    for channel in channels:
        said = [s for s, on in zip(supervisions, spoken, strict=True) if on[0] == channel]
        if said:
            yield _Piece(f"{cut.id}-{channel}", cut, cut.start, cut.duration, (channel,), said)


def _channels(item: Any) -> tuple[int, ...]:
    return (item.channel,) if isinstance(item.channel, int) else tuple(item.channel)


def _row(part: Part, piece: _Piece, member: Member | None) -> SourceRow:
    cut, supervisions = piece.cut, piece.supervisions
    recording = cut.recording
    locator = cut_locator(part.root, recording, piece.channels, piece.start, piece.duration, member)
    _require_one_transcript(piece)
    custom = {**(supervisions[0].custom or {} if len(supervisions) == 1 else {}), **(cut.custom or {})}
    names_splits = part.config.splits == "names"
    return SourceRow(
        id=piece.id,
        locator=locator,
        recording=str(recording.id),
        duration=piece.duration,
        text=" ".join(filter(None, map(_text, supervisions))) or None,
        words=_words(piece, in_archive=member is not None),
        speaker=_common([s.speaker for s in supervisions]),
        language=_common([s.language for s in supervisions]),
        license=custom.pop("license") if isinstance(custom.get("license"), str) else None,
        split=split_name(custom.pop("split", None)) or part.split if names_splits else None,
        custom=json_values(custom),
    )


def _require_one_transcript(piece: _Piece) -> None:
    for supervision, following in pairwise(piece.supervisions):
        if supervision.end > following.start + 1e-3:
            times = f"`{following.id}` starts at {following.start} s, before `{supervision.id}` ends"
            rule = "give `source.supervisions` split for a record of each"
            raise Rejected("overlapping_supervisions", f"{times} at {supervision.end} s; {rule}.")
    for supervision in piece.supervisions:
        _require_inside(piece, supervision)


def _require_inside(whole: Any, supervision: Any) -> None:
    if supervision.start < -SLACK or supervision.end > whole.duration + SLACK:
        times = f"{supervision.start}–{supervision.end} s, is not inside its {whole.duration} s"
        raise Rejected("unsupported_cut", f"its supervision `{supervision.id}`, at {times}.")


def _text(supervision: Any) -> str:
    if supervision.text is None:
        return " ".join(word.text for word in _spoken(supervision))
    if not isinstance(supervision.text, str):
        raise Rejected("bad_row", f"the text of `{supervision.id}` must be a text, but is {supervision.text!r}.")
    return supervision.text.strip()


def _spoken(supervision: Any) -> list[TimedWord]:
    """The supervision's words with times as the manifest has them."""
    words = []
    for symbol, start, duration, _ in (supervision.alignment or {}).get("word") or ():
        if not (math.isfinite(start) and math.isfinite(duration) and duration >= 0):
            raise Rejected("bad_word_times", f"`{symbol}` must have a finite time, but has {start} and {duration} s.")
        text = str(symbol).strip()
        if text not in _SILENCE:
            words.append(TimedWord(text, start, start + duration))
    return words


def _words(piece: _Piece, in_archive: bool) -> tuple[TimedWord, ...] | None:
    """Word times from the piece's own start; None unless every transcript has them.

    lhotse counts an alignment from the start of the recording, though a supervision from the start of the cut.
    Manifests that count both from the cut, or from the supervision, are understood where the words would otherwise fall
    outside. An archive keeps no trace of where in its recording a cut began: there, words that do not lie in their
    supervisions have no known times.
    """
    timed = [(supervision, _spoken(supervision)) for supervision in piece.supervisions if _text(supervision)]
    if not timed or not all(words for _, words in timed):
        return None
    words = sorted((word for _, spoken in timed for word in spoken), key=lambda word: word.start)
    for origin in (piece.start, piece.start - piece.cut.start, 0.0):
        bounds = [(s.start, s.end, spoken) for s, spoken in timed] if in_archive else [(0.0, piece.duration, words)]
        if all(_lie_in(spoken, origin + start, origin + end) for start, end, spoken in bounds):
            return tuple(TimedWord(w.text, max(0.0, w.start - origin), max(0.0, w.end - origin)) for w in words)
    if in_archive:
        return None
    first, last = words[0].start, max(word.end for word in words)
    raise Rejected("bad_word_times", f"its words, at {first}–{last} s, are not inside its {piece.duration} s.")


def _lie_in(words: Sequence[TimedWord], start: float, end: float) -> bool:
    return all(word.start >= start - SLACK and word.end <= end + SLACK for word in words)


def _common(values: Sequence[Any]) -> str | None:
    """What all supervisions agree on."""
    agreed = bool(values) and values[0] is not None and all(value == values[0] for value in values)
    return str(values[0]) if agreed else None
