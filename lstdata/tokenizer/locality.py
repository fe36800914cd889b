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

_NORMALIZERS: Final = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Prepend", "Precompiled")
_REPLACED: Final = ({"String": " "}, {"Regex": " {2,}"}, {"Regex": r"\A "}, {"Regex": r"▁+\z"})
"""By what SentencePiece does to spaces: nothing else that is replaced is known to leave words apart."""

_SPLITS_AT_SPACES: Final = ("Whitespace", "WhitespaceSplit", "BertPreTokenizer")
_CROSSING: Final = re.compile("[^▁]▁")


def is_word_local(data: bytes) -> bool:
    """Whether no piece can hold letters of two words, nor depend on another word, in words with one space between.

    So it is where text is cut before each space ahead of all else, as by GPT-2's, Llama 3's and BERT's rules; and in
    byte-pair models that cut nothing, as Llama 2's, where no piece has a space behind anything but a space: pairs that
    make no piece are never merged. False where that is not known.
    """
    tokenizer = json.loads(data)
    added = any(not token.get("special") for token in tokenizer.get("added_tokens") or ())
    if added or not all(_keeps_words(part) for part in _parts(tokenizer.get("normalizer"), "normalizers")):
        return False
    cuts = _parts(tokenizer.get("pre_tokenizer"), "pretokenizers")
    model = tokenizer["model"]
    if model.get("dropout"):
        return False
    return any(_cuts_at_spaces(part) for part in cuts[:1]) or (not cuts and _never_crosses(model))


def is_one_word(text: str) -> bool:
    """Whether a text is one word however it is normalised, and nothing of it can join a space before it."""
    normal = unicodedata.normalize("NFKC", text)
    return normal.split() == [normal] and "▁" not in normal and not unicodedata.category(normal[0]).startswith("M")


def _parts(part: Part | None, name: str) -> list[Part]:
    if part is None:
        return []
    return [inner for each in part[name] for inner in _parts(each, name)] if part["type"] == "Sequence" else [part]


def _keeps_words(normalizer: Part) -> bool:
    return normalizer["type"] in _NORMALIZERS or (
        normalizer["type"] == "Replace" and normalizer["pattern"] in _REPLACED
    )


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
