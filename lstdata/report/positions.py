"""Positions that patching saves: of the speech alone, of interleaved documents, and of a mix with text.

What is saved is 1 − positions(strategy) / positions(`none`), over the same documents. BOS, EOS, markers and text tokens
are positions under every strategy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.config import PatchingConfig
from lstdata.index import positions_column
from lstdata.patching import patch_run
from lstdata.shards import STORED_STRATEGIES, StoredSample

INTERLEAVED_SHARE: Final = 1 / 3
"""Of the raw tokens of the mix of arXiv 2510.06195; the rest is text alone, of which patching saves nothing."""

_FRAME_OF_DOCUMENT: Final = 3
"""BOS, the speech marker and EOS of a document that is all speech."""

MIXED: Final = "mixed"
"""Half `static`, half `aligned`, as `mixed` on average; `curriculum` with its default options over a whole training."""


@dataclass
class Positions:
    """Of some documents, under one strategy and under `none`, where each raw token is one."""

    documents: int = 0
    tokens: float = 0
    positions: float = 0

    def add(self, documents: int, tokens: float, positions: float) -> None:
        self.documents += documents
        self.tokens += tokens
        self.positions += positions

    @property
    def saved(self) -> float:
        return 1 - self.positions / self.tokens if self.tokens else math.nan

    @property
    def saved_in_mix(self) -> float:
        """Where a third of the raw tokens is in such documents: (2/3·T + 1/3·T·positions/tokens) / T, from 1."""
        return INTERLEAVED_SHARE * self.saved

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": self.documents,
            "tokens": self.tokens,
            "positions": self.positions,
            "saved": self.saved,
            "saved_in_mix": self.saved_in_mix,
        }


@dataclass
class Savings:
    """By strategy, each over the documents that it can cut."""

    speech: dict[str, Positions] = field(default_factory=dict)
    """Each sample as a document of its own, all speech: exact, by the index."""
    interleaved: dict[str, Positions] = field(default_factory=dict)
    """The drawn documents that the shards carry, of the samples that are read."""

    def add_index(self, batch: Mapping[str, NDArray[Any]]) -> None:
        """Count rows of the index; a strategy's column is null where it cannot cut the sample."""
        units = batch["units"].astype(np.float64)
        for name in STORED_STRATEGIES:
            positions = batch[positions_column(name)].astype(np.float64)
            there = np.isfinite(positions) & (units > 0)
            if number := int(there.sum()):
                frame = _FRAME_OF_DOCUMENT * number
                tokens, cut = int(units[there].sum()) + frame, int(positions[there].sum()) + frame
                self.speech.setdefault(name, Positions()).add(number, tokens, cut)

    def add_document(self, stored: StoredSample, patching: PatchingConfig) -> None:
        """Count the interleaving that a sample carries; none where it has no frame."""
        sample = stored.sample
        if not sample.frames:
            return
        runs = [(what[0], what[1]) for kind, *what in stored.drawn if kind == "s"]
        written = sum(len(what[0]) for kind, *what in stored.drawn if kind == "t")
        rest = 2 + len(stored.drawn) + written
        tokens = rest + sum(end - start for start, end in runs)
        cuts: dict[str, float] = {
            name: rest + sum(len(patch_run(name, start, end, sample, patching)) for start, end in runs)
            for name in STORED_STRATEGIES
            if name in stored.patches
        }
        cuts[MIXED] = (cuts["static"] + cuts.get("aligned", cuts["static"])) / 2
        for name, positions in cuts.items():
            self.interleaved.setdefault(name, Positions()).add(1, tokens, positions)

    def to_json(self) -> dict[str, Any]:
        return {
            "speech": {name: found.to_json() for name, found in self.speech.items()},
            "interleaved": {name: found.to_json() for name, found in self.interleaved.items()},
        }
