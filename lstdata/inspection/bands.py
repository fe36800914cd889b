"""The bands of a timeline: what an utterance's sound, units, words, patches and document look like, as SVG.

A band is drawn from (0, 0) to the right, `frame` pixels a frame. What a reader may ask of a shape is its title.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from lstdata.records import SAMPLE_RATE, Ints, Mask, Waveform
from lstdata.shards import StoredSample
from lstdata.terminal import visible

WAVE, MEL, STRIP, PATCH, SPAN, LANE = 64, 96, 22, 16, 20, 16
"""Heights of the bands, a lane being a line of words."""

_COLUMN: Final = 2
"""Pixels of one column of the waveform."""

_GLYPH: Final = 7.8
"""Pixels that a letter of a word takes, generously; wide ones (Chinese, Japanese, Korean) take twice as many."""
_LANES: Final = 3
_LONGEST: Final = 24
"""Letters of a word that are drawn; its title has all."""


def ruler(seconds: float, scale: float) -> Markup:
    return Markup("").join(
        Markup('<path class="axis" d="M{}.5 11V16"/><text class="tick" x="{}" y="11">{}</text>').format(
            round(second * scale), round(second * scale) + 4, f"{second} s"
        )
        for second in range(int(seconds) + 1)
    )


def waveform(audio: Waveform, activity: Mask, hop: int, frame: float) -> Markup:
    """The envelope twice: silent frames pale, active ones dark."""
    low, high = envelope(audio, _COLUMN * hop / frame)
    loudest = max(float(np.abs(low).max(initial=0)), float(high.max(initial=0)), 1e-3)
    middle = WAVE / 2
    frames = (np.arange(len(low)) * _COLUMN / frame).astype(np.int64)
    active = np.append(activity, False)[np.minimum(frames, len(activity))]
    paths = []
    for css, wanted in (("wave quiet", False), ("wave", True)):
        lines = (
            f"M{_COLUMN * i + 1} {middle - 31 * high[i] / loudest:.1f}V{middle - 31 * low[i] / loudest + 0.5:.1f}"
            for i in np.flatnonzero(active == wanted)
        )
        paths.append(Markup('<path class="{}" d="{}"/>').format(css, "".join(lines)))
    return Markup("").join(paths)


def envelope(audio: Waveform, column: float) -> tuple[Waveform, Waveform]:
    """Least and greatest sample of each stretch of `column` samples."""
    starts = np.arange(0, len(audio), column).astype(np.int64)
    starts = starts[starts < len(audio)]  # steps that are no integers may reach the end itself
    if not len(starts):
        return audio, audio
    return np.minimum.reduceat(audio, starts), np.maximum.reduceat(audio, starts)


def spectrogram(audio: Waveform, scale: float) -> Markup:
    from lstdata.inspection.spectrogram import STEP, spectrogram_url

    steps = -(-len(audio) // STEP)
    return Markup('<image class="mel" width="{}" height="{}" preserveAspectRatio="none" href="{}"/>').format(
        pixels(steps * STEP * scale / SAMPLE_RATE), MEL, spectrogram_url(audio)
    )


def units(stored: StoredSample, colours: Sequence[str], frame: float) -> Markup:
    return Markup("").join(
        Markup('<rect x="{}" width="{}" height="{}" fill="{}"><title>{}</title></rect>').format(
            pixels(i * frame), pixels(frame + 0.2), STRIP, colours[unit], f"frame {i}: unit {unit}"
        )
        for i, unit in enumerate(stored.sample.units.tolist())
    )


def words(stored: StoredSample, frame: float) -> tuple[int, Markup]:
    """How high it is, and each word's stretch as a bar, its text below in the first lane that is free."""
    sample = stored.sample
    assert sample.words is not None and sample.word_frames is not None
    free = [0.0] * _LANES
    used = 1
    parts = [_pauses(stored, frame)]
    worst = worst_word(sample.word_scores)
    for number, (word, (start, end)) in enumerate(zip(sample.words, sample.word_frames.tolist(), strict=True)):
        left, text = start * frame, label(word)
        lane = next((i for i in range(_LANES) if free[i] <= left), min(range(_LANES), key=free.__getitem__))
        free[lane] = left + _GLYPH * breadth(text) + 5
        used = max(used, lane + 1)
        parts.append(
            Markup(
                '<g class="word{}"><title>{}</title><rect x="{}" width="{}" height="4" rx="1"/>'
                '<path d="M{} 4V{}"/><text x="{}" y="{}">{}</text></g>'
            ).format(
                (" guessed" if number in sample.interpolated else "") + (" worst" if number == worst else ""),
                word_title(stored, number),
                pixels(left),
                pixels(max(1.0, (end - start) * frame - 1)),
                pixels(left + 0.5),
                LANE * lane + 18,
                pixels(left + 3.5),
                LANE * lane + 17,
                text,
            )
        )
    return LANE * used + 7, Markup("").join(parts)


