"""Lines spoken by worker processes: results in order, progress told, failures passed on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstdata.demo import narration
from lstdata.demo.language import VOICES
from lstdata.demo.narration import Line, draw_style, record_all
from lstdata.demo.speech import Style
from lstdata.errors import Unavailable

pytest.importorskip("espeakng_loader")


def _line(index: int, voice: str = "en-us+m3") -> Line:
    text = "Hello again" + " and again" * (index % 3) + "."
    return Line(id=str(index), path=f"deep/{index}.flac", text=text, style=Style(voice=voice))


def test_results_are_in_the_order_of_the_lines_and_progress_is_told(tmp_path: Path) -> None:
    lines = [_line(i) for i in range(19)]
    seen: list[tuple[int, int]] = []
    recorded = record_all(lines, tmp_path, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert [r.line for r in recorded] == lines
    assert [len(r.words) for r in recorded] == [len(line.text.split()) for line in lines]
    assert seen == [(i + 1, 19) for i in range(19)]
    assert len(list(tmp_path.glob("deep/*.flac"))) == 19


def test_a_line_that_cannot_be_spoken_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no voice xx-nowhere"):
        record_all([_line(0), _line(1, voice="xx-nowhere"), _line(2)], tmp_path)


def test_no_lines_are_no_work(tmp_path: Path) -> None:
    assert record_all([], tmp_path) == []


def test_a_worker_that_dies_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narration, "_record_share", _die)
    with pytest.raises(Unavailable, match="ended early"):
        record_all([_line(0)], tmp_path)


def _die(*_: object) -> None:
    os._exit(9)


def test_styles_vary_and_are_pure() -> None:
    styles = [draw_style(3, f"story-{i:06d}") for i in range(200)]
    assert styles == [draw_style(3, f"story-{i:06d}") for i in range(200)]
    assert {style.voice for style in styles} == {voice for voice, _ in VOICES}
    assert len({style.words_per_minute for style in styles}) > 30
    assert len({style.pause for style in styles}) >= 3
    assert len({style.word_gap for style in styles}) >= 2
