from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lstdata.cli.verbs import cli
from lstdata.inspection import figure
from lstdata.inspection.colours import rgb
from lstdata.inspection.figure import draw_figure
from lstdata.inspection.hearing import Shown
from lstdata.inspection.lines import break_lines
from lstdata.inspection.spectrogram import MELS, STEP, log_mel
from lstdata.records import SAMPLE_RATE
from lstdata.shards import StoredSample

COLOURS = [(0.6, 0.1, hue) for hue in (0.0, 90.0, 180.0, 270.0)]


def picture(shown: Shown) -> Image.Image:
    return Image.open(io.BytesIO(draw_figure(shown, COLOURS)))


def test_it_shows_units_in_their_colours_line_below_line(make_stored: Callable[..., StoredSample]) -> None:
    stored = make_stored("a", [0, 1, 2, 3] * 50, [("one", 2, 9)])
    drawn = picture(Shown(stored, np.zeros(stored.sample.samples, dtype=np.float32)))
    colours = {colour for _, colour in drawn.getcolors(1 << 24) or ()}
    assert {rgb(colour) for colour in COLOURS} <= colours
    [first, second] = break_lines(stored.sample, int(figure.SECONDS * 25))
    assert first[1] - first[0] > second[1] - second[0]
    assert drawn.width == figure._NAMES + round((first[1] - first[0]) * figure.SECOND / 25) + 3 * figure._MARGIN
    assert drawn.height > 2 * 600


@pytest.mark.parametrize(
    ("frames", "words", "audio"),
    [*itertools.product([0, 1, 2], [True, False], [True, False]), (1000, True, True)],
)
def test_every_length_has_a_picture(
    make_stored: Callable[..., StoredSample], frames: int, words: bool, audio: bool
) -> None:
    spans = [("\x1b" + "w" * 90, 0, frames // 2), ("", frames // 2, frames // 2), ("日本 שלום", frames, frames)]
    stored = make_stored("a", [1] * frames, spans if words else None)
    sound = np.zeros(stored.sample.samples, dtype=np.float32) if audio else None
    assert picture(Shown(stored, sound, "it is gone")).format == "PNG"


def test_it_is_written_and_reproducible(built: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        said = CliRunner().invoke(cli, ["inspect", str(built), "utt-002", "--png", str(file)], catch_exceptions=False)
        assert (said.exit_code, said.stdout) == (0, f"{file}\n")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_tone_is_a_line_at_its_pitch() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    mels = log_mel(tone)
    assert mels.shape == (MELS, SAMPLE_RATE // STEP)
    top = 2595 * np.log10(1 + 8000 / 700)
    expected = 2595 * np.log10(1 + 1000 / 700) / top * (MELS + 1) - 1
    assert abs(int(mels[:, 50].argmax()) - expected) <= 1
    assert (float(mels.max()), float(log_mel(np.zeros(1600, dtype=np.float32)).max())) == (1.0, 0.0)
