"""The joint vocabulary of text pieces, markers and speech units, and the card that travels with the shards.

Ids 0…V−1 are the text tokenizer's, then six reserved, then the units: V pad, V+1 BOS and V+2 EOS (where the
tokenizer has none of its own), V+3 free, V+4 `<t>`, V+5 `<s>`, V+6+u unit u.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from lstdata.errors import ConfigError
from lstdata.records import HOP, SAMPLE_RATE

FORMAT: Final = 2
RESERVED: Final = 6

_TEXT_SIDE: Final = ("text_size", "tokenizer_sha256", "tokenizer_bos", "tokenizer_eos", "format")


@dataclass(frozen=True, kw_only=True)
class VocabCard:
    """What fixes the meaning of every id; two runs may be mixed only if their cards are equal.

    A run of text has no units; it may be mixed with every run of the same text side.
    """

    text_size: int
    """V: one more than the text tokenizer's highest id."""
    tokenizer_sha256: str
    tokenizer_bos: int | None
    """The tokenizer's own BOS id; None: it has none, and V+1 is used."""
    tokenizer_eos: int | None
    """The tokenizer's own EOS id; None: it has none, and V+2 is used."""
    units: int
    """Number of unit clusters; under `unit-bpe`, of pieces of units; 0 of a run of text."""
    codebook_sha256: str
    """Of `codebook.npz`, or of what `stated_units` says where the units came without one; empty of a run of text."""
    sample_rate: int = SAMPLE_RATE
    hop: int = HOP
    """Samples per unit."""
    pieces_sha256: str | None = None
    """Of the model of the pieces that stand for units; None, as in every run folder, where there is no such model."""
    format: int = FORMAT

    @property
    def is_text(self) -> bool:
        """Whether this is the card of a run of text alone."""
        return self.units == 0

    def with_pieces(self, size: int, sha256: str) -> VocabCard:
        """The card of the same data with pieces in place of units."""
        return dataclasses.replace(self, units=size, pieces_sha256=sha256)

    @property
    def pad(self) -> int:
        return self.text_size

    @property
    def bos(self) -> int:
        return self.text_size + 1 if self.tokenizer_bos is None else self.tokenizer_bos

    @property
    def eos(self) -> int:
        return self.text_size + 2 if self.tokenizer_eos is None else self.tokenizer_eos

    @property
    def text_marker(self) -> int:
        return self.text_size + 4

    @property
    def speech_marker(self) -> int:
        return self.text_size + 5

    @property
    def first_unit(self) -> int:
        return self.text_size + RESERVED

    @property
    def size(self) -> int:
        """Rows of the embedding: every id is below this."""
        return self.first_unit + self.units

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Any, name: str = "vocab.json") -> VocabCard:
        """Read a card from its JSON value; ConfigError, with all mistakes, names the file it came from."""
        if not isinstance(value, dict):
            raise ConfigError(f"`{name}` must hold an object, but holds a {type(value).__name__}.")
        known = {f.name for f in fields(cls)}
        mistakes = [f"`{name}` lacks `{key}`." for key in sorted(known - value.keys())]
        mistakes += [f"`{name}` has an unknown key `{key}`." for key in sorted(value.keys() - known)]
        mistakes += [m for key in sorted(known & value.keys()) for m in _mistakes(name, key, value[key])]
        if mistakes:
            raise ConfigError(*mistakes)
        return cls(**value)

    def check_same(self, other: VocabCard) -> None:
        """ConfigError listing every field in which the other card differs."""
        self._check(other, tuple(self.to_json()))

    def check_same_text(self, other: VocabCard) -> None:
        """ConfigError listing every field of the text side in which the other card differs.

        Where there is none, every id of a text, its marker, BOS and EOS mean the same under both.
        """
        self._check(other, _TEXT_SIDE)

    def _check(self, other: VocabCard, names: Sequence[str]) -> None:
        mine, its = self.to_json(), other.to_json()
        changed = [f"`{key}` is {mine[key]!r} here, but {its[key]!r} there." for key in names if mine[key] != its[key]]
        if changed:
            raise ConfigError("The vocab cards differ.", *changed)


def stated_units(origin: str, clusters: int) -> dict[str, Any]:
    """What stands for the codebook of units that came without one; its `sha256` is the card's `codebook_sha256`.

    Units of one origin and number count as the same: whether they are is for whoever brings them to know.
    """
    statement = {"clusters": clusters, "prepared": origin}
    return statement | {"sha256": hashlib.sha256(json.dumps(statement, sort_keys=True).encode()).hexdigest()}


def _mistakes(name: str, key: str, value: Any) -> list[str]:
    if value is None and key == "pieces_sha256":
        return []
    if key.endswith("_sha256"):
        return [] if isinstance(value, str) else [f"`{name}`: `{key}` must be a string, but is {value!r}."]
    if value is None and key in ("tokenizer_bos", "tokenizer_eos"):
        return []
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return [f"`{name}`: `{key}` must be an integer ≥ 0, but is {value!r}."]
    if key == "format" and value != FORMAT:
        return [f"`{name}`: `format` must be {FORMAT}, but is {value}."]
    return []
