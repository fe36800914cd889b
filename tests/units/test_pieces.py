from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.units.pieces import UnitPieces, fit_pieces

CLUSTERS = 30
REPEATED = [3, 1, 4, 1, 5, 9, 2, 6]


@cache
def fitted(size: int = 60) -> bytes:
    rng = np.random.default_rng(0)
    runs = [np.array(REPEATED * 3 + rng.integers(0, 20, 5).tolist(), dtype=np.uint16) for _ in range(40)]
    return fit_pieces(runs, CLUSTERS, size)


@given(st.lists(st.integers(0, CLUSTERS - 1)))
def test_pieces_spell_the_run(units: list[int]) -> None:
    """Also with units that the fit has never met."""
    pieces = UnitPieces(fitted(), "x.model")
    ids = pieces.encode(np.array(units, dtype=np.uint16))
    assert pieces.decode(ids.tolist()).tolist() == units
    assert all(0 < id < pieces.size for id in ids.tolist())


def test_what_comes_often_is_one_piece() -> None:
    pieces = UnitPieces(fitted(), "x.model")
    assert (pieces.units, pieces.size) == (CLUSTERS, 60)
    assert len(pieces.encode(np.array(REPEATED * 8, dtype=np.uint16))) <= 8


def test_equal_runs_give_equal_bytes() -> None:
    assert fitted() == fitted.__wrapped__()


def test_there_must_be_more_pieces_than_units() -> None:
    with pytest.raises(ConfigError, match="`--pieces` must be above the 30 clusters, but is 30"):
        fitted(30)


def test_another_model_is_refused() -> None:
    from tests.test_tokenizer_files import model

    with pytest.raises(ConfigError, match="must hold pieces of units"):
        UnitPieces(model("llama"), "x.model")
    with pytest.raises(ConfigError, match="is no SentencePiece model"):
        UnitPieces(b"nothing", "x.model")
    with pytest.raises(ConfigError, match=r"`patching\.unit_bpe` must be a readable model, but `/no/such`"):
        UnitPieces.read("/no/such")
