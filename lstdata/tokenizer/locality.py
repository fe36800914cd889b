"""Whether a tokenizer codes each word of a text by itself: then the ids of a span are those of its words in a row."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from lstdata.tokenizer.ranks import PATTERN

Part = Mapping[str, Any]
"""A part of a `tokenizer.json`."""

_SPELLINGS: Final = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")
"""Normalizers that make no spaces, nor take any, but of characters that `is_one_word` refuses."""

_SPACES_AS_PIECES: Final = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
_SPM: Final[tuple[Part, ...]] = (
    _SPACES_AS_PIECES,
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    {"type": "Replace", "pattern": {"Regex": r"\A "}, "content": ""},
    {"type": "Replace", "pattern": {"Regex": r"▁+\z"}, "content": ""},
    {"type": "Prepend", "prepend": "▁"},
)
"""What SentencePiece does to spaces, and what Llama's own `tokenizer.json` does."""

_SPLITS_AT_SPACES: Final = ("Whitespace", "WhitespaceSplit", "BertPreTokenizer")
_CROSSING: Final = re.compile("[^▁]▁")


def is_word_local(data: bytes) -> bool:
    """Whether no piece can hold letters of two words, nor depend on another word, in words with one space between.

    So it is where text is cut before each space ahead of all else, as by GPT-2's, Llama 3's and BERT's rules; and in
    byte-pair models that cut nothing, as Llama 2's, where no piece has a space behind anything but a space: pairs that
    make no piece are never merged. False where that is not known.
    """
    tokenizer = json.loads(data)
    model = tokenizer["model"]
    if model.get("dropout") or any(not token.get("special") for token in tokenizer.get("added_tokens") or ()):
        return False
    spelling = _parts(tokenizer.get("normalizer"), "normalizers")
    cuts = _parts(tokenizer.get("pre_tokenizer"), "pretokenizers")
    if cuts:
        return _cuts_at_spaces(cuts[0]) and all(part["type"] in _SPELLINGS for part in spelling)
    plain = all(part["type"] in (*_SPELLINGS, "Precompiled") or part in _SPM for part in spelling)
    return plain and _SPACES_AS_PIECES in spelling and _never_crosses(model)


def is_one_word(text: str) -> bool:
    """Whether a text is one word however it is normalised, and nothing of it can join a space before it.

    Characters that cannot be seen, and the one that stands for a damaged one, become spaces in some models.
    """
    normal = unicodedata.normalize("NFKC", text)
    kinds = [unicodedata.category(letter)[0] for letter in text + normal]
    return (
        normal.split() == [normal]
        and not {"C", "Z"}.intersection(kinds)
        and not {"▁", "\ufffd"}.intersection(text + normal)
        and unicodedata.category(normal[0])[0] != "M"
    )


def _parts(part: Part | None, name: str) -> list[Part]:
    if part is None:
        return []
    return [inner for each in part[name] for inner in _parts(each, name)] if part["type"] == "Sequence" else [part]


def _cuts_at_spaces(part: Part) -> bool:
    match part["type"]:
        case "ByteLevel":
            return bool(part.get("use_regex", True))
        case "Split":
            return part["pattern"] == {"Regex": PATTERN} and part["behavior"] == "Isolated" and not part.get("invert")
        case other:
            return other in _SPLITS_AT_SPACES


def _never_crosses(model: Part) -> bool:
    vocabulary = model.get("vocab", {})
    return (
        model.get("type") == "BPE"
        and "▁" in vocabulary
        and not model.get("continuing_subword_prefix")
        and not model.get("end_of_word_suffix")
        and not any(map(_CROSSING.search, vocabulary))
    )
