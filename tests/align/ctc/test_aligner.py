from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.align import make_aligner
from lstdata.align.ctc import CtcAligner
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import Waveform
from tests.align.ctc.conftest import aligner_of
from tests.transcribe.tones import tone

BURST = 3200


def reason(aligner: CtcAligner, samples: Waveform, text: str, language: str | None = "en") -> str:
    with pytest.raises(Rejected) as caught:
        aligner.align(samples, text, language)
    return caught.value.reason


@pytest.mark.parametrize("letters", ["..AB...A..BB.", ".B..AB.A.B...", "A.B.", ".BA", "AAB.B...........A.."])
def test_words_are_where_their_tones_are_and_pauses_stay(aligner: CtcAligner, letters: str) -> None:
    bursts = [(word.start() * BURST, word.end() * BURST, word[0]) for word in re.finditer(r"[AB]+", letters)]
    text = " ".join(re.sub(r"(.)\1+", r"\1", word).lower() for _, _, word in bursts)
    alignment = aligner.align(tone(letters, BURST), text, "en")
    assert [word.text for word in alignment.words] == text.split()
    for word, (start, end, _) in zip(alignment.words, bursts, strict=True):
        assert word.start == pytest.approx(start, abs=1000)
        assert word.end == pytest.approx(end, abs=1000)
        assert word.score == pytest.approx(0, abs=0.05)
    assert alignment.aligner == "ctc" and alignment.score == pytest.approx(0, abs=0.05)


def test_characters_begin_with_their_tones(aligner: CtcAligner) -> None:
    [word] = aligner.align(tone("..ABA..", BURST), "«a-b-a»", "en").words
    assert word.characters is not None
    assert word.characters == pytest.approx([word.start] * 2 + [9600] * 2 + [12_800] * 2 + [word.end], abs=600)


def test_equal_letters_need_silence_between(aligner: CtcAligner) -> None:
    first, second = aligner.align(tone(".A..A.", BURST), "a a", "en").words
    assert first.end < 8000 < 11_000 < second.start


def test_a_noise_that_the_model_takes_for_a_letter_is_no_part_of_the_word(aligner: CtcAligner) -> None:
    first, second = aligner.align(tone(".A" + "B" * 40 + "..B.", BURST), "ab b", "en").words
    assert (first.start, first.end) == (pytest.approx(BURST, abs=1000), pytest.approx(2 * BURST + 8000, abs=1000))
    assert second.start == pytest.approx(44 * BURST, abs=1000)


def test_a_wildcard_takes_up_what_nobody_can_spell(aligner: CtcAligner) -> None:
    known, foreign, last = aligner.align(tone("..AB...BA...AB.", BURST), "ab 你 ab", "en").words
    assert (foreign.interpolated, foreign.characters, foreign.score) == (True, None, None)
    assert not known.interpolated and not last.interpolated
    assert foreign.start == pytest.approx(7 * BURST, abs=1000) and foreign.end == pytest.approx(9 * BURST, abs=1000)
    assert known.end == pytest.approx(4 * BURST, abs=1000) and last.start == pytest.approx(12 * BURST, abs=1000)


def test_what_is_not_spoken_is_empty_and_keeps_its_place(aligner: CtcAligner) -> None:
    words = aligner.align(tone("..AB...A..", BURST), "— ab [noise] a …", "en").words
    assert [word.text for word in words] == ["—", "ab", "[noise]", "a", "…"]
    assert [word.start == word.end for word in words] == [True, False, True, False, True]
    assert words[2].start == words[1].end and words[4].start == words[3].end


@pytest.mark.parametrize(
    ("samples", "text", "expected"),
    [
        (tone("..AB", BURST), "— [noise]", "no_speakable_words"),
        (tone("..AB", BURST), "hello", "out_of_vocabulary"),
        (tone("..AB", BURST), "ab " * 20, "transcript_too_long"),
        (tone("A", 399), "a", "transcript_too_long"),
        (tone("A", 0), "a", "transcript_too_long"),
        (tone("..AB", BURST) * np.float32(np.nan), "ab", "no_path"),
        (tone("AAAAAA.B", BURST), "abab a", "low_score"),
    ],
)
def test_what_cannot_be_aligned_says_why(tone_model: Path, samples: Waveform, text: str, expected: str) -> None:
    assert reason(aligner_of(tone_model), samples, text) == expected


def test_the_need_for_silence_between_equal_letters_is_part_of_the_length(aligner: CtcAligner) -> None:
    wave = tone("A", 400 + 320 * 3)
    assert len(aligner.align(wave, "ab ab", "de").words) == 2
    assert reason(aligner, wave, "aa a", "de") == "transcript_too_long"
    with pytest.raises(Rejected, match=r"3 letters, 2 of them equal to the one before, need at least 0\.10 s, but the"):
        aligner.align(wave, "aa a", "de")


def test_the_least_score_is_the_users(tone_model: Path) -> None:
    right, wrong = tone("..AB...A", BURST), tone("AAAAAA..", BURST)
    assert reason(aligner_of(tone_model, min_score=1.0), right, "ab a") == "low_score"
    loose = make_aligner("ctc", WordsConfig(model=str(tone_model), min_score=None)).align(wrong, "ab a", "en")
    assert loose.score is not None and loose.score < -2


def test_an_alignment_does_not_depend_on_what_was_aligned_before(aligner: CtcAligner, tone_model: Path) -> None:
    wave = tone("..AB...A", BURST)
    fresh = aligner_of(tone_model, min_score=None).align(wave, "ab a", "en")
    aligner.align(tone("BBA..A.AB", BURST), "ba 你 a ab", None)
    reason(aligner, wave[:300], "a")
    assert aligner.align(wave, "ab a", "en") == fresh


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "«ba»,", "B-a", "你", "—", "á"]), min_size=1, max_size=8), st.text("AB.")
)
@settings(deadline=None, max_examples=50)
def test_every_written_word_is_kept_in_order_and_inside(aligner: CtcAligner, words: list[str], letters: str) -> None:
    wave = tone(letters + "..", BURST)
    try:
        found = aligner.align(wave, " ".join(words), "de").words
    except Rejected as verdict:
        if verdict.reason not in ("no_speakable_words", "out_of_vocabulary", "transcript_too_long"):
            raise
        return
    assert [word.text for word in found] == words
    edges = [0, *(edge for word in found for edge in (word.start, word.end)), len(wave)]
    assert edges == sorted(edges)
    for word in found:
        if word.characters is not None:
            assert len(word.characters) == len(word.text)
            starts = [word.start, *word.characters, word.end]
            assert starts == sorted(starts)
