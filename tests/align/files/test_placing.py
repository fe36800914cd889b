from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.align.files.matching import letters_of
from lstdata.align.files.placing import transcript_words
from lstdata.align.files.timing import Span
from lstdata.errors import Rejected
from lstdata.records import Alignment
from tests.align.files.writing import Times, ctm, files_at, guesses, record, spans, verdict

MILLISECOND = 16


def aligned(text: str, *times: tuple[str, int, int], samples: int = 160_000) -> Alignment:
    """The transcript's words for entries with times in milliseconds."""
    entries = [Span(word, start * MILLISECOND, end * MILLISECOND) for word, start, end in times]
    return Alignment(words=transcript_words(text, entries, samples), aligner="files")


def refused(text: str, *times: tuple[str, int, int]) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        aligned(text, *times)
    return caught.value.reason, caught.value.detail


def test_the_words_are_the_transcripts_as_written() -> None:
    alignment = aligned(
        "“Hello,” said Ænone O'Brien.", ("HELLO", 0, 1), ("said", 2, 3), ("aenone", 3, 4), ("obrien", 5, 6)
    )
    assert spans(alignment) == [("“Hello,”", 0, 1), ("said", 2, 3), ("Ænone", 3, 4), ("O'Brien.", 5, 6)]
    assert guesses(alignment) == []


@pytest.mark.parametrize("spoken", ["twenty five", "twenty-five", "25"])
def test_a_number_may_be_spoken_in_several_words(spoken: str) -> None:
    pieces = spoken.split()
    times = [(piece, 100 * i, 100 * i + 80) for i, piece in enumerate(pieces, 1)]
    alignment = aligned("at 25 degrees", ("at", 0, 90), *times, ("degrees", 500, 900))
    assert spans(alignment) == [("at", 0, 90), ("25", 100, times[-1][2]), ("degrees", 500, 900)]
    assert guesses(alignment) == []


def test_a_word_of_one_side_may_be_several_of_the_other() -> None:
    alignment = aligned("woodcutters live in the wood", ("wood", 0, 40), ("cutters", 50, 90), ("live", 100, 200),
                        ("inthe", 200, 300), ("wood", 300, 400))  # fmt: skip
    assert spans(alignment) == [
        ("woodcutters", 0, 90),
        ("live", 100, 200),
        ("in", 200, 240),
        ("the", 240, 300),
        ("wood", 300, 400),
    ]
    assert guesses(alignment) == []


def test_an_entry_of_several_words_is_divided_by_letters() -> None:
    alignment = aligned("say in the end", ("say", 0, 100), ("in the", 100, 200), ("end", 200, 300))
    assert spans(alignment)[1:3] == [("in", 100, 140), ("the", 140, 200)]


def test_what_is_alike_takes_the_whole_of_the_files_word() -> None:
    alignment = aligned("the colour disappears", ("the", 0, 10), ("kolor", 20, 70), ("disappears", 80, 90))
    assert spans(alignment) == [("the", 0, 10), ("colour", 20, 70), ("disappears", 80, 90)]


def test_less_than_half_of_a_word_is_no_finding() -> None:
    alignment = aligned("everything considered nightingale notwithstanding", ("everything", 0, 10),
                        ("considered", 10, 20), ("gale", 30, 40), ("notwithstanding", 50, 60))  # fmt: skip
    assert spans(alignment)[2] == ("nightingale", 30, 40)
    assert guesses(alignment) == ["nightingale"]


@pytest.mark.parametrize(("written", "spoken", "is_found"), [("I'm", "i am", True), ("it", "zzzzi", False)])
def test_a_single_letter_is_chance_unless_there_are_few(written: str, spoken: str, is_found: bool) -> None:
    alignment = aligned(
        f"everything {written} considered", ("everything", 0, 100), (spoken, 200, 300), ("considered", 300, 400)
    )
    assert spans(alignment)[1] == (written, 200, 300)
    assert guesses(alignment) == ([] if is_found else [written])


def test_spellings_are_taken_as_they_are() -> None:
    assert letters_of(["RSVP", "sooo", "x-ray", "don't"]).tokens == ("rsvp", "sooo", "x", "ray", "dont")


def test_a_word_that_the_file_lacks_lies_between_its_neighbours() -> None:
    words = "everything considered um I would rather stay outside tonight"
    times = [(word, 100 * i, 100 * i + 50) for i, word in enumerate(words.split())]
    alignment = aligned(words, *(t for t in times if t[0] not in ("um", "I")))
    assert spans(alignment)[1:5] == [("considered", 100, 150), ("um", 150, 317), ("I", 317, 400), ("would", 400, 450)]
    assert guesses(alignment) == ["um", "I"]


def test_a_word_that_the_file_has_another_for_lies_there() -> None:
    times = [("everything", 0, 100), ("zzz", 300, 400), ("considered", 900, 1000)]
    alignment = aligned("everything um considered", *times)
    assert spans(alignment)[1] == ("um", 300, 400)
    assert guesses(alignment) == ["um"]


