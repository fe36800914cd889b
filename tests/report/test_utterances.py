from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.report import utterances
from lstdata.report.utterances import choose_utterances
from lstdata.shards import StoredSample


def many(make_stored: Callable[..., StoredSample], words: bool = True) -> dict[str, list[StoredSample]]:
    """Twenty utterances of 10…200 frames in two shards."""
    samples = [make_stored(f"u{n:03}", [0] * n, [("w", 0, n)] if words else None) for n in range(10, 201, 10)]
    return {"train-000000": samples[1::2], "train-000001": samples[::2]}


def test_chosen_at_quantiles_of_length(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    chosen = choose_utterances(make_run(tmp_path / "run", many(make_stored)))
    assert [place.id for place in chosen] == ["u040", "u100", "u160"]


def test_only_those_with_words_where_there_are_any(run: Path) -> None:
    assert [place.id for place in choose_utterances(run)] == ["A1", "B2"]


def test_without_words_all_may_be_chosen(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    chosen = choose_utterances(make_run(tmp_path / "run", many(make_stored, words=False)))
    assert [place.id for place in chosen] == ["u040", "u100", "u160"]


def test_long_ones_are_not_drawn(
    tmp_path: Path,
    make_run: Callable[..., Path],
    make_stored: Callable[..., StoredSample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(utterances, "LONGEST", 2.0)
    chosen = choose_utterances(make_run(tmp_path / "run", many(make_stored)))
    assert [place.id for place in chosen] == ["u010", "u030", "u040"]


def test_an_empty_run_has_none(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    assert choose_utterances(make_run(tmp_path / "run", {}, [])) == []
