from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from lstdata.errors import ConfigError
from lstdata.storage import sha256_bytes
from lstdata.tokenizer import TextTokenizer, fit_tokenizer

STORIES = [
    f"{who} walked {how} to the {where}, because the {thing} wasn't there any more."
    for who in ("Anna", "Bruno", "Chloë", "the old miller")
    for how in ("slowly", "quickly", "all day")
    for where in ("harbour", "market", "station", "mill")
    for thing in ("bread", "boat", "train", "letter")
]

FIT = """
import random, sys
sys.path.insert(0, "tests")
from lstdata.tokenizer import fit_tokenizer
from lstdata.storage import sha256_bytes
texts = sys.stdin.read().splitlines()
random.Random(int(sys.argv[1])).shuffle(texts)
print(sha256_bytes(fit_tokenizer(texts, 600)))
"""


@pytest.fixture(scope="module")
def fitted() -> TextTokenizer:
    return TextTokenizer.from_bytes(fit_tokenizer(STORIES, 400))


def test_equal_texts_give_equal_bytes_whatever_the_process() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", FIT, str(order)],
            input="\n".join(STORIES * 5),
            env={
                **os.environ,
                "PYTHONHASHSEED": str(order),
                "TOKENIZERS_PARALLELISM": parallel,
                "RAYON_NUM_THREADS": threads,
            },
            cwd=Path(__file__).resolve().parents[1],
            text=True,
            capture_output=True,
            check=True,
        ).stdout
        for order, parallel, threads in [(0, "false", "1"), (1, "true", "1"), (2, "true", "4"), (3, "true", "7")]
    }
    assert len(hashes) == 1
    assert hashes == {sha256_bytes(fit_tokenizer(STORIES * 5, 600)) + "\n"}


def test_size_is_at_most_what_was_asked(fitted: TextTokenizer) -> None:
    assert 256 < fitted.size <= 400
    assert TextTokenizer.from_bytes(fit_tokenizer(["no pair here occurs"], 2000)).size < 300
    assert TextTokenizer.from_bytes(fit_tokenizer([], 2000)).size == 256


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_text_survives(fitted: TextTokenizer, text: str) -> None:
    import unicodedata

    expected = unicodedata.normalize("NFC", text)
    assert fitted.decode(fitted.encode(text)) in (expected, f" {expected}")
    assert all(0 <= i < fitted.size for i in fitted.encode(text))


def test_a_word_looks_the_same_wherever_a_span_begins(fitted: TextTokenizer) -> None:
    words = STORIES[0].split()
    for at in range(1, len(words)):
        halves = fitted.encode(" ".join(words[:at])) + fitted.encode(" ".join(words[at:]))
        assert halves == fitted.encode(" ".join(words))


def test_pieces_begin_where_they_are_spelt(fitted: TextTokenizer) -> None:
    """In characters, not bytes; a piece that holds a space begins with it."""
    text = "the miller żółw 日本"
    starts = fitted.piece_starts(text)
    assert len(starts) == len(fitted.encode(text)) and starts == sorted(starts)
    ends = [*starts[1:], len(text)]
    pieces = [fitted.decode([id]) for id in fitted.encode(text)]
    spelt = [(piece, text[start:end]) for piece, start, end in zip(pieces, starts, ends, strict=True)]
    assert all(piece.strip() == part.strip() for piece, part in spelt if "�" not in piece), spelt
    assert starts[-1] >= text.index("日")


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_each_id_is_spelt_by_what_it_adds(fitted: TextTokenizer, text: str) -> None:
    ids = fitted.encode(text)
    pieces = fitted.pieces(ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == fitted.decode(ids)


def test_a_character_is_complete_with_its_last_byte(fitted: TextTokenizer) -> None:
    assert fitted.pieces(fitted.encode("mill 日")) == [" mill", " ", "", "", "日"]


def test_a_fitted_tokenizer_has_no_specials(fitted: TextTokenizer) -> None:
    assert (fitted.bos, fitted.eos) == (None, None)


def word_level(specials: list[str]) -> TextTokenizer:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(specials)
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(2)
    return TextTokenizer.from_bytes(tokenizer.to_str().encode())


def test_own_bos_and_eos_are_found() -> None:
    assert (word_level(["<s>", "</s>"]).bos, word_level(["<s>", "</s>"]).eos) == (3, 4)
    assert (word_level(["<|endoftext|>"]).bos, word_level(["<|endoftext|>"]).eos) == (None, 3)
    assert word_level(["<s>"]).size == 4


def test_a_transcript_cannot_spell_a_special_token() -> None:
    tokenizer = word_level(["<s>", "</s>"])
    assert not {3, 4} & set(tokenizer.encode("a </s> b"))


def test_padding_and_truncation_of_the_file_are_off() -> None:
    assert word_level([]).encode("a b a b") == [0, 1, 0, 1]


def test_the_hash_is_of_the_files_bytes(tmp_path: Path) -> None:
    data = fit_tokenizer(STORIES[:3], 300)
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    assert TextTokenizer.read(str(path)).sha256 == sha256_bytes(data)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    for data in (b"{}", b"\xff", b"", b'{"model": {"type": "BPE", "vocab": {}, "merges": []}}'):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=r"mine\.json"):
            TextTokenizer.read(str(path))
    with pytest.raises(ConfigError, match=r"absent\.json"):
        TextTokenizer.read(str(tmp_path / "absent.json"))
