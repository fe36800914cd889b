"""Tokenizers of other makers: the same ids as their own libraries give."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import sentencepiece
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.tokenizer import TextTokenizer
from lstdata.tokenizer.files import tokenizer_json
from lstdata.tokenizer.ranks import PATTERN

LINES = [
    "the old miller saw seven grey geese above the river",
    "and so he went home early to tell his sister: 'geese!'",
    "Żółw, 日本 and 1,234 miles\tof road -- don't",
] * 40

MODELS = {
    "llama": {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "pad_id": -1},
    "bpe": {"model_type": "bpe"},
    "spaces": {
        "model_type": "bpe",
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "split_digits": True,
    },
    "bare": {"model_type": "bpe", "add_dummy_prefix": False},
}


@cache
def model(name: str) -> bytes:
    made = io.BytesIO()
    options = {"vocab_size": 420, "hard_vocab_limit": False, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=made, character_coverage=1.0, **options, **MODELS[name]
    )
    return made.getvalue()


@cache
def both(name: str) -> tuple[Any, TextTokenizer]:
    original = sentencepiece.SentencePieceProcessor(model_proto=model(name))
    return original, TextTokenizer.from_bytes(tokenizer_json(model(name), f"{name}.model"))


known = st.lists(st.sampled_from([*" ".join(LINES[:3]), *LINES[0].split(), "  ", "<s>", "▁"])).map("".join)


@pytest.mark.parametrize("name", MODELS)
@given(text=st.one_of(known, st.text()))
@example("▁")
@example("▁t")
@example(" \n")
@example("\x85")
def test_a_sentencepiece_model_gives_its_own_ids(name: str, text: str) -> None:
    original, made = both(name)
    assert made.encode(text) == original.encode(text)


def test_spaces_between_pieces_of_sentencepiece_are_kept() -> None:
    """Its decoder leaves out the space at the beginning of a text, and only there."""
    tokenizer = both("llama")[1]
    pieces = tokenizer.pieces(tokenizer.encode("the old miller"))
    assert "".join(pieces) == "the old miller"


@pytest.mark.parametrize("name", MODELS)
def test_its_size_and_its_bos_and_eos_are_known(name: str) -> None:
    original, made = both(name)
    assert (made.size, made.bos, made.eos) == (original.vocab_size(), original.bos_id(), original.eos_id())
    assert made.decode(made.encode(LINES[0])) == LINES[0]


@cache
def ranks() -> tuple[Any, bytes]:
    pieces = [bytes([byte]) for byte in range(256)]
    for line in LINES[:3]:
        for word in f" {line}".split(" "):
            spelt = f" {word}".encode()
            pieces += [p for end in range(2, len(spelt) + 1) if (p := spelt[:end]) not in pieces]
    numbered = {piece: number for number, piece in enumerate(pieces)}
    lines = b"".join(base64.b64encode(piece) + b" %d\n" % number for piece, number in numbered.items())
    return tiktoken.Encoding("t", pat_str=PATTERN, mergeable_ranks=numbered, special_tokens={}), lines


@given(text=st.one_of(known, st.text()))
def test_ranks_give_the_ids_of_tiktoken(text: str) -> None:
    original, lines = ranks()
    made = TextTokenizer.from_bytes(tokenizer_json(lines, "tokenizer.model"))
    assert made.encode(text) == original.encode_ordinary(text)
    assert (made.size, made.bos, made.eos) == (original.n_vocab, None, None)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: lines + b"dGhl\n", "line 3.., must be a piece in base64 and its rank"),
        (lambda lines: lines + b"dGhl 5\n", "a rank of its own"),
        (lambda lines: lines.replace(b"QQ== 65\n", b"enp6eg== 65\n"), "every byte as a piece, but lacks 0x41"),
        (lambda lines: lines + b"enp6eg== %d\n" % lines.count(b"\n"), "b'zzzz' cannot be made of those of lower rank"),
    ],
)
def test_damaged_ranks_are_refused(spoil: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(ConfigError, match=f"`t.model`.*{said}"):
        tokenizer_json(spoil(ranks()[1]), "t.model")


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"nothing of the kind", model("llama")[:200]])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"`x\.model` is neither a tokenizer\.json nor a SentencePiece model nor"):
        tokenizer_json(data, "x.model")


def trained(**options: Any) -> bytes:
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=made, hard_vocab_limit=False, minloglevel=2, **options
    )
    return made.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model_type": "unigram", "vocab_size": 100}, "of type bpe"),
        ({"model_type": "bpe", "vocab_size": 100, "user_defined_symbols": ["geese"]}, "such as users define"),
        ({"model_type": "bpe", "vocab_size": 100, "treat_whitespace_as_suffix": True}, "spaces at the ends of words"),
    ],
)
def test_what_cannot_be_expressed_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"`x.model`.*{said}"):
        tokenizer_json(trained(**options), "x.model")


def test_a_text_that_would_get_other_ids_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.tokenizer.spm._merges", lambda scores: [])
    with pytest.raises(ConfigError, match=r"cannot be expressed as a tokenizer\.json: 'the geese' must be"):
        tokenizer_json(model("llama"), "x.model", ["", "the geese"])
