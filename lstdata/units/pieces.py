"""The `unit-bpe` baseline: a run of units as byte-pair pieces, which take the units' place; no patches."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.storage import read_given, sha256_bytes

_FIRST = 0x10000
"""The letter of unit 0: SentencePiece takes text, and none of its rules touch the letters from here on."""


class UnitPieces:
    """A SentencePiece model over unit ids; id 0 is its unknown piece, which no unit of the codebook becomes."""

    def __init__(self, data: bytes, name: str) -> None:
        """ConfigError where it is no model, or one that was made for something else."""
        import sentencepiece

        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=data)
        except Exception as error:  # the library raises bare RuntimeError
            raise ConfigError(f"`{name}` is no SentencePiece model.") from error
        self.size = int(self._model.vocab_size())
        self.sha256 = sha256_bytes(data)
        letters = [self._model.id_to_piece(number) for number in range(1, self.size)]
        if not letters or any(ord(letter) < _FIRST for piece in letters for letter in piece):
            raise ConfigError(f"`{name}` must hold pieces of units, as `lstdata fit-units-bpe` makes them.")
        self.units = 1 + max(ord(piece) - _FIRST for piece in letters if len(piece) == 1)
        """One more than the highest unit that it can spell."""
        self._spelt = [np.array([ord(letter) - _FIRST for letter in piece], dtype=np.int64) for piece in letters]

    @classmethod
    def read(cls, path: str) -> UnitPieces:
        """From a file or URL."""
        return cls(read_given(path, "patching.unit_bpe", "model"), path)

    def encode(self, units: NDArray[np.uint16]) -> NDArray[np.int32]:
        """(pieces,) ids of the pieces of a run of units; together they spell the run."""
        return np.array(self._model.encode(_spell(units)), dtype=np.int32)

    def decode(self, pieces: Sequence[int]) -> NDArray[np.int64]:
        """The units that the pieces spell."""
        spelt = [self._spelt[piece - 1] for piece in pieces]
        return np.concatenate(spelt) if spelt else np.zeros(0, dtype=np.int64)


def fit_pieces(runs: Iterable[NDArray[np.uint16]], clusters: int, size: int) -> bytes:
    """A model of `size` pieces, fewer where the runs do not have so many pairs; equal runs give equal bytes.

    Every unit is a piece, so `size` must be above `clusters`: else ConfigError.
    """
    import sentencepiece

    if size <= clusters:
        raise ConfigError(f"`--pieces` must be above the {clusters} clusters, but is {size}.")
    letters = (chr(_FIRST + unit) for unit in range(clusters))
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=chain(letters, (_spell(units) for units in runs if len(units))),
        model_writer=made,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        split_by_whitespace=False,
        split_by_unicode_script=False,
        split_by_number=False,
        max_sentencepiece_length=16,
        max_sentence_length=1 << 24,
        bos_id=-1,
        eos_id=-1,
        unk_id=0,
        num_threads=1,
        minloglevel=2,
    )
    return made.getvalue()


def _spell(units: NDArray[np.uint16]) -> str:
    return "".join(map(chr, (units.astype(np.int64) + _FIRST).tolist()))
