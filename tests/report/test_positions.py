"""Savings worked by hand: positions under a strategy against one for each token, over the same documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.report.numbers import compute_numbers
from lstdata.report.positions import Positions
from lstdata.shards import StoredSample


def found(positions: dict[str, Positions]) -> dict[str, tuple[int, float, float]]:
    return {name: (one.documents, one.tokens, one.positions) for name, one in positions.items()}


def test_of_the_speech_alone(run: Path) -> None:
    """3 samples of 10, 20 and 25 frames, each with BOS, marker and EOS; the last has no word times."""
    speech = compute_numbers(run).savings.speech
    assert found(speech) == {
        "static": (3, 55 + 9, 3 + 5 + 7 + 9),
        "silence": (3, 55 + 9, 3 + 5 + 7 + 9),
        "aligned": (2, 30 + 6, 8 + 6),
    }
    assert speech["static"].saved == pytest.approx(1 - 24 / 64)


def test_of_interleaved_documents(run: Path) -> None:
    """BOS `<s>` 6, 16 and 25 frames; `<t>` and 2 tokens of text in the first two; EOS."""
    interleaved = compute_numbers(run).savings.interleaved
    assert found(interleaved) == {
        "static": (3, 12 + 22 + 28, 8 + 10 + 10),
        "silence": (3, 62, 28),
        "aligned": (2, 12 + 22, 9 + 10),
        "mixed": (3, 62, (8 + 9 + 10 + 10 + 10 + 10) / 2),
    }
    assert interleaved["aligned"].saved == pytest.approx(15 / 34)
    assert interleaved["aligned"].saved_in_mix == pytest.approx(15 / 34 / 3), "two thirds of the mix are text"


def test_a_run_is_cut_by_the_options_that_it_was_built_with(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    out = make_run(tmp_path, {"train-0": [make_stored("A", [0] * 12, None)]})
    path = out / "run.json"
    path.write_text(path.read_text().replace('"patch_size": 4', '"patch_size": 6'))
    assert compute_numbers(out).savings.interleaved["static"].positions == 3 + 2


def test_of_nothing_nothing_is_saved(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    savings = compute_numbers(make_run(tmp_path, {})).savings
    assert (savings.speech, savings.interleaved) == ({}, {})
