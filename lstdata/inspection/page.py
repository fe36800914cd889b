"""One utterance as a page of its own, which needs nothing else, not even a network."""

from __future__ import annotations

import json
from collections.abc import Sequence

from markupsafe import Markup

from lstdata.inspection.finding import Place
from lstdata.inspection.fragment import draw_utterance, environment, read, script, sha256_source, style
from lstdata.inspection.hearing import Shown
from lstdata.inspection.items import items_of, spelt
from lstdata.inspection.positions import DrawnDocument, Position
from lstdata.records import SAMPLE_RATE
from lstdata.terminal import visible


def render_page(shown: Shown, place: Place, colours: Sequence[str], document: DrawnDocument | None) -> str:
    """The page of an utterance and, where it can be drawn, of a document that it makes; equal in, equal out."""
    stored, sample = shown.stored, shown.stored.sample
    css = style() + Markup(read("page.css"))
    drawn = None if document is None else document.drawn
    template = environment().get_template("page.html")
    return template.render(
        style=css,
        style_hash=sha256_source(css),
        script=Markup(script()),
        script_hash=sha256_source(script()),
        sample=sample,
        seconds=sample.samples / SAMPLE_RATE,
        drawing=draw_utterance(shown, colours, drawn, codec="flac", spectrogram=True),
        audible=shown.audio is not None,
        document=document,
        positions=[] if document is None else [_drawn(one, colours, sample.hop) for one in document.positions],
        items=items_of(stored),
        scored=sample.word_scores is not None,
        spelt=spelt,
        strategies=list(stored.patches),
        facts=_facts(shown, place),
    )


def _facts(shown: Shown, place: Place) -> list[tuple[str, str]]:
    """(name, value) of what is known, but for what the page says anyway."""
    sample = shown.stored.sample
    found: dict[str, object] = {
        "key": sample.key,
        "shard": f"{place.shard}, byte {place.offset:,}",
        "recording": sample.recording,
        "speaker": sample.speaker,
        "language": sample.language,
        "licence": sample.license,
        "header": f"promises {sample.header_seconds:.2f} s" if sample.belies_header else None,
        **{name: json.dumps(value, ensure_ascii=False) for name, value in sample.custom.items()},
    }
    return [(visible(name), visible(str(value))) for name, value in found.items() if value not in (None, "")]


def _drawn(position: Position, colours: Sequence[str], hop: int) -> Markup:
    """A position as a button, so that a keyboard reaches it; a patch can be played."""
    ids = ("id " if len(position.ids) == 1 else "ids ") + " ".join(map(str, position.ids))
    if position.frames is None:
        shape = Markup('<button type="button" class="position {}" title="{}">{}</button>')
        piece = visible(position.text)
        said = f"{position.kind} “{piece}”, {ids}"
        return shape.format(position.kind, said, piece.replace(" ", "␣") or "·")
    start, end = position.frames
    begin, stop = start * hop / SAMPLE_RATE, end * hop / SAMPLE_RATE
    units = " ".join(map(str, position.units))
    said = f"patch of {end - start}, {begin:.2f}–{stop:.2f} s: units {units}, {ids}"
    strip = Markup("").join(
        Markup('<rect x="{}" width="1" height="1" fill="{}"/>').format(i, colours[unit])
        for i, unit in enumerate(position.units)
    )
    return Markup(
        '<button type="button" class="position patch" data-start="{}" data-end="{}" title="{}">'
        '<svg viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">{}</svg>{}</button>'
    ).format(begin, stop, said, len(position.units), strip, units)
