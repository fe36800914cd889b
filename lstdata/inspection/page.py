"""One utterance as a page of its own, which needs nothing else, not even a network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from markupsafe import Markup

from lstdata.inspection.finding import Place
from lstdata.inspection.fragment import draw_utterance, environment, read, script, sha256_source, style
from lstdata.inspection.hearing import Shown
from lstdata.inspection.items import items_of, spelt
from lstdata.inspection.positions import DrawnDocument, Position
from lstdata.languages import language_tag
from lstdata.records import SAMPLE_RATE, Sample
from lstdata.terminal import visible

MOST_POSITIONS = 5_000
"""Of a document, that a page shows."""


def render_page(
    shown: Shown, place: Place, colours: Sequence[str], document: DrawnDocument | None, undrawn: str = ""
) -> str:
    """The page of an utterance and of a document that it makes, or why it makes none; equal in, equal out."""
    stored, sample = shown.stored, shown.stored.sample
    css = style() + Markup(read("page.css"))
    drawn = None if document is None else document.drawn
    drawing = draw_utterance(shown, colours, drawn, codec="wav", spectrogram=True) if sample.tokens is None else None
    positions = [] if document is None else document.positions[:MOST_POSITIONS]
    template = environment().get_template("page.html")
    return template.render(
        style=css,
        style_hash=sha256_source(css),
        script=Markup(script()),
        script_hash=sha256_source(script()),
        sample=sample,
        extent=_extent(sample),
        text=(sample.text or "").splitlines(),
        drawing=drawing,
        audible=shown.audio is not None,
        document=document,
        undrawn=undrawn,
        language=_language(sample),
        positions=[_drawn(one, colours, sample.hop) for one in positions],
        items=items_of(stored),
        scored=sample.word_scores is not None,
        spelt=spelt,
        strategies=list(stored.patches),
        facts=_facts(shown, place),
    )


def _language(sample: Sample) -> str:
    """For whoever reads the words aloud or chooses their glyphs; empty where it is not known."""
    tag = language_tag(sample.language or "")
    return tag if re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) else ""


def _extent(sample: Sample) -> str:
    """How much of what there is."""
    if sample.tokens is not None:
        return f"text of {len(sample.tokens):,} tokens"
    said = [f"{sample.samples / SAMPLE_RATE:.2f} s", f"{sample.frames} units"]
    if sample.words is None:
        said.append("no word times")
    else:
        by = "" if sample.aligner is None else f" by {visible(sample.aligner)}"
        guessed = f", {len(sample.interpolated)} of them between their neighbours" if sample.interpolated else ""
        said.append(f"{len(sample.words)} words{by}{guessed}")
    return " · ".join([*said, *([] if sample.align_score is None else [f"score {sample.align_score:.3f}"])])


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
