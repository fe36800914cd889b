from __future__ import annotations

import base64
import re
from pathlib import Path

from lstdata.reproduce.measured import measure
from lstdata.reproduce.page import render
from lstdata.reproduce.results import read_reproduction
from lstdata.reproduce.sounds import sounds
from lstdata.reproduce.telling import tell
from tests.report.parsed import Page
from tests.reproduce.folders import answer, synthesised, write_recipe, write_run


def page(out: Path) -> str:
    found = read_reproduction(out)
    return render(tell(found, measure(found)), [], sounds(found.tts))


def test_all_that_comes_from_data_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    write_recipe(tmp_path, ("base", evil), search=[evil], changed=[f"`arms` 1 → {evil}"])
    answer(write_run(tmp_path, "base"), {"s-s": [True, False]}, name="a&b<i>")
    synthesised(tmp_path, "base", 0, 8, [evil])
    html = page(tmp_path)
    parsed = Page(html)
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "i")]
    assert f"Not as that recipe is written: arms 1 → {evil}." in parsed.text
    assert evil in parsed.text and evil.upper() in parsed.text and "a&b<i>" in parsed.text
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html), "it needs nothing else"


def test_five_sentences_are_heard_and_their_vocoder_is_said(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base", "static-4"))
    for arm in ("base", "static-4"):
        synthesised(tmp_path, arm, 0, 8, [f"Sentence {number}." for number in range(7)])
    parsed = Page(page(tmp_path))
    sources = [given["src"] or "" for tag, given in parsed.tags if tag == "audio"]
    assert len(sources) == 2 * 5
    mp3 = base64.b64decode(sources[0].removeprefix("data:audio/mpeg;base64,"))
    assert 3000 < len(mp3) < 10_000, "a second at 40 kbit/s"
    assert "their sound is that of the resynthesis by centroids." in parsed.text
    assert "recognised: SENTENCE 4." in parsed.text and "Sentence 5." not in parsed.text


def test_without_a_vocoder_the_sentences_are_silent(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("base",))
    synthesised(tmp_path, "base", 0, 8, ["A tone."], vocoder=None)
    for wav in tmp_path.rglob("*.wav"):
        wav.unlink()
    parsed = Page(page(tmp_path))
    assert "no sound: no vocoder" in parsed.text and not [tag for tag, _ in parsed.tags if tag == "audio"]
