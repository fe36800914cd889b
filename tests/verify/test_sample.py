"""The invariants of one sample, on literals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import drawn_spans
from lstdata.patching import utterance_patches
from lstdata.records import Sample
from lstdata.shards import StoredSample, stored_strategies
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.verify.run import Run
from lstdata.verify.sample import sample_mistakes
from lstdata.vocab import VocabCard

TOKENIZER = fit_tokenizer(["seven grey geese", "seven grey geese"], 300)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = UPath(tmp_path_factory.mktemp("run"))
    (out / "tokenizer.json").write_bytes(TOKENIZER)
    tokenizer = TextTokenizer.from_bytes(TOKENIZER)
    card = VocabCard(
        text_size=tokenizer.size,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_bos=None,
        tokenizer_eos=None,
        units=10,
        codebook_sha256="0",
    )
    return Run(
        out=out,
        source_fingerprint="",
        stages={},
        patching=PatchingConfig(),
        interleave=InterleaveConfig(),
        audio=None,
        compute_class="",
        mixed_compute=False,
        totals={},
        card=card,
    )


def utterance(**changes: Any) -> StoredSample:
    """Eight frames, `a` on the first two and `bc` on three after them."""
    sample = Sample(
        key="k",
        id="i",
        split="train",
        samples=8 * 640,
        units=np.arange(8, dtype=np.uint16),
        activity=np.array([True, True, False, True, True, True, False, False]),
        text="a bc",
        words=("a", "bc"),
        word_frames=np.array([[0, 2], [3, 6]]),
        character_frames=((0,), (3, 5)),
        piece_frames=np.array([5]),
    )
    sample = replace(sample, **changes)
    patches = {name: utterance_patches(name, sample, PatchingConfig()) for name in stored_strategies(sample)}
    drawn = drawn_spans(sample, TextTokenizer.from_bytes(TOKENIZER), interleave=InterleaveConfig())
    return StoredSample(sample, patches, drawn)


def document(text: str, tokens: list[int]) -> StoredSample:
    empty = np.zeros(0, np.uint16)
    sample = Sample(
        key="k",
        id="i",
        split="train",
        samples=0,
        units=empty,
        activity=empty.astype(np.bool_),
        text=text,
        words=None,
        word_frames=None,
        tokens=np.array(tokens, np.uint16),
    )
    return StoredSample(sample, {}, ())


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({}, None),
        ({"character_frames": ((0,), None), "piece_frames": np.zeros(0, np.int64)}, None),
        ({"character_frames": ((0,), (3,)), "piece_frames": np.array([3])}, "of `bc` are not one for each character"),
        ({"character_frames": ((0,), (5, 3))}, "of `bc` are not one for each character, in order"),
        ({"character_frames": ((0,), (2, 5))}, "of `bc` are not inside the word"),
        ({"character_frames": ((0,), (5, 7))}, "of `bc` are not inside the word"),
        ({"piece_frames": np.array([4])}, "the times of its pieces are not those of characters"),
        ({"piece_frames": np.array([5, 3])}, "the times of its pieces are not those of characters, in order"),
        ({"piece_frames": None}, "times of pieces and of characters do not come together"),
        ({"interpolated": (1, 0)}, "the interpolated words"),
        ({"interpolated": (0, 1)}, None),
        ({"word_scores": (1.0,)}, "there are 1 word scores of 2 words"),
        ({"units": np.full(8, 10, np.uint16)}, "unit 10 is not below the 10 clusters"),
        ({"hop": 320}, "its hop is 320, but the vocab card's is 640"),
        ({"key": "a/b"}, "its key must be of a-z, 0-9, _ and -, but is 'a/b'"),
        ({"split": "test"}, "its split is test, but the shard's is train"),
    ],
)
def test_what_an_utterance_must_be(checked: Run, changes: dict[str, Any], mistake: str | None) -> None:
    found = list(sample_mistakes(checked, "train", utterance(**changes)))
    if mistake is None:
        assert found == []
    else:
        (line,) = found
        assert mistake in line


def test_what_a_document_of_text_must_be(checked: Run) -> None:
    tokens = TextTokenizer.from_bytes(TOKENIZER).encode("seven geese")
    assert list(sample_mistakes(checked, "train", document("seven geese", tokens))) == []
    for text, wrong, mistake in (
        ("seven geese", tokens[1:], "its tokens are not those of its text."),
        ("seven grey", tokens, "its tokens are not those of its text."),
        ("seven geese", [*tokens, 9999], "token 9999 is not below the"),
    ):
        (line,) = sample_mistakes(checked, "train", document(text, wrong))
        assert line.startswith(mistake)


@given(st.lists(st.lists(st.integers(0, 8), max_size=3), min_size=2, max_size=2))
def test_character_times_are_right_together_where_each_word_s_are(checked: Run, times: list[list[int]]) -> None:
    """All words are looked at at once first."""
    words, frames = ("a", "bc"), ((0, 2), (3, 6))
    right = all(
        len(begins) == len(word) and begins == sorted(begins) and all(start <= b <= end for b in begins)
        for word, begins, (start, end) in zip(words, times, frames, strict=True)
    )
    stored = utterance(character_frames=tuple(map(tuple, times)), piece_frames=np.zeros(0, np.int64))
    assert (list(sample_mistakes(checked, "train", stored)) == []) == right
