"""A text's ids from those of its words: what the library gives, for every kind of tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, trainers

from lstdata import tokenizer as tokenizing
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.tokenizer.files import tokenizer_json
from lstdata.tokenizer.locality import is_word_local
from tests.test_tokenizer_files import LINES, MODELS, model, ranks
from tests.test_tokenizer_files import trained as sentencepiece_trained

LOCAL = ("fitted", "gpt2", "tiktoken", "bert", "unigram", "nmt", *MODELS)
OTHERS = ("crossing", "uncut", "joined", "uncuttable", "spaced", "dropping", "added")


def trained(model: Any, trainer: Any, cut: Any, normalizer: Any = None) -> bytes:
    tokenizer = tokenizers.Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if cut is not None:
        tokenizer.pre_tokenizer = cut
    tokenizer.train_from_iterator(LINES, trainer)
    return str(tokenizer.to_str()).encode()


def bpe(cut: Any, normalizer: Any = None, alphabet: str = "", **options: Any) -> bytes:
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False, min_frequency=2, initial_alphabet=list(alphabet))
    return trained(models.BPE(**options), trainer, cut, normalizer)


def added() -> bytes:
    tokenizer = tokenizers.Tokenizer.from_str(made("fitted").decode())
    tokenizer.add_tokens([tokenizers.AddedToken("old miller", normalized=False)])
    return str(tokenizer.to_str()).encode()


def wordpiece() -> bytes:
    trainer = trainers.WordPieceTrainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]"])
    return trained(models.WordPiece(unk_token="[UNK]"), trainer, pre_tokenizers.Whitespace(), normalizers.Lowercase())


def unigram() -> bytes:
    trainer = trainers.UnigramTrainer(vocab_size=100, show_progress=False, unk_token="<unk>")
    return trained(models.Unigram(), trainer, pre_tokenizers.WhitespaceSplit())


MADE: dict[str, Callable[[], bytes]] = {
    "fitted": lambda: fit_tokenizer(LINES, 400),
    "gpt2": lambda: bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFKC()),
    "tiktoken": lambda: tokenizer_json(ranks()[1], "ranks"),
    "bert": wordpiece,
    "unigram": unigram,
    "nmt": lambda: tokenizer_json(
        sentencepiece_trained(
            model_type="bpe", vocab_size=420, normalization_rule_name="nmt_nfkc_cf", remove_extra_whitespaces=False
        ),
        "nmt.model",
    ),
    **{name: partial(lambda name: tokenizer_json(model(name), f"{name}.model"), name) for name in MODELS},
    "crossing": lambda: bpe(None, normalizers.Replace(" ", "▁")),
    "joined": lambda: bpe(pre_tokenizers.Whitespace(), normalizers.Replace(" ", "")),
    "uncuttable": lambda: bpe(pre_tokenizers.WhitespaceSplit(), normalizers.Replace(" ", "▁")),
    "spaced": lambda: bpe(None, alphabet="▁"),
    "uncut": lambda: bpe(pre_tokenizers.ByteLevel(use_regex=False)),
    "dropping": lambda: bpe(pre_tokenizers.ByteLevel(), dropout=0.1),
    "added": added,
}


@cache
def made(name: str) -> bytes:
    return MADE[name]()


@cache
def tokenizer(name: str) -> TextTokenizer:
    return TextTokenizer.from_bytes(made(name))


odd = st.sampled_from(
    [
        "",
        " ",
        "´",
        "\u0301e",
        "e\u0301",
        "▁",
        "a▁b",
        "two words",
        "\u00a0",
        "x\u2003y",
        "日本",
        "<s>",
        "'s",
        "ﷺ",
        "a\u200bb",
        "\ufeffx",
        "\ufffd",
        "x\x7f",
    ]
)
words = st.lists(st.one_of(st.sampled_from(" ".join(LINES[:3]).split()), odd, st.text(max_size=6)), max_size=12)


@pytest.mark.parametrize("name", [*LOCAL, *(name for name in OTHERS if name != "dropping")])
@given(words=words)
@example(words=["a", " the", "the", " a"])
@example(words=["old", "miller"])
def test_words_give_the_ids_of_their_text(name: str, words: list[str]) -> None:
    coder = tokenizer(name)
    assert coder.encode_words(words) == coder.encode(" ".join(words))


@pytest.mark.parametrize("name", LOCAL)
def test_these_code_each_word_by_itself(name: str) -> None:
    assert is_word_local(made(name))


@pytest.mark.parametrize("name", OTHERS)
def test_these_do_not(name: str) -> None:
    assert not is_word_local(made(name))


def test_an_unknown_rule_of_cutting_or_normalising_is_not_trusted() -> None:
    tokenizer = json.loads(made("llama"))
    for part in ({"type": "Replace", "pattern": {"Regex": "e r"}, "content": "x"}, {"type": "Strip"}):
        assert not is_word_local(json.dumps(tokenizer | {"normalizer": part}).encode())
    cut = {"type": "Split", "pattern": {"Regex": r"\w+ \w+"}, "behavior": "Isolated", "invert": False}
    assert not is_word_local(json.dumps(tokenizer | {"pre_tokenizer": cut}).encode())


def test_the_words_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizing, "WORDS_KEPT", 4)
    coder = TextTokenizer.from_bytes(made("fitted"))
    text = " ".join(LINES[:3])
    for _ in range(2):
        assert coder.encode_words(text.split(" ")) == coder.encode(text)
        assert len(coder._later) <= 4
