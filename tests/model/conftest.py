"""Rows of random documents for the model's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from lstdata.model.config import ModelConfig
from lstdata.model.lst import Model, build_model
from lstdata.model.presets import model_config
from lstdata.packing import Row

VOCABULARY = 40

MakeRow = Callable[..., Row]


@pytest.fixture
def make_row() -> MakeRow:
    """Rows whose documents are given by their position lengths; tokens are drawn from a seed.

    `late`: positions of the row that are read from the token after them on.
    """

    def make(*documents: list[int], seed: int = 0, late: Sequence[int] = ()) -> Row:
        lengths = np.array([length for document in documents for length in document], dtype=np.int32)
        tokens = np.random.default_rng(seed).integers(0, VOCABULARY, int(lengths.sum()), dtype=np.int32)
        sizes = np.array([sum(document) for document in documents], dtype=np.int32)
        return Row(tokens, lengths, sizes, late=np.isin(np.arange(len(lengths)), late) if late else None)

    return make


@pytest.fixture
def small_model() -> Callable[..., Model]:
    """A model in double precision whose widths exercise every projection (k·d ≠ g)."""

    def make(architecture: str = "lst", vocabulary: int = VOCABULARY, **changes: float) -> Model:
        torch.manual_seed(0)
        dimensions: dict[str, float] = {
            "global_width": 24,
            "global_heads": 2,
            "local_width": 16,
            "local_heads": 2,
            "queries": 2,
            "decoder_layers": 2,
        }
        config: ModelConfig = model_config("tiny", vocabulary, architecture, **{**dimensions, **changes})  # type: ignore[arg-type]
        return build_model(config).double().eval()

    return make
