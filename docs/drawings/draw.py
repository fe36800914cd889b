"""The drawings of docs/concepts.md, made from an excerpt of the demo's run folder by the code that they explain.

`python -m docs.drawings.draw` writes them. They are 400 wide, for a phone, and light or dark as the reader's screen is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from markupsafe import Markup

from docs.drawings.canvas import LEFT, RIGHT, Canvas
from docs.drawings.excerpt import Excerpt, read_excerpt
from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import assemble, drawn_spans
from lstdata.inspection import bands
from lstdata.loader.rows import RowStream
from lstdata.packing import Row, RowBudget
from lstdata.patching import utterance_patches
from lstdata.records import SAMPLE_RATE
from lstdata.shards import StoredSample
from lstdata.vocab import VocabCard

FOLDER: Final = Path(__file__).parent
_WORD: Final = 0
"""Whose frames are drawn one by one."""
_SENTENCE: Final = 9
"""Words of the first sentence, which is drawn band by band."""
_EPOCH: Final = 1
_BUDGET: Final = RowBudget(positions=512, tokens=2048)
_CELL: Final = 7
"""Pixels of a unit inside a position."""


def draw_frames(excerpt: Excerpt) -> str:
    """One word's sound on the frame grid, and the unit of each frame."""
    sample = excerpt.samples[0].sample
    assert sample.words is not None and sample.word_frames is not None
    begin, end = sample.word_frames[_WORD].tolist()
    first, last = begin - 1, end + 1
    frame = (RIGHT - LEFT) / (last - first)
    canvas = Canvas()
    canvas.say(f"sound: 16,000 samples a second, {sample.hop} in a frame")
    wave = bands.waveform(
        excerpt.audio[first * sample.hop : last * sample.hop], sample.activity[first:last], sample.hop, frame
    )
    edges = Markup("").join(
        Markup('<path class="edge" d="M{} 0V{}"/>').format(bands.pixels(i * frame), bands.WAVE + 4)
        for i in range(last - first + 1)
    )
    canvas.add(bands.WAVE + 4, wave + edges)
    canvas.say("units: one for each frame of 40 ms")
    canvas.add(30, _ids(sample.units[first:last].tolist(), excerpt.colours, frame))
    canvas.add(20, _numbers(first, last, frame))
    bar = Markup(
        '<g class="word"><rect x="{}" width="{}" height="4" rx="1"/><text class="middle" x="{}" y="19">{}</text></g>'
    )
    left, wide = (begin - first) * frame, (end - begin) * frame
    said = f"{sample.words[_WORD]}: frames {begin} to {end - 1}"
    canvas.add(26, bar.format(bands.pixels(left), bands.pixels(wide), bands.pixels(left + wide / 2), said))
    return canvas.svg("One spoken word on the frame grid")


def _ids(units: Sequence[int], colours: Sequence[str], frame: float) -> Markup:
    cell = Markup('<rect x="{}" width="{}" height="26" fill="{}"/><text class="id" x="{}" y="18">{}</text>')
    return Markup("").join(
        cell.format(
            bands.pixels(i * frame + 0.5),
            bands.pixels(frame - 1),
            colours[unit],
            bands.pixels((i + 0.5) * frame),
            unit,
        )
        for i, unit in enumerate(units)
    )


def _numbers(first: int, last: int, frame: float) -> Markup:
    number = Markup('<text class="tick middle" x="{}" y="10">{}</text>')
    return Markup("").join(number.format(bands.pixels((i - first + 0.5) * frame), i) for i in range(first, last))


def draw_words(excerpt: Excerpt) -> str:
    """A sentence: sound and activity, units, words, items."""
    stored, frame = _sentence(excerpt)
    sample = stored.sample
    assert sample.word_frames is not None
    canvas = Canvas()
    canvas.say("sound; strong where the activity mask says speech")
    audio = excerpt.audio[: sample.frames * sample.hop]
    canvas.add(bands.WAVE + 6, bands.waveform(audio, sample.activity, sample.hop, frame))
    canvas.add(24, bands.ruler(sample.samples / SAMPLE_RATE, frame * SAMPLE_RATE / sample.hop))
    canvas.say(f"units: {sample.frames}, each in its own colour")
    canvas.add(bands.STRIP + 8, bands.units(stored, excerpt.colours, frame))
    canvas.say("words, each with the frames in which it is spoken")
    height, words = bands.words(stored, frame)
    canvas.add(height + 8, words)
    canvas.say("items: frames of words, and of the silences between")
    canvas.add(24, _items(sample.word_frames.ravel().tolist(), sample.frames, frame))
    return canvas.svg("A sentence as sound, units, words and items")


