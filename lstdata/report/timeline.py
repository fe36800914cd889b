"""One utterance drawn on a time axis: waveform, units, words, and where each strategy puts its boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from lstdata.records import SAMPLE_RATE, Ints, Waveform
from lstdata.report.numbers import word_mask
from lstdata.report.utterances import Shown
from lstdata.shards import StoredSample

SECOND = 132
"""Least SVG pixels of a second: words stay legible, and what is wider than the page scrolls."""

_WIDE, _WIDEST = 860, 240
"""A short utterance is stretched to this width, but no second beyond that many pixels."""

_COLUMN = 2
"""Pixels of one column of the waveform."""

_GLYPH = 7.8
"""Pixels that a letter of a word takes, generously."""
_LANES = 3
_GAP = 10


@dataclass(frozen=True)
class Row:
    """One band of the drawing and its name at the left."""

    name: str
    hint: str
    top: int
    height: int


@dataclass(frozen=True)
class Timeline:
    svg: Markup
    rows: tuple[Row, ...]
    width: int
    height: int
    scale: float
    """Pixels of a second, for the playhead."""


def draw_timeline(shown: Shown, colours: Sequence[str]) -> Timeline:
    """Draw what the shard stores of an utterance over its audio."""
    stored = shown.stored
    sample = stored.sample
    seconds = sample.samples / SAMPLE_RATE
    scale = max(SECOND, min(_WIDEST, _WIDE / seconds))
    frame = scale * sample.hop / SAMPLE_RATE
    bands = [("", "seconds", 16, _ruler(seconds, scale))]
    if shown.audio is not None:
        bands.append(("sound", "waveform; dark where the activity mask says speech", 64, _waveform(shown, frame)))
    hint = f"one colour for each cluster, {SAMPLE_RATE // sample.hop} a second"
    bands.append(("units", hint, 22, _units(stored, colours, frame)))
    if sample.words is not None:
        lanes, words = _words(stored, frame)
        bands.append(("words", "where each word was spoken", 16 * lanes + 7, words))
    hints = {
        "aligned": "one patch for each word, paler ones for silence",
        "silence": "one patch for each silence, fixed cuts between",
        "static": "fixed cuts",
    }
    for name in ("aligned", "silence", "static"):
        if name in stored.patches:
            drawing = _patches(stored.patches[name], _quiet(stored, name), frame, sample.hop)
            bands.append((name, f"patches: {hints[name]}", 16, drawing))
    bands.append(("document", "one drawn interleaving: what is spoken, what is written", 20, _document(stored, frame)))
    rows: list[Row] = []
    parts: list[Markup] = []
    top = 0
    for name, hint, height, drawing in bands:
        rows.append(Row(name, hint, top, height))
        parts.append(Markup('<g transform="translate(0 {})">{}</g>').format(top, drawing))
        top += height + _GAP
    top -= _GAP
    width = round(seconds * scale) + 1
    opening = Markup('<svg width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        width, top, width, top, f"Timeline of {sample.id}"
    )
    return Timeline(Markup("").join([opening, *parts, Markup("</svg>")]), tuple(rows), width, top, scale)


def _ruler(seconds: float, scale: float) -> Markup:
    return Markup("").join(
        Markup('<path class="axis" d="M{}.5 11V16"/><text class="tick" x="{}" y="11">{}</text>').format(
            round(second * scale), round(second * scale) + 4, f"{second} s"
        )
        for second in range(int(seconds) + 1)
    )


def _waveform(shown: Shown, frame: float) -> Markup:
    """The envelope twice: silent frames pale, active ones dark."""
    assert shown.audio is not None
    low, high = _envelope(shown.audio, _COLUMN * shown.stored.sample.hop / frame)
    loudest = max(float(np.abs(low).max()), float(high.max()), 1e-3)
    frames = np.arange(len(low)) * _COLUMN / frame
    active = shown.stored.sample.activity[np.minimum(frames.astype(np.int64), shown.stored.sample.frames - 1)]
    paths = []
    for css, wanted in (("wave quiet", False), ("wave", True)):
        columns = np.flatnonzero(active == wanted)
        lines = (
            f"M{_COLUMN * i + 1} {32 - 31 * high[i] / loudest:.1f}V{32 - 31 * low[i] / loudest + 0.5:.1f}"
            for i in columns
        )
        paths.append(Markup('<path class="{}" d="{}"/>').format(css, "".join(lines)))
    return Markup("").join(paths)


def _envelope(audio: Waveform, column: float) -> tuple[Waveform, Waveform]:
    """Least and greatest sample of each stretch of `column` samples."""
    starts = np.arange(0, len(audio), column).astype(np.int64)
    starts = starts[starts < len(audio)]  # steps that are no integers may reach the end itself
    return np.minimum.reduceat(audio, starts), np.maximum.reduceat(audio, starts)


def _units(stored: StoredSample, colours: Sequence[str], frame: float) -> Markup:
    return Markup("").join(
        Markup('<rect x="{}" width="{}" height="22" fill="{}"><title>{}</title></rect>').format(
            _n(i * frame), _n(frame + 0.2), colours[unit], f"frame {i}: unit {unit}"
        )
        for i, unit in enumerate(stored.sample.units.tolist())
    )


def _words(stored: StoredSample, frame: float) -> tuple[int, Markup]:
    """Each word's stretch as a bar and its text below, in the first lane that is free."""
    sample = stored.sample
    assert sample.words is not None and sample.word_frames is not None
    free = [0.0] * _LANES
    used = 1
    parts = []
    for word, (start, end) in zip(sample.words, sample.word_frames.tolist(), strict=True):
        left = start * frame
        lane = next((i for i in range(_LANES) if free[i] <= left), min(range(_LANES), key=free.__getitem__))
        free[lane] = left + _GLYPH * len(word) + 5
        used = max(used, lane + 1)
        begin, stop = (edge * sample.hop / SAMPLE_RATE for edge in (start, end))
        label = f"{word}: {begin:.2f}–{stop:.2f} s, {end - start} frames"
        parts.append(
            Markup(
                '<g class="word"><title>{}</title><rect x="{}" width="{}" height="4" rx="1"/>'
                '<path d="M{} 4V{}"/><text x="{}" y="{}">{}</text></g>'
            ).format(
                label,
                _n(left),
                _n(max(1.0, (end - start) * frame - 1)),
                _n(left + 0.5),
                16 * lane + 18,
                _n(left + 3.5),
                16 * lane + 17,
                word,
            )
        )
    return used, Markup("").join(parts)