def _pauses(stored: StoredSample, frame: float) -> Markup:
    """The silences between, before and after the words."""
    sample = stored.sample
    assert sample.word_frames is not None
    second = sample.hop / SAMPLE_RATE
    edges = [0, *sample.word_frames.ravel().tolist(), sample.frames]
    shape = Markup('<g class="pause"><title>silence: {}</title><rect x="{}" y="1.5" width="{}" height="1"/></g>')
    return Markup("").join(
        shape.format(
            f"{start * second:.2f}–{end * second:.2f} s, {end - start} frames",
            pixels(start * frame),
            pixels((end - start) * frame),
        )
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if start < end
    )


def worst_word(scores: Sequence[float | None] | None) -> int | None:
    """The word that fits worst, by number, where some fit better."""
    known = [(score, number) for number, score in enumerate(scores or ()) if score is not None]
    return min(known)[1] if len(known) > 1 else None


def word_title(stored: StoredSample, number: int) -> str:
    """A word, set apart from what follows whatever its script, and where it was spoken."""
    sample = stored.sample
    assert sample.words is not None and sample.word_frames is not None
    start, end = sample.word_frames[number].tolist()
    begin, stop = (edge * sample.hop / SAMPLE_RATE for edge in (start, end))
    said = [f"\u2068{visible(sample.words[number])}\u2069: {begin:.2f}–{stop:.2f} s", f"{end - start} frames"]
    score = None if sample.word_scores is None else sample.word_scores[number]
    said += [] if score is None else [f"score {score:.3g}"]
    said += ["times lie between those of its neighbours"] if number in sample.interpolated else []
    return ", ".join(said)


def patches(lengths: Ints, quiet: Sequence[bool], frame: float, hop: int) -> Markup:
    parts = []
    start = 0
    for number, (length, is_quiet) in enumerate(zip(lengths.tolist(), quiet, strict=True)):
        css = "quiet" if is_quiet else ("speech", "speech odd")[number % 2]
        parts.append(
            Markup('<rect class="{}" x="{}" width="{}" height="{}" rx="1.5"><title>{}</title></rect>').format(
                css,
                pixels(start * frame),
                pixels(length * frame - 1),
                PATCH,
                f"{length} frames, {length * hop / SAMPLE_RATE:.2f} s",
            )
        )
        start += length
    return Markup("").join(parts)


def quiet_patches(stored: StoredSample, name: str) -> list[bool]:
    """Which patches of a strategy are silences, as the strategy itself sees them."""
    sample, lengths = stored.sample, stored.patches[name]
    if name == "static" or not len(lengths):
        return [False] * len(lengths)
    spoken = sample.activity if name == "silence" else sample.in_word
    found: list[bool] = (~np.logical_or.reduceat(spoken, np.cumsum(lengths) - lengths)).tolist()
    return found


def document(drawn: Sequence[Sequence[Any]], frames: int, frame: float) -> Markup:
    """The spans of an interleaving; a text span stands where its words were spoken."""
    parts = []
    cursor = 0
    for i, (kind, *what) in enumerate(drawn):
        following = drawn[i + 1][1] if i + 1 < len(drawn) else frames
        start, end = (what[0], what[1]) if kind == "s" else (cursor, following)
        cursor = end
        css, count = ("speech", f"{end - start} units") if kind == "s" else ("text", f"{len(what[0])} tokens")
        wide = (end - start) * frame - 1
        name = Markup('<text x="{}" y="14">{}</text>').format(pixels(start * frame + 6), css) if wide > 44 else ""
        parts.append(
            Markup('<g class="span {}"><title>{}</title><rect x="{}" width="{}" height="{}" rx="2"/>{}</g>').format(
                css, f"{css}: {count}", pixels(start * frame), pixels(max(wide, 1)), SPAN, name
            )
        )
    return Markup("").join(parts)


def label(word: str) -> str:
    """As much of a word as is drawn."""
    text = visible(word)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def breadth(text: str) -> int:
    """Letters, wide ones counted twice and combining ones not at all."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in ("W", "F")) for c in text)


def pixels(value: float) -> str:
    """A coordinate, short and the same everywhere."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