def _items(edges: Sequence[int], frames: int, frame: float) -> Markup:
    bounds = [0, *edges, frames]
    box = Markup('<rect class="{}" x="{}" width="{}" height="18" rx="1.5"/><text class="{}" x="{}" y="13.5">{}</text>')
    parts = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        if start == end:
            continue
        wide = (end - start) * frame
        css, ink = ("quiet", "tick middle") if number % 2 == 0 else ("text", "text middle")
        middle = bands.pixels(start * frame + wide / 2)
        said = str(end - start) if wide > 9 else ""
        parts.append(box.format(css, bands.pixels(start * frame), bands.pixels(wide - 1), ink, middle, said))
    return Markup("").join(parts)


def draw_patches(excerpt: Excerpt) -> str:
    """What each strategy makes of a sentence, all of it spoken."""
    stored, frame = _sentence(excerpt)
    canvas = Canvas()
    height, words = bands.words(stored, frame)
    canvas.add(height + 6, words)
    for name, lengths in stored.patches.items():
        canvas.say(f"{name}: {len(lengths)} positions")
        cuts = bands.patches(lengths, bands.quiet_patches(stored, name), frame, stored.sample.hop)
        canvas.add(bands.PATCH + 7, cuts)
    return canvas.svg("A sentence, cut into patches by each strategy")


def _sentence(excerpt: Excerpt) -> tuple[StoredSample, float]:
    """The first sentence with the silence after it, as if it were an utterance of its own; pixels of a frame."""
    whole = excerpt.samples[0].sample
    assert whole.words is not None and whole.word_frames is not None
    frames = int(whole.word_frames[_SENTENCE, 0])
    sample = replace(
        whole,
        samples=frames * whole.hop,
        units=whole.units[:frames],
        activity=whole.activity[:frames],
        words=whole.words[:_SENTENCE],
        word_frames=whole.word_frames[:_SENTENCE],
        word_scores=None,
    )
    config = PatchingConfig()
    names = ("none", "static", "silence", "aligned", "aligned-merged")
    patches = {name: utterance_patches(name, sample, config) for name in names}
    return StoredSample(sample, patches, ()), (RIGHT - LEFT) / frames


def draw_epochs(excerpt: Excerpt) -> str:
    """What four epochs speak and write of the whole utterance."""
    sample = excerpt.samples[0].sample
    frame = (RIGHT - LEFT) / sample.frames
    canvas = Canvas()
    for epoch in range(4):
        drawn = drawn_spans(sample, excerpt.tokenizer, interleave=InterleaveConfig(), epoch=epoch)
        canvas.say(f"epoch {epoch}")
        canvas.add(bands.SPAN + 7, bands.document(drawn, sample.frames, frame))
    return canvas.svg("The same utterance interleaved in four epochs")


def draw_document(excerpt: Excerpt) -> str:
    """One of these documents, position by position."""
    sample, vocab = excerpt.samples[0].sample, excerpt.vocab
    drawn = drawn_spans(sample, excerpt.tokenizer, interleave=InterleaveConfig(), epoch=_EPOCH)
    document = assemble(drawn, sample, vocab, PatchingConfig())
    canvas = Canvas()
    canvas.say(f"epoch {_EPOCH}: {len(document.tokens)} tokens in {len(document.lengths)} positions")
    pieces = iter([piece for kind, *what in drawn if kind == "t" for piece in excerpt.tokenizer.pieces(what[0])])
    tokens = iter(document.tokens.tolist())
    line: list[Markup] = []
    left = 0.0
    for length in document.lengths.tolist():
        wide, chip = _chip([next(tokens) for _ in range(length)], pieces, excerpt)
        if left + wide > RIGHT - LEFT:
            canvas.add(25, Markup("").join(line))
            line, left = [], 0.0
        line.append(Markup('<g transform="translate({} 0)">{}</g>').format(bands.pixels(left), chip))
        left += wide + 3
    canvas.add(24, Markup("").join(line))
    return canvas.svg("A document, position by position")