def _patches(lengths: Ints, quiet: list[bool], frame: float, hop: int) -> Markup:
    parts = []
    start = 0
    for number, (length, is_quiet) in enumerate(zip(lengths.tolist(), quiet, strict=True)):
        css = "quiet" if is_quiet else ("speech", "speech odd")[number % 2]
        parts.append(
            Markup('<rect class="{}" x="{}" width="{}" height="16" rx="1.5"><title>{}</title></rect>').format(
                css, _n(start * frame), _n(length * frame - 1), f"{length} frames, {length * hop / SAMPLE_RATE:.2f} s"
            )
        )
        start += length
    return Markup("").join(parts)


def _quiet(stored: StoredSample, name: str) -> list[bool]:
    """Which patches of a strategy are silences."""
    sample, lengths = stored.sample, stored.patches[name]
    if name == "static":
        return [False] * len(lengths)
    starts = np.cumsum(lengths) - lengths
    if name == "aligned":
        return [not spoken for spoken in word_mask(sample)[starts]]
    return [not any(sample.activity[a : a + n]) for a, n in zip(starts.tolist(), lengths.tolist(), strict=True)]


def _document(stored: StoredSample, frame: float) -> Markup:
    """The spans of the interleaving that the shard carries; a text span stands where its words were spoken."""
    frames = stored.sample.frames
    drawn = stored.drawn
    parts = []
    cursor = 0
    for i, (kind, *what) in enumerate(drawn):
        following = drawn[i + 1][1] if i + 1 < len(drawn) else frames
        start, end = (what[0], what[1]) if kind == "s" else (cursor, following)
        cursor = end
        if kind == "s":
            css, short, label = "speech", "speech", f"speech: {end - start} units"
        else:
            css, short, label = "text", "text", f"text: {len(what[0])} tokens"
        wide = (end - start) * frame - 1
        name = Markup('<text x="{}" y="14">{}</text>').format(_n(start * frame + 6), short) if wide > 44 else ""
        parts.append(
            Markup('<g class="span {}"><title>{}</title><rect x="{}" width="{}" height="20" rx="2"/>{}</g>').format(
                css, label, _n(start * frame), _n(max(wide, 1)), name
            )
        )
    return Markup("").join(parts)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
