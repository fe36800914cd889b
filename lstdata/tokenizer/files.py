"""Files of a text tokenizer as a `tokenizer.json`, which is what a run folder holds whatever was given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from lstdata.errors import ConfigError
from lstdata.storage import is_url, read_given
from lstdata.tokenizer import TextTokenizer

NAME: Final = "tokenizer.json"
"""Of a run folder's."""

_RANKS: Final = re.compile(rb"[A-Za-z0-9+/]+=* \d+\r?\n")


def given_tokenizer(path: str, texts: Iterable[str] = ()) -> bytes:
    """`tokenizer_json` of the file at a path or URL, or of that of the run folder there; else ConfigError."""
    path = _file_of(path)
    made = tokenizer_json(read_given(path, "tokenizer.path", "tokenizer"), path, texts)
    TextTokenizer.from_bytes(made, path)
    return made


def _file_of(path: str) -> str:
    """A run folder's own tokenizer; any other path as it is. A URL is a folder's where its last part has no dot."""
    name = path.rstrip("/").rpartition("/")[2]
    is_folder = "." not in name if is_url(path) else os.path.isdir(path)
    return f"{path.rstrip('/')}/{NAME}" if is_folder else path


def tokenizer_json(data: bytes, name: str, texts: Iterable[str] = ()) -> bytes:
    """The `tokenizer.json` of a file that is one, or a SentencePiece model, or ranks as tiktoken has them.

    What is made of a SentencePiece model is compared with the model on `texts`. ConfigError names the file where it
    is none of these, or codes a text in another way than it should.
    """
    if data.lstrip()[:1] == b"{":
        return data
    if _RANKS.match(data):
        from lstdata.tokenizer.ranks import from_ranks

        return from_ranks(data, name)
    from lstdata.tokenizer.spm import check_same, from_sentencepiece, read_model

    model = read_model(data)
    if model is None:
        raise ConfigError(f"`{name}` is neither a tokenizer.json nor a SentencePiece model nor ranks of tiktoken.")
    made = from_sentencepiece(model, name)
    check_same(model, made, texts, name)
    return made
