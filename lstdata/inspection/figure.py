"""One utterance as a picture for a paper or a ticket: the drawing of the page, light, line below line."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.inspection import bands
from lstdata.inspection.colours import Oklch, check_colours, rgb
from lstdata.inspection.fonts import font_for
from lstdata.inspection.fragment import read
from lstdata.inspection.hearing import Shown
from lstdata.inspection.lines import break_lines
from lstdata.inspection.spectrogram import STEP, log_mel
from lstdata.inspection.timeline import PATCHINGS
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.terminal import visible

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SECOND: Final = 264
"""Pixels of a second."""

SECONDS: Final = 7.5
"""At most, in a line."""

_TWICE: Final = 2
"""Pixels of a picture for one of a page."""

_NAMES, _MARGIN, _GAP, _BETWEEN = 220, 48, 18, 56


def draw_figure(shown: Shown, colours: Sequence[Oklch]) -> bytes:
    """The picture as a PNG; equal in, equal out, on machines with equal fonts. ConfigError for a document of text."""
    from PIL import Image

    sample = shown.stored.sample
    if sample.tokens is not None:
        raise ConfigError(f"a picture shows speech, but `{sample.id}` is a document of text.")
    check_colours(sample, colours)
    frame = SECOND * sample.hop / SAMPLE_RATE
    mel = None if shown.audio is None else log_mel(shown.audio)[::-1]
    lines = [
        _Line(shown, mel, colours, frame, *bounds).draw()
        for bounds in break_lines(sample, max(1, int(SECONDS * SECOND / frame)))
    ]
    title = _title(shown)
    width = max(line.width for line in lines)
    height = title.height + sum(line.height + _BETWEEN for line in lines) + _MARGIN
    picture = Image.new("RGB", (max(width, title.width) + 2 * _MARGIN, height), _theme()["paper"])
    picture.paste(title, (_MARGIN, _MARGIN // 2))
    top = title.height + _BETWEEN
    for line in lines:
        picture.paste(line, (_MARGIN, top))
        top += line.height + _BETWEEN
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


class _Line:
    """Frames [start, end) of an utterance, band below band."""

    def __init__(
        self,
        shown: Shown,
        mel: NDArray[np.float32] | None,
        colours: Sequence[Oklch],
        frame: float,
        start: int,
        end: int,
    ) -> None:
        from PIL import Image, ImageDraw

        self._shown, self._mels, self._colours, self._frame = shown, mel, colours, frame
        self._start, self._end = start, end
        self._theme = _theme()
        self._width = _NAMES + round((end - start) * frame) + _MARGIN
        self._canvas = Image.new("RGB", (self._width, 1600), self._theme["paper"])
        self._pen = ImageDraw.Draw(self._canvas)
        self._top = 0

    def draw(self) -> Image:
        stored = self._shown.stored
        self._ruler()
        if self._shown.audio is not None and self._mels is not None and self._start < self._end:
            self._wave(self._shown.audio)
            self._mel(self._mels)
        self._units()
        if stored.sample.words is not None:
            self._words()
        for name in PATCHINGS:
            if name in stored.patches:
                self._patches(name)
        return self._canvas.crop((0, 0, self._width, self._top - _GAP))

    def _x(self, frame: float) -> float:
        return _NAMES + (frame - self._start) * self._frame

    def _band(self, name: str, height: int) -> int:
        """The top of a new band, its name written at the left."""
        top, self._top = self._top, self._top + height * _TWICE + _GAP
        self._text((0, top + min(height, 20)), name, "soft", 24, "lm")
        return top

    def _text(self, at: tuple[float, float], text: str, colour: str, size: int, anchor: str) -> None:
        self._pen.text(at, text, fill=self._theme[colour], font=font_for(text, size), anchor=anchor)

    def _ruler(self) -> None:
        top = self._band("", 16)
        second = SAMPLE_RATE / self._shown.stored.sample.hop
        for number in range(math.ceil(self._start / second), math.floor(self._end / second) + 1):
            x = self._x(number * second)
            self._pen.line((x, top + 22, x, top + 32), self._theme["soft"], 2)
            self._text((x + 6, top + 11), f"{number} s", "soft", 21, "lm")

    def _wave(self, audio: Waveform) -> None:
        sample = self._shown.stored.sample
        top = self._band("sound", bands.WAVE)
        low, high = bands.envelope(audio[: sample.frames * sample.hop], 2 * sample.hop / self._frame)
        loudest = max(float(np.abs(low).max(initial=0)), float(high.max(initial=0)), 1e-3)
        half = bands.WAVE
        for column in range(len(low)):
            at = column * 2 / self._frame
            if self._start <= at < self._end:
                colour = self._theme["speech" if sample.activity[int(at)] else "quiet"]
                edges = (top + half * (1 - high[column] / loudest), top + half * (1 - low[column] / loudest) + 1)
                x = round(self._x(at))
                self._pen.rectangle((x, edges[0], x + 1, edges[1]), colour)

    def _mel(self, mels: NDArray[np.float32]) -> None:
        from PIL import Image

        hop = self._shown.stored.sample.hop
        top = self._band("mel", bands.MEL)
        levels = mels[:, self._start * hop // STEP : self._end * hop // STEP]
        ink = Image.fromarray((levels * 255).round().astype(np.uint8), "L")
        ink = ink.resize((round((self._end - self._start) * self._frame), bands.MEL * _TWICE))
        self._canvas.paste(self._theme["ink"], (_NAMES, top), ink)

    def _units(self) -> None:
        top = self._band("units", bands.STRIP)
        for at, unit in enumerate(self._shown.stored.sample.units[self._start : self._end].tolist(), self._start):
            box = (self._x(at), top, self._x(at + 1) - 1, top + bands.STRIP * _TWICE)
            self._pen.rectangle(box, rgb(self._colours[unit]))

    def _words(self) -> None:
        sample = self._shown.stored.sample
        assert sample.words is not None and sample.word_frames is not None
        top = self._band("words", 3 * bands.LANE + 7)
        self._pen.rectangle((_NAMES, top + 3, self._x(self._end), top + 4), self._theme["quiet"])
        free, worst = [0.0] * 3, bands.worst_word(sample.word_scores)
        for number, (word, (start, end)) in enumerate(zip(sample.words, sample.word_frames.tolist(), strict=True)):
            if not self._start <= start < self._end:
                continue
            colour = "accent" if number == worst else "soft" if number in sample.interpolated else "ink"
            left, text = self._x(start), bands.label(word)
            lane = next((i for i in range(3) if free[i] <= left), min(range(3), key=free.__getitem__))
            free[lane] = left + 10 + font_for(text, 24).getlength(text)
            base = top + 34 * lane + 14
            self._pen.line((left, top, left, base + 22), self._theme["soft"], 1)
            self._pen.rectangle((left, top, max(left + 1, self._x(end) - 2), top + 7), self._theme[colour])
            self._text((left + 6, base + 11), text, colour, 24, "lm")

    def _patches(self, name: str) -> None:
        stored = self._shown.stored
        top = self._band(name, bands.PATCH)
        ends = np.cumsum(stored.patches[name]).tolist()
        for number, (end, quiet) in enumerate(zip(ends, bands.quiet_patches(stored, name), strict=True)):
            left = max(self._start, end - int(stored.patches[name][number]))
            right = min(self._end, end)
            if left < right:
                colour = "quiet" if quiet else ("speech", "speech-odd")[number % 2]
                box = (self._x(left), top, self._x(right) - 3, top + bands.PATCH * _TWICE)
                self._pen.rounded_rectangle(box, 3, self._theme[colour])


def _title(shown: Shown) -> Image:
    """The id and what is known, above the lines."""
    from PIL import Image, ImageDraw

    sample = shown.stored.sample
    facts = [f"{sample.samples / SAMPLE_RATE:.2f} s", f"{sample.frames} units"]
    facts += [f"words by {visible(sample.aligner)}"] if sample.aligner else []
    facts += [] if sample.align_score is None else [f"score {sample.align_score:.3f}"]
    facts += [] if shown.audio is not None else [f"no audio: {visible(shown.silent_because)}"]
    texts = [(visible(sample.id), 40, "ink"), (" · ".join(facts), 26, "soft")]
    width = max(round(font_for(text, size).getlength(text)) for text, size, _ in texts)
    picture = Image.new("RGB", (width, 100), _theme()["paper"])
    pen: ImageDraw.ImageDraw = ImageDraw.Draw(picture)
    for (text, size, colour), middle in zip(texts, (32, 78), strict=True):
        pen.text((0, middle), text, fill=_theme()[colour], font=font_for(text, size), anchor="lm")
    return picture


def _theme() -> dict[str, str]:
    """The page's light colours, by their names."""
    light = read("theme.css").partition("@media")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", light))
