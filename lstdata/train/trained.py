"""A training run as something to use: the model at its last checkpoint, and what gives its ids a meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from lstdata.config import PatchingConfig, from_dict
from lstdata.errors import ConfigError
from lstdata.model.lst import Model, build_model
from lstdata.patching import evaluated
from lstdata.storage import read_json
from lstdata.tokenizer import TextTokenizer
from lstdata.train.checkpoint import last_step, read_weights
from lstdata.train.claim import PIECES
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.loader.corpus import RunFolder
    from lstdata.units.pieces import UnitPieces


@dataclass(frozen=True, eq=False)
class Trained:
    """What `lstdata train` has made so far."""

    step: int
    model: Model
    """In evaluation mode and float32, on a GPU where there is one."""
    vocab: VocabCard
    tokenizer: TextTokenizer
    patching: PatchingConfig
    """Under which it is used: that of training or, where that changes, what it ends as."""
    pieces: UnitPieces | None
    """Of `unit-bpe`: what the ids of speech stand for."""

    def check_data(self, run: RunFolder) -> None:
        """ConfigError where the ids of a run folder mean something else."""
        card = run.vocab
        if self.pieces is not None and not card.is_text:
            card = card.with_pieces(self.pieces.size, self.pieces.sha256)
        text_alone = card.is_text or self.vocab.is_text
        (self.vocab.check_same_text if text_alone else self.vocab.check_same)(card)

    def unit_ids(self, units: NDArray[np.uint16]) -> list[int]:
        """Ids of the joint vocabulary for a run of units."""
        ids = units if self.pieces is None else self.pieces.encode(units)
        return [int(number) + self.vocab.first_unit for number in ids]

    def units(self, ids: list[int]) -> NDArray[np.uint16]:
        """The units that a span of speech says."""
        spelt = ids if self.pieces is None else self.pieces.decode(ids)
        return np.array(spelt, dtype=np.uint16)

    def frames(self) -> NDArray[np.int64] | None:
        """(units,) frames that each id of speech stands for; None where each is one."""
        pieces = self.pieces
        if pieces is None:
            return None
        return np.array([0, *(len(pieces.decode([number])) for number in range(1, pieces.size))])


def open_trained(run: Path) -> Trained:
    """The model of a folder of `lstdata train`; needs no fairseq2.

    ConfigError where the folder is none, has no checkpoint, or its files are not those that its card names.
    """
    config, weights = read_weights(run)
    card = read_json(run / "train.json")
    vocab = VocabCard.from_json(card["vocab"], str(run / "train.json"))
    tokenizer = TextTokenizer.read(str(run / "tokenizer.json"))
    if tokenizer.sha256 != vocab.tokenizer_sha256:
        raise ConfigError(f"`{run / 'tokenizer.json'}` is not the tokenizer that `train.json` names.")
    pieces = None if vocab.pieces_sha256 is None else _pieces(run / PIECES, vocab.pieces_sha256)
    with torch.device("meta"):
        model = build_model(config)
    model.load_state_dict(weights, assign=True)
    model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    patching = from_dict(PatchingConfig, card["config"]["patching"])
    return Trained(last_step(run), model, vocab, tokenizer, evaluated(patching), pieces)


def _pieces(path: Path, sha256: str) -> UnitPieces:
    from lstdata.units.pieces import UnitPieces

    pieces = UnitPieces.read(str(path))
    if pieces.sha256 != sha256:
        raise ConfigError(f"`{path}` is not the model that `train.json` names.")
    return pieces
