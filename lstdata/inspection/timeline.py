"""One utterance drawn on a time axis: sound, units, words, and where each strategy puts its boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from lstdata.inspection import bands
from lstdata.inspection.colours import check_colours
from lstdata.inspection.hearing import Shown
from lstdata.inspection.lines import break_lines
from lstdata.records import SAMPLE_RATE

Interleaving = Sequence[Sequence[Any]]
"""An interleaving as shards carry it."""

SECOND: Final = 132
"""Least SVG pixels of a second: words stay legible, and what is wider than the page scrolls."""

_WIDE, _WIDEST = 860, 240
"""A short utterance is stretched to this width, but no second beyond that many pixels."""

_NAMES: Final = 104
_GAP: Final = 10
_LINE: Final = 980
"""Pixels of a line on paper, which shrinks to the width of a page."""

PATCHINGS: Final = {
    "aligned": "one patch for each word, paler ones for silence",
    "aligned-merged": "each word with the silence after it",
    "aligned-bpe": "one patch for each piece of text, paler ones for silence",
    "silence": "one patch for each silence, fixed cuts between",
    "static": "fixed cuts",
}
"""In the order of the bands, with what they show."""


@dataclass(frozen=True)
class Band:
    name: str
    hint: str
    height: int
    drawing: Markup


@dataclass(frozen=True)
class Row:
    """One band of the drawing and its name at the left."""

    name: str
    hint: str
    top: int
    height: int


@dataclass(frozen=True)
class Timeline:
    names: Markup
    """The rows' names, as a drawing of their own that stays where it is while the other scrolls."""
    svg: Markup
    strips: Markup
    """All of it once more for paper, line below line; names and drawing are only referred to."""
    rows: tuple[Row, ...]
    width: int
    height: int
    scale: float
    """Pixels of a second, for the playhead."""


def draw_timeline(
    shown: Shown, colours: Sequence[str], drawn: Interleaving | None = None, *, spectrogram: bool = False
) -> Timeline:
    """Draw what the shard stores of an utterance over its audio; `drawn` in place of the interleaving it carries.

    CorruptShard where a unit has no colour.
    """
    sample = shown.stored.sample
    check_colours(sample, colours)
    seconds = sample.samples / SAMPLE_RATE
    scale = max(SECOND, min(_WIDEST, _WIDE / max(seconds, 1e-3)))
    rows: list[Row] = []
    parts: list[Markup] = []
    top = 0
    for band in _bands(shown, colours, drawn or shown.stored.drawn, scale, spectrogram):
        rows.append(Row(band.name, band.hint, top, band.height))
        parts.append(
            Markup('<g data-band="{}" transform="translate(0 {})">{}</g>').format(band.name, top, band.drawing)
        )
        top += band.height + _GAP
    height = top - _GAP
    width = round(seconds * scale) + 1
    playhead = Markup('<path class="playhead" d="M0 0V{}" visibility="hidden"/>').format(height)
    opening = Markup('<svg width="{}" height="{}" viewBox="0 0 {} {}" aria-hidden="true">').format(
        width, height, width, height
    )
    drawing = Markup('<g id="drawing-{}">{}</g>').format(sample.key, Markup("").join(parts))
    svg = Markup("").join([opening, drawing, playhead, Markup("</svg>")])
    strips = _strips(shown, scale, height)
    return Timeline(_names(sample.key, rows, height), svg, strips, tuple(rows), width, height, scale)


def _bands(shown: Shown, colours: Sequence[str], drawn: Interleaving, scale: float, spectrogram: bool) -> list[Band]:
    stored, sample = shown.stored, shown.stored.sample
    frame = scale * sample.hop / SAMPLE_RATE
    found = [Band("", "seconds", 16, bands.ruler(sample.samples / SAMPLE_RATE, scale))]
    if shown.audio is not None and len(shown.audio):
        wave = bands.waveform(shown.audio, sample.activity, sample.hop, frame)
        found.append(Band("sound", "waveform; dark where the activity mask says speech", bands.WAVE, wave))
        if spectrogram:
            picture = bands.spectrogram(shown.audio, scale)
            found.append(Band("mel", "log-mel spectrogram, 0 to 8 kHz", bands.MEL, picture))
    hint = f"one colour for each cluster, {SAMPLE_RATE / sample.hop:g} a second"
    found.append(Band("units", hint, bands.STRIP, bands.units(stored, colours, frame)))
    if sample.words is not None and sample.word_frames is not None:
        found.append(Band("words", "where each word was spoken", *bands.words(stored, frame)))
    for name in PATCHINGS:
        if name in stored.patches:
            cuts = bands.patches(stored.patches[name], bands.quiet_patches(stored, name), frame, sample.hop)
            found.append(Band(name, f"patches: {PATCHINGS[name]}", bands.PATCH, cuts))
    hint = "one drawn interleaving: what is spoken, what is written"
    return [*found, Band("document", hint, bands.SPAN, bands.document(drawn, sample.frames, frame))]


def _names(key: str, rows: Sequence[Row], height: int) -> Markup:
    texts = Markup("").join(
        Markup('<text class="name" x="0" y="{}">{}<title>{}</title></text>').format(
            row.top + min(row.height, 20) / 2, row.name, row.hint
        )
        for row in rows
    )
    return Markup('<svg class="names" width="{}" height="{}" aria-hidden="true"><g id="names-{}">{}</g></svg>').format(
        _NAMES, height, key, texts
    )


def _strips(shown: Shown, scale: float, height: int) -> Markup:
    sample = shown.stored.sample
    frame = scale * sample.hop / SAMPLE_RATE
    longest = int(_LINE / frame)
    widest = _NAMES + min(longest, sample.frames) * frame
    parts = [
        Markup(
            '<svg class="strip" viewBox="0 0 {} {}" aria-hidden="true"><use href="#names-{}"/>'
            '<svg x="{}" width="{}" height="{}" viewBox="{} 0 {} {}"><use href="#drawing-{}"/></svg></svg>'
        ).format(
            bands.pixels(widest),
            height,
            sample.key,
            _NAMES,
            *(bands.pixels((end - start) * frame), height),
            *(bands.pixels(start * frame), bands.pixels((end - start) * frame), height),
            sample.key,
        )
        for start, end in break_lines(sample, longest)
    ]
    return Markup("").join(parts)
