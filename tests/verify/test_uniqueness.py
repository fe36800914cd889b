"""Whether names are unique is exact, whatever room there is for hashes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from lstdata.index import INDEX_SCHEMA, write_table
from lstdata.verify import uniqueness
from lstdata.verify.uniqueness import Uniqueness, name_hashes, text_hashes


@given(st.lists(st.text(max_size=8), max_size=30), st.integers(0, 5))
def test_texts_have_equal_hashes_where_they_are_equal_wherever_they_lie(texts: list[str], first: int) -> None:
    column = pa.chunked_array([texts[:first], texts[first:]], pa.string())
    hashes = text_hashes(column).tolist()
    assert len(set(zip(hashes, texts, strict=True))) == len(set(texts)) == len(set(hashes))
    assert text_hashes(column.slice(first)).tolist() == hashes[first:]


def test_hashes_stay_what_they_are() -> None:
    """They are kept in files, and choose the samples of `--sample`."""
    assert text_hashes(pa.chunked_array([["", "a", "utt-000"]], pa.string())).tolist() == [
        0,
        2427258004083239766,
        4124967130527880427,
    ]


def _rows(folder: UPath, shard: str, names: list[tuple[str, str]]) -> pa.Table:
    row = dict.fromkeys(INDEX_SCHEMA.names)
    rows = [row | {"id": id, "key": key, "shard": shard} for id, key in names]
    write_table(folder / "shards" / f"{shard}.parquet", rows, INDEX_SCHEMA)
    return pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)


SHARDS = {
    "a": [("1", "x"), ("2", "y")],
    "b": [("3", "1"), ("x", "z")],
    "c": [("2", "w"), ("4", "x"), ("2", "v")],
}
"""An id may be another's key."""

REPEATED = [
    "shard c: sample id `2` is in the run twice.",
    "shard c: sample id `2` is in the run twice.",
    "shard c: sample key `x` is in the run twice.",
]


@pytest.mark.parametrize("room", [1, 2, 5, 1000])
def test_repeated_names_are_said_in_the_order_of_the_plan(tmp_path: Path, room: int) -> None:
    out = UPath(tmp_path)
    with Uniqueness(out, list(SHARDS), room) as unique:
        for number, (name, names) in enumerate(SHARDS.items()):
            unique.add(number, name_hashes(_rows(out, name, names)))
        assert list(unique.repeated()) == REPEATED


def test_nothing_is_no_repetition(tmp_path: Path) -> None:
    with Uniqueness(UPath(tmp_path), []) as unique:
        assert list(unique.repeated()) == []


def test_equal_hashes_are_no_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness, "text_hashes", lambda texts: text_hashes(texts) % 2)
    test_repeated_names_are_said_in_the_order_of_the_plan(tmp_path, 3)


def test_very_many_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness, "MOST_LINES", 3)
    out = UPath(tmp_path)
    with Uniqueness(out, ["a"]) as unique:
        unique.add(0, name_hashes(_rows(out, "a", [("1", "1")] * 4)))
        assert Counter(unique.repeated()).most_common(3) == [
            ("shard a: sample id `1` is in the run twice.", 3),
            ("3 more ids and keys are in the run twice.", 1),
        ]
