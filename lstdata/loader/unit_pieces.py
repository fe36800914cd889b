"""Pieces of units, fitted on the training split of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.storage import commit_bytes
from lstdata.units.pieces import UnitPieces, fit_pieces

MOST_FITTED: Final = 20_000
"""Utterances, evenly spread, where there are more: a thousand pieces need no more than some 80 hours."""


def fit_run_pieces(root: UPath, path: UPath, size: int, progress: Callable[[int, int], None]) -> UnitPieces:
    """Commit a model of `size` pieces, fitted on the units of the run; `progress` hears of utterances read, of all.

    ConfigError where the run is not finished, has no training split or as many clusters as there shall be pieces.
    """
    run = open_run(root)
    if run.vocab.is_text:
        raise ConfigError(f"`{root}` is a run of text: it has no units to make pieces of.")
    corpus = SplitCorpus(run, "train", InterleaveConfig(), PatchingConfig())
    numbers = range(0, len(corpus), -(-len(corpus) // MOST_FITTED))

    def units() -> Iterator[NDArray[np.uint16]]:
        for done, number in enumerate(numbers, 1):
            yield corpus.sample(number).units
            progress(done, len(numbers))

    data = fit_pieces(units(), run.vocab.units, size)
    commit_bytes(path, data)
    return UnitPieces(data, str(path))