def test_words_lacking_at_an_end_are_near_the_words_that_are_there() -> None:
    alignment = aligned("so everything considered ok", ("everything", 5000, 5500), ("considered", 5500, 6000))
    assert spans(alignment)[0] == ("so", 4800, 5000)
    assert spans(alignment)[-1] == ("ok", 6000, 6200)


def test_unknown_speech_is_the_words_that_stand_there() -> None:
    text = "the first printed edition of Mr. Fust and of everybody else at that time"
    times = [(word, 100 * i, 100 * i + 90) for i, word in enumerate(text.split())]
    alignment = aligned(text, *(("<unk>" if word in ("Fust", "the") else word, a, b) for word, a, b in times))
    assert spans(alignment) == times
    assert guesses(alignment) == []
    several = aligned(
        text, *(("<unk>" if word in ("Mr.", "Fust") else word, a, b) for word, a, b in times[:5] + times[6:])
    )
    assert spans(several)[5:7] == [("Mr.", 600, 654), ("Fust", 654, 690)]
    assert guesses(several) == ["Mr.", "Fust"]


def test_what_is_not_spoken_is_empty_after_the_word_before() -> None:
    alignment = aligned("— yes [laughter] he — did", ("yes", 100, 200), ("he", 300, 400), ("did", 500, 600))
    assert spans(alignment) == [
        ("—", 0, 0),
        ("yes", 100, 200),
        ("[laughter]", 200, 200),
        ("he", 300, 400),
        ("—", 400, 400),
        ("did", 500, 600),
    ]
    assert guesses(alignment) == []


def test_scripts_without_spaces_are_matched_by_their_characters() -> None:
    alignment = aligned("今天天气很好。", *((c, 100 * i, 100 * i + 100) for i, c in enumerate("今天天气很好")))
    assert spans(alignment) == [("今天天气很好。", 0, 600)]


def test_another_text_is_a_mismatch() -> None:
    times = [("he", 0, 100), ("went", 100, 200), ("home", 200, 300), ("early", 300, 400)]
    assert refused("the miller saw seven geese", *times)[0] == "transcript_mismatch"
    assert refused("he went", *times, ("to", 400, 500), ("tell", 500, 600), ("his", 600, 700)) == (
        "transcript_mismatch",
        "at least 50% of the file's letters must be in the transcript, but 25.0 % are.",
    )
    assert refused("— ... [noise]", *times)[0] == "no_speakable_words"


def test_what_cannot_be_matched_in_reasonable_time_is_declined() -> None:
    assert refused("a " * 5000, *(("a", 0, 0) for _ in range(5000)))[0] == "transcript_too_long"


def test_the_share_that_matches_is_said(tmp_path: Path) -> None:
    files = files_at(tmp_path, {"a.ctm": ctm("a", [("yes", 0.0, 0.5)])})
    assert verdict(files, record(text="yes indeed")) == (
        "transcript_mismatch",
        "line 1 of `a.ctm`: at least 80% of the transcript's letters must be in the file, but 33.3 % are.",
    )


WORD = st.text(st.sampled_from("abcdeèß'25—.,"), min_size=1, max_size=6)


@settings(deadline=None)
@given(
    st.lists(WORD, min_size=1, max_size=12),
    st.lists(st.tuples(WORD, st.integers(0, 3), st.integers(0, 300)), max_size=12),
    st.booleans(),
)
def test_all_written_words_come_back_in_order(words: list[str], others: list[tuple[str, int, int]], same: bool) -> None:
    text, at = " ".join(words), 0
    entries = []
    for word, gap, length in [(w, 1, 100) for w in words] if same else others:
        entries.append(Span(word, at + gap, at + gap + length))
        at += gap + length
    samples = at + 50
    try:
        placed = transcript_words(text, entries, samples)
    except Rejected as error:
        assert error.reason in ("transcript_mismatch", "no_speakable_words")  # noqa: PT017
        return
    assert [word.text for word in placed] == text.split()
    edges = [edge for word in placed for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0 and edges[-1] <= samples
    if same:
        assert not any(word.interpolated for word in placed)
        assert [(w.start, w.end) for w in placed if w.end > w.start] == [
            (span.start, span.end) for span, word in zip(entries, placed, strict=True) if word.end > word.start
        ]


def test_both_sides_of_a_recording_may_be_long(tmp_path: Path) -> None:
    words = ("the old miller saw seven grey geese above the river and so he went home " * 300).split()
    times: Times = [(word, 0.2 * i, 0.2 * i + 0.1) for i, word in enumerate(words)]
    files = files_at(
        tmp_path, {"a.json": json.dumps({"words": [{"word": w, "start": s, "end": e} for w, s, e in times]})}
    )
    alignment = files.align(record(text=" ".join(words[1:]).title()), 16_000 * 2000)
    assert [round(word.start / 16_000, 3) for word in alignment.words] == [round(start, 3) for _, start, _ in times[1:]]
