from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from upath import UPath

from lstdata.inspection.bands import envelope
from lstdata.inspection.finding import find_place
from lstdata.inspection.hearing import Shown, show
from lstdata.inspection.timeline import draw_timeline
from lstdata.shards import StoredSample

COLOURS = ["red", "green", "blue", "grey"]


def titles(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("title")]


def test_every_unit_word_patch_and_span_is_drawn(run: Path, tones) -> None:  # type: ignore[no-untyped-def]
    first = show(UPath(run), find_place(UPath(run), "A1"), tones)
    timeline = draw_timeline(first, COLOURS)
    names = titles(timeline.svg)
    assert [n for n in names if n.startswith("frame ")][:5] == [
        *(f"frame {i}: unit 0" for i in range(4)),
        "frame 4: unit 1",
    ]
    assert [n for n in names if n.startswith("\u2068")] == [
        "\u2068one\u2069: 0.04–0.16 s, 3 frames",
        "\u2068two\u2069: 0.16–0.36 s, 5 frames",
    ]
    patches = [int(n.split()[0]) for n in names if re.fullmatch(r"\d+ frames, .*", n)]
    assert patches == [1, 3, 5, 1, 4, 4, 2, 4, 4, 2]
    assert names[-2:] == ["speech: 6 units", "text: 2 tokens"]
    assert [row.name for row in timeline.rows] == [
        "", "sound", "units", "words", "aligned", "silence", "static", "document"
    ]  # fmt: skip
    assert all(a.top + a.height < b.top for a, b in zip(timeline.rows, timeline.rows[1:], strict=False))
    assert 'fill="green"' in timeline.svg


def test_without_audio_and_words_their_rows_are_left_out(make_stored: Callable[..., StoredSample]) -> None:
    timeline = draw_timeline(Shown(make_stored("c", [2] * 25, None), None), COLOURS)
    assert [row.name for row in timeline.rows] == ["", "units", "silence", "static", "document"]


def test_silences_are_pale(run: Path) -> None:
    first = show(UPath(run), find_place(UPath(run), "A1"), None)
    svg = draw_timeline(first, COLOURS).svg
    assert len(re.findall('<rect class="quiet"', svg)) == 2, "the silences of `aligned`; activity has no run of three"


def test_a_long_utterance_scrolls_and_a_short_one_is_stretched(make_stored: Callable[..., StoredSample]) -> None:
    long = draw_timeline(Shown(make_stored("c", [2] * 500, None), None), COLOURS)
    short = draw_timeline(Shown(make_stored("c", [2] * 25, None), None), COLOURS)
    assert (long.scale, long.width) == (132, 20 * 132 + 1)
    assert (short.scale, short.width) == (240, 241)


def test_crowded_words_take_other_lanes(make_stored: Callable[..., StoredSample]) -> None:
    words = [("extraordinarily", 0, 2), ("a", 2, 3), ("b", 3, 20)]
    svg = draw_timeline(Shown(make_stored("c", [2] * 25, words), None), COLOURS).svg
    heights = re.findall(r'<text x="[\d.]+" y="(\d+)">(?:extra\w+|a|b)<', svg)
    assert len(set(heights)) == 3


def test_words_are_escaped(make_stored: Callable[..., StoredSample]) -> None:
    svg = draw_timeline(Shown(make_stored("<i>", [2] * 25, [("<script>", 0, 20)]), None), COLOURS).svg
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_silent_audio_is_a_line(make_stored: Callable[..., StoredSample]) -> None:
    stored = make_stored("c", [2] * 25, None)
    svg = draw_timeline(Shown(stored, np.zeros(16_000, dtype=np.float32)), COLOURS).svg
    assert "nan" not in svg


def test_columns_that_are_no_whole_samples_stay_inside_of_the_audio() -> None:
    """The least step below 80/3 samples put a start at the end of 20,000 samples."""
    low, high = envelope(np.arange(20_000, dtype=np.float32), np.nextafter(80 / 3, 0))
    assert len(low) == len(high) == 750
    assert (low[0], high[0], high[-1]) == (0, 25, 19_999)