def _chip(ids: Sequence[int], pieces: Iterator[str], excerpt: Excerpt) -> tuple[float, Markup]:
    """A position and its width: a patch as the colours of its units, else what it says."""
    vocab = excerpt.vocab
    if ids[0] >= vocab.first_unit:
        wide = _CELL * len(ids) + 4.0
        cell = Markup('<rect x="{}" y="3" width="{}" height="14" fill="{}"/>')
        cells = Markup("").join(
            cell.format(2 + _CELL * i, _CELL, excerpt.colours[id - vocab.first_unit]) for i, id in enumerate(ids)
        )
        return wide, Markup('<rect class="speech" width="{}" height="20" rx="3"/>{}').format(wide, cells)
    named = {vocab.bos: "BOS", vocab.eos: "EOS", vocab.text_marker: "<t>", vocab.speech_marker: "<s>"}
    css = "marker" if ids[0] in named else "text"
    text = named[ids[0]] if css == "marker" else next(pieces).replace(" ", "␣").strip()
    wide = bands.breadth(text) * 7.4 + 8
    chip = Markup(
        '<rect class="{}" x="0.5" y="0.5" width="{}" height="19" rx="3"/>'
        '<text class="{} middle" x="{}" y="14">{}</text>'
    )
    return wide, chip.format(css, bands.pixels(wide - 1), css, bands.pixels(wide / 2), text)


def draw_rows(excerpt: Excerpt) -> str:
    """The first rows of training on the excerpt."""
    stream = RowStream(excerpt, _BUDGET, seed=0)
    canvas = Canvas()
    for number in range(4):
        row = stream.row(number)
        documents = len(row.documents)
        canvas.say(
            f"row {number}: {documents} document{'s' * (documents > 1)}, {len(row.lengths)} of "
            f"{_BUDGET.positions} positions, {len(row.tokens)} tokens"
        )
        canvas.add(27, _row(row, excerpt.vocab))
    return canvas.svg("Documents packed into rows")


def _row(row: Row, vocab: VocabCard) -> Markup:
    """Stretches of text and of speech, a mark where a document begins; its markers are too small to be seen."""
    wide = (RIGHT - LEFT) / _BUDGET.positions
    firsts = (row.lengths.cumsum() - row.lengths).tolist()
    begins = set((row.documents.cumsum() - row.documents).tolist())
    kinds = [
        "start" if first in begins else "speech" if row.tokens[first] >= vocab.first_unit else "text"
        for first in firsts
    ]
    parts = [Markup('<rect class="budget" x="0" width="{}" height="20"/>').format(RIGHT - LEFT)]
    stroke = Markup('<rect class="{}" x="{}" y="1" width="{}" height="18"/>')
    number = 0
    for kind, group in groupby(kinds):
        count = len(list(group))
        parts.append(stroke.format(kind, bands.pixels(number * wide), bands.pixels(max(1.5, count * wide))))
        number += count
    return Markup("").join(parts)


def draw_vocabulary(excerpt: Excerpt) -> str:
    """Where the ids of text, markers and units lie."""
    vocab = excerpt.vocab
    ranges = [
        (f"0 to {vocab.text_size - 1}", "text", "pieces of text, by the tokenizer"),
        (f"{vocab.pad} to {vocab.first_unit - 1}", "marker", "six reserved ids:"),
        (f"{vocab.first_unit} to {vocab.size - 1}", "speech", f"units 0 to {vocab.units - 1}"),
    ]
    reserved = f"pad {vocab.pad}, BOS {vocab.bos}, EOS {vocab.eos}, <t> {vocab.text_marker}, <s> {vocab.speech_marker}"
    line = Markup(
        '<rect class="{}" x="0.5" y="0.5" width="86" height="24" rx="3"/>'
        '<text class="{}" x="43" y="17">{}</text><text x="96" y="17">{}</text>'
    )
    canvas = Canvas()
    for ids, css, what in ranges:
        canvas.add(30, line.format(css, "lit" if css == "speech" else f"{css} middle", ids, what))
        if css == "marker":
            canvas.add(24, Markup('<text class="soft" x="96" y="8">{}</text>').format(reserved))
    return canvas.svg("The joint vocabulary")


DRAWINGS: Final[Mapping[str, Callable[[Excerpt], str]]] = {
    "frames.svg": draw_frames,
    "words.svg": draw_words,
    "patches.svg": draw_patches,
    "epochs.svg": draw_epochs,
    "document.svg": draw_document,
    "rows.svg": draw_rows,
    "vocabulary.svg": draw_vocabulary,
}


if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (FOLDER / name).write_text(draw(read_excerpt()), encoding="utf-8")
