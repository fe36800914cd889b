from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from lstdata.align import Aligner, make_aligner
from lstdata.align.sphinx import pcm16
from lstdata.audio import read
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import Waveform

SILENCE = np.zeros(32_000, dtype=np.float32)
MISLABELLED = "arctic_a0024"
"""The transcript is that of another sentence."""


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return make_aligner("sphinx", WordsConfig())


def clip(speech: Path, name: str) -> tuple[Waveform, str]:
    audio = next(p for p in sorted((speech / "english").glob(f"{name}.*")) if p.suffix != ".txt")
    return read(str(audio)).samples, (speech / "english" / f"{name}.txt").read_text(encoding="utf-8").strip()


def reason(aligner: Aligner, samples: Waveform, text: str, language: str | None = None) -> str:
    with pytest.raises(Rejected) as caught:
        aligner.align(samples, text, language)
    return caught.value.reason


@pytest.mark.parametrize("language", ["en-GB", "eng", "English", "Singaporean English"])
def test_english_is_known_by_its_names(aligner: Aligner, language: str) -> None:
    assert reason(aligner, SILENCE, "hello 你好", language) == "out_of_vocabulary"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("— ... [noise] <unk>", None, "no_speakable_words"),
        ("hello there", "de-DE", "language_unsupported"),
        ("привет тебе hi", None, "language_unsupported"),
        ("er trinkt jeden morgen schwarzen kaffee", None, "language_unsupported"),
        ("hello 你好", "en", "out_of_vocabulary"),
        ("supercalifragilistic " * 10, "en_GB", "transcript_too_long"),
    ],
)
def test_what_cannot_be_aligned_is_declined_before_decoding(
    aligner: Aligner, text: str, language: str | None, expected: str
) -> None:
    assert reason(aligner, SILENCE, text, language) == expected


def test_the_unpronounceable_word_is_named_as_written(aligner: Aligner) -> None:
    with pytest.raises(Rejected, match="'«你好»'"):
        aligner.align(SILENCE, "hello «你好»", "English")


def test_audio_too_short_for_a_path(aligner: Aligner) -> None:
    assert reason(aligner, SILENCE[:0], "in", "en") == "transcript_too_long"
    assert reason(aligner, SILENCE[:959], "in", "en") == "transcript_too_long"
    assert reason(aligner, SILENCE[:960], "in", "en") == "no_path"
    assert reason(aligner, SILENCE[:1600], "in", "en") == "low_score"


def test_pcm_is_rounded_and_clipped_never_wrapped() -> None:
    wave = np.array([0, 1, -1, 1.5, -2, 0.5 / 32768, 1.5 / 32768, -0.9 / 32768, np.nan], dtype=np.float32)
    assert np.frombuffer(pcm16(wave), "<i2").tolist() == [0, 32767, -32768, 32767, -32768, 0, 2, -1, 0]


def test_every_written_word_is_kept_in_order_and_in_its_place(aligner: Aligner, speech: Path) -> None:
    samples, text = clip(speech, "LJ001-0007")
    text = "— " + text.replace("Gutenberg, or", "Gutenberg, — [breath] or") + " …"
    alignment = aligner.align(samples, text, None)
    assert [w.text for w in alignment.words] == text.split()
    edges = [edge for w in alignment.words for edge in (w.start, w.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(samples)
    empty = {w.text for w in alignment.words if w.start == w.end}
    assert empty == {"—", "[breath]", "…"} == {w.text for w in alignment.words if w.score is None}
    assert alignment.score is not None
    assert -7.25 <= alignment.score < 0


def test_an_alignment_does_not_depend_on_what_was_aligned_before(aligner: Aligner, speech: Path) -> None:
    names = ["LJ001-0003", "LJ001-0024", "cold_corpus_24bit", "mary", "LJ002-0020"]
    clips = {name: clip(speech, name) for name in names}
    fresh = {name: make_aligner("sphinx", WordsConfig()).align(*clips[name], None) for name in names}
    reason(aligner, SILENCE[:960], "in", "en")
    for name in [*reversed(names), *names]:
        assert aligner.align(*clips[name], None) == fresh[name]


def test_words_taught_before_do_not_become_parts_of_compounds(aligner: Aligner) -> None:
    taught, fresh = (
        make_aligner("sphinx", WordsConfig(min_score=None)),
        make_aligner("sphinx", WordsConfig(min_score=None)),
    )
    taught.align(SILENCE, "snorfel blatting", "en")
    assert taught.align(SILENCE, "snorfelblatting", "en") == fresh.align(SILENCE, "snorfelblatting", "en")


def test_a_swapped_transcript_is_rejected_by_its_score(aligner: Aligner, speech: Path) -> None:
    (one, text), (two, other) = clip(speech, "LJ001-0006"), clip(speech, "LJ001-0016")
    assert {reason(aligner, one, other), reason(aligner, two, text)} <= {"low_score", "no_path"}
    kept = make_aligner("sphinx", WordsConfig(min_score=None)).align(one, other, None)
    assert kept.score is not None
    assert kept.score < -7.25


def test_word_starts_agree_with_the_reference(aligner: Aligner, speech: Path) -> None:
    import json

    differences: list[float] = []
    for name in ("LJ001-0002", "LJ001-0003", "LJ001-0008", "LJ001-0013", "LJ001-0022"):
        words = aligner.align(*clip(speech, name), None).words
        reference = json.loads((speech / "words" / f"{name}.json").read_text())["words"]
        assert len(words) == len(reference)
        differences += [w.start / 16_000 - r["start"] for w, r in zip(words, reference, strict=True)]
    assert np.median(np.abs(differences)) <= 0.020
    assert np.quantile(np.abs(differences), 0.9) <= 0.045
    assert abs(np.median(differences)) <= 0.005


@pytest.mark.slow
def test_the_recordings_align_all_but_the_mislabelled_one(aligner: Aligner, speech: Path) -> None:
    rejected = {}
    for transcript in sorted((speech / "english").glob("*.txt")):
        samples, text = clip(speech, transcript.stem)
        try:
            assert len(aligner.align(samples, text, None).words) == len(text.split())
        except Rejected as verdict:
            rejected[transcript.stem] = verdict.reason
    assert rejected == {MISLABELLED: "low_score"}


@pytest.mark.slow
def test_other_languages_are_declined(aligner: Aligner, speech: Path) -> None:
    for transcript in sorted((speech / "other-languages").glob("*.txt")):
        text = transcript.read_text(encoding="utf-8")
        assert reason(aligner, SILENCE, text) in ("language_unsupported",), transcript.name


@pytest.mark.slow
def test_transcripts_of_other_recordings_are_told_by_their_score(aligner: Aligner, speech: Path) -> None:
    """At the default threshold, with each clip's text swapped with that of the next in length."""
    clips = [clip(speech, path.stem) for path in sorted((speech / "english").glob("*.txt")) if path.stem != MISLABELLED]
    clips.sort(key=lambda one: (len(one[0]), one[1]))

    def is_kept(samples: Waveform, text: str) -> bool:
        try:
            return aligner.align(samples, text, "en").score is not None
        except Rejected:
            return False

    swapped = [is_kept(one, text) for (one, own), (_, text) in itertools.pairwise(clips) if text != own]
    assert sum(swapped) <= 0.05 * len(swapped) and len(clips) == 66
