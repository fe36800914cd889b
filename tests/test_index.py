"""The index: what it says of a sample, and reading some of its columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lstdata.errors import CorruptShard
from lstdata.index import INDEX_SCHEMA, REJECTS_SCHEMA, index_row, read_table, write_table
from lstdata.records import HOP, SAMPLE_RATE, Sample
from lstdata.shards import StoredSample


def sample(**fields: Any) -> Sample:
    units = np.zeros(25, dtype=np.uint16)
    return Sample(
        key="a",
        id="a",
        split="train",
        samples=25 * HOP,
        units=units,
        activity=units < 1,
        text=None,
        words=None,
        word_frames=None,
        **fields,
    )


def row(**fields: Any) -> dict[str, Any]:
    return index_row(StoredSample(sample(**fields), {}, []), "train-000000", 0, b"xyz")


def test_custom_fields_are_json_that_depends_on_their_values_alone(tmp_path: Path) -> None:
    first = row(recording="r1", header_seconds=1.5, custom={"b": "ß", "a": {"n": [1, None]}})
    second = row(custom={})
    assert first["custom"] == '{"a": {"n": [1, null]}, "b": "ß"}' and second["custom"] is None
    assert first["custom"] == row(custom={"a": {"n": [1, None]}, "b": "ß"})["custom"]
    write_table(tmp_path / "index.parquet", [first, second], INDEX_SCHEMA)
    columns = ["recording", "header_seconds", "custom"]
    table = read_table(tmp_path / "index.parquet", INDEX_SCHEMA, columns)
    assert table.schema.names == columns
    assert table.to_pylist()[1] == {"recording": "", "header_seconds": None, "custom": None}


def test_a_table_of_other_columns_is_refused_also_where_only_some_are_asked_for(tmp_path: Path) -> None:
    write_table(tmp_path / "index.parquet", [], REJECTS_SCHEMA)
    with pytest.raises(CorruptShard, match="other columns"):
        read_table(tmp_path / "index.parquet", INDEX_SCHEMA, ["id"])
    pa.OSFile(str(tmp_path / "index.parquet"), "wb").close()
    with pytest.raises(CorruptShard, match="cannot be read"):
        read_table(tmp_path / "index.parquet", INDEX_SCHEMA, ["id"])


@pytest.mark.parametrize(
    ("header_seconds", "belies"), [(None, False), (1.0, False), (1.09, False), (1.2, True), (0.85, True)]
)
def test_a_header_is_belied_beyond_the_tolerance(header_seconds: float | None, belies: bool) -> None:
    assert 25 * HOP / SAMPLE_RATE == 1.0
    assert sample(header_seconds=header_seconds).belies_header is belies
