"""Ranks as tiktoken has them: a line for each piece, its bytes in base64 and its rank, which is also its id."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from lstdata.errors import ConfigError

PATTERN: Final = "|".join(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How Llama 3 cuts a text before it is coded; the file does not say. That of cl100k differs at ends of lines alone."""


def from_ranks(data: bytes, name: str) -> bytes:
    """The `tokenizer.json` that codes as tiktoken does by these ranks; ConfigError where the file is damaged."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    ranks = _read(data, name)
    letters = _letters()
    spelt = {piece: "".join(letters[byte] for byte in piece) for piece in ranks}
    merges = [
        tuple(spelt[part] for part in _last_merge(piece, ranks, name))
        for piece in sorted(ranks, key=ranks.__getitem__)
        if len(piece) > 1
    ]
    vocabulary = {spelt[piece]: rank for piece, rank in ranks.items()}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return str(tokenizer.to_str(pretty=False)).encode()


def _read(data: bytes, name: str) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        try:
            piece, rank = line.split()
            ranks[base64.b64decode(piece, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ConfigError(f"`{name}`, line {number}, must be a piece in base64 and its rank.") from error
    if sorted(ranks.values()) != list(range(len(ranks))):
        raise ConfigError(f"`{name}` must give each piece a rank of its own, 0 to {len(ranks) - 1} without a gap.")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise ConfigError(f"`{name}` must have every byte as a piece, but lacks {missing[0]:#04x}.")
    return ranks


def _last_merge(piece: bytes, ranks: Mapping[bytes, int], name: str) -> tuple[bytes, bytes]:
    """The two parts that are left of a piece where those of lower rank alone may be used: its merge."""
    parts = [bytes([byte]) for byte in piece]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, len(ranks)) for a, b in pairwise(parts)]
        lowest = min(range(len(pairs)), key=pairs.__getitem__)
        if pairs[lowest] >= ranks[piece]:
            raise ConfigError(f"`{name}`: the piece {piece!r} cannot be made of those of lower rank.")
        parts[lowest : lowest + 2] = [parts[lowest] + parts[lowest + 1]]
    first, last = parts
    return first, last


def _letters() -> list[str]:
    """How byte-level models spell each byte: printable ones of Latin-1 as they are, the rest from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]
