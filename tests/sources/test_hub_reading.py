"""What of a Hugging Face dataset is read when, and what damage costs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.build.plan import make_plan
from lstdata.build.plan_table import read_shard_rows
from lstdata.config import PlanConfig
from lstdata.errors import ConfigError, DamagedSource, Rejected, Unavailable
from lstdata.records import Audio
from lstdata.source_row import Locator
from lstdata.sources import arrow
from tests.sources.datasets import (
    decoded,
    flac,
    opened,
    parquet,
    reason,
    records,
    saved,
    scan,
    tabled,
)


def test_a_segment_of_a_record_is_a_stretch_of_its_audio(tmp_path: Path) -> None:
    """What `segment` makes of a long record: the same cell, from sample to sample."""
    (tmp_path / "b.flac").write_bytes(flac(1))
    cells = [{"bytes": flac(0), "path": None}, {"bytes": None, "path": "b.flac"}]
    source = opened(parquet(tmp_path / "a.parquet", [{"audio": cell, "text": "t"} for cell in cells]))
    for row in source.scan():
        whole = source.open(row.locator)
        part = source.open(replace(row.locator, start=400, end=1_000, rate=16_000))
        assert isinstance(whole, Audio)
        assert isinstance(part, Audio)
        assert np.array_equal(part.samples, whole.samples[400:1_000])
        with pytest.raises(Rejected, match="rate_mismatch"):
            source.open(replace(row.locator, start=400, end=1_000, rate=8_000))


def test_large_record_batches_are_read_piece_by_piece(tmp_path: Path) -> None:
    rows = [{"audio": {"bytes": b"", "path": f"{n}.wav"}, "text": f"text {n}"} for n in range(2_500)]
    for path in (parquet(tmp_path / "a.parquet", rows, group=2_000), saved(tmp_path / "saved", rows, batch=2_000)):
        found = scan(path)
        assert [row.text for row in found] == [row["text"] for row in rows]
        assert [(row.locator.row_group, row.locator.row) for row in found[1_998:2_002]] == [
            (0, 1_998),
            (0, 1_999),
            (1, 0),
            (1, 1),
        ]


def test_a_column_of_plain_bytes_is_one_of_recordings(tmp_path: Path) -> None:
    rows = [{"audio": flac(n)} for n in range(3)]
    path = parquet(tmp_path / "a.parquet", rows, pa.large_binary())
    source = opened(path, text=None)
    assert [(row.id, decoded(source, row)) for row in source.scan()] == [
        ("a-0", 1_600),
        ("a-1", 1_601),
        ("a-2", 1_602),
    ]


def test_a_column_of_paths_in_many_files_is_below_the_dataset(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "a.flac").write_bytes(flac(0, 16_000))
    rows = [{"id": "a", "audio": "wavs/a.flac", "text": "t", "start": 0.25, "end": 0.75}]
    parquet(tmp_path / "data" / "train-0.parquet", rows, pa.string())
    source = opened(tmp_path)
    (row,) = source.scan()
    assert (source.kind, row.split, row.duration) == ("hub", "train", 0.5)
    assert row.locator == Locator(path="wavs/a.flac", start=4_000, end=12_000, rate=16_000)
    assert decoded(source, row) == 8_000
    assert opened(tmp_path / "data" / "train-0.parquet").kind == "table"
    assert opened(tmp_path / "data" / "train-0.parquet", kind="hub").kind == "hub"


@pytest.mark.parametrize("layout", ["parquet", "arrow"])
def test_scanning_reads_no_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    rows = [{"audio": {"bytes": bytes(400_000), "path": f"{n}.wav"}, "text": "t", "array": [0.5] * 9} for n in range(8)]
    path = parquet(tmp_path / "a.parquet", rows) if layout == "parquet" else saved(tmp_path, rows)
    read = 0
    binary = arrow.open_bytes

    def counting(name: str) -> io.BufferedIOBase:
        file: Any = binary(name)
        take = file.read

        class Counted(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def seekable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                nonlocal read
                data: bytes = take(size)
                read += len(data)
                return data

            def seek(self, offset: int, whence: int = 0) -> int:
                return int(file.seek(offset, whence))

            def tell(self) -> int:
                return int(file.tell())

        return Counted()  # type: ignore[return-value]

    monkeypatch.setattr(arrow, "open_bytes", counting)
    before = pa.total_allocated_bytes()
    custom = [row.custom for row in opened(path).scan()]
    assert custom == [{"audio": f"{n}.wav"} for n in range(8)]
    assert pa.total_allocated_bytes() - before < 400_000
    if layout == "parquet":
        assert 0 < read < 400_000


def test_a_row_group_is_read_once_for_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened(parquet(tmp_path / "a.parquet", records(0, 6), group=3))
    rows = list(source.scan())
    files: list[str] = []
    binary = arrow.open_bytes
    monkeypatch.setattr(arrow, "open_bytes", lambda path: files.append(path) or binary(path))
    for row in rows:
        source.open(row.locator)
    assert len(files) == 2


def test_a_plan_keeps_the_rows_of_a_row_group_together(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", records(0, 40), group=10)
    source = opened(tmp_path / "a.parquet")
    plan = make_plan(source, PlanConfig(validation=0, shard_seconds=100), tmp_path / "plan.parquet")
    groups = [
        {record.row.locator.row_group for record in read_shard_rows(tmp_path / "plan.parquet", shard.number)}
        for shard in plan.shards
    ]
    assert sorted(map(sorted, groups)) == [[0], [1], [2], [3]]  # type: ignore[type-var]


def test_a_damaged_file_among_many_is_named(tmp_path: Path) -> None:
    for number in range(3):
        parquet(tmp_path / f"train-{number}.parquet", records(number, 1))
    damaged = tmp_path / "train-1.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(DamagedSource, match=r"train-1\.parquet` is damaged") as caught:
        scan(tmp_path)
    assert "\n" not in str(caught.value)
    damaged.unlink()
    saved(tmp_path / "saved", records(0, 4))
    stream = tmp_path / "saved" / "data-00000-of-00001.arrow"
    stream.write_bytes(stream.read_bytes()[:-2_000])
    with pytest.raises(DamagedSource, match=r"00001\.arrow` is damaged"):
        scan(tmp_path / "saved")


def damage(path: Path, group: int, column: str) -> None:
    """Overwrite the first page header of one column of one row group."""
    metadata = pq.ParquetFile(path).metadata.row_group(group)
    chunk = next(c for c in map(metadata.column, range(metadata.num_columns)) if c.path_in_schema == column)
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + 16] = b"\xff" * 16
    path.write_bytes(data)


def test_a_damaged_row_group_costs_its_records(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", records(0, 6))
    damage(path, 1, "text")
    found = scan(path)
    assert [reason(row) for row in found] == [None, None, "undecodable", "undecodable", None, None]
    assert found[2].id == "a-2"
    assert found[2].reject is not None
    assert found[2].reject[1].startswith("row 2 of `a.parquet`: row group 1 is damaged")
    path = parquet(tmp_path / "b.parquet", records(0, 6))
    damage(path, 1, "audio.bytes")
    source = opened(path)
    rows = list(source.scan())
    assert [reason(row) for row in rows] == [None] * 6
    for row in rows[2:4]:
        with pytest.raises(Rejected, match=r"undecodable: `b\.parquet, row group 1, row \d` is damaged"):
            source.open(row.locator)
    assert decoded(source, rows[4]) == 1_604


def test_a_file_gone_since_planning_is_the_worlds_fault(tmp_path: Path) -> None:
    source = opened(parquet(tmp_path / "a.parquet", records(0, 1)))
    (row,) = source.scan()
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(Unavailable, match="was there when the build was planned"):
        source.open(row.locator)


def test_a_file_without_audio_hides_no_dataset(tmp_path: Path) -> None:
    pq.write_table(pa.table({"speaker": ["ann"], "born": [1990]}), tmp_path / "a_speakers.parquet")
    with pytest.raises(ConfigError, match="holds nothing to build from"):
        opened(tmp_path)
    parquet(tmp_path / "data" / "train-0.parquet", records(0, 1))
    with pytest.raises(ConfigError, match="which `data/train-0\\.parquet` has; it has `speaker`, `born`") as caught:
        opened(tmp_path)
    assert f"`{tmp_path}/a_speakers.parquet` has no column `audio`" in str(caught.value)
    assert len(caught.value.mistakes) == 1


def test_files_of_other_columns_are_named(tmp_path: Path) -> None:
    parquet(tmp_path / "train-0.parquet", records(0, 1, speaker="ann"))
    parquet(tmp_path / "train-1.parquet", records(1, 1))
    assert [row.speaker for row in scan(tmp_path)] == ["ann", None]
    parquet(tmp_path / "train-2.parquet", [{"audio": row["audio"]} for row in records(2, 1)])
    with pytest.raises(
        ConfigError, match=r"train-2\.parquet` has no column `text` \(`source\.text`\); it has `audio`\."
    ):
        scan(tmp_path)


def test_a_row_that_cannot_be_used_costs_itself(tmp_path: Path) -> None:
    good = records(0, 1, id="a", channel=0)[0]
    rows = [good, {**good, "id": None}, {**good, "channel": -1}, {**good, "id": "d"}]
    found = scan(parquet(tmp_path / "x.parquet", rows))
    assert [reason(row) for row in found] == [None, "bad_row", "bad_row", None]
    assert [row.reject[1] for row in found if row.reject] == [
        "row 1 of `x.parquet`: `id` must not be empty.",
        "row 2 of `x.parquet`: `channel` must be a channel's number from 0 to 1023, but is -1.",
    ]


def test_text_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    offsets, data = np.array([0, 1, 2, 3], np.int32).tobytes(), b"a\xe9b"
    latin = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(data))
    table = tabled(records(0, 3)).set_column(1, "text", latin)
    pq.write_table(table, tmp_path / "a.parquet")
    found = scan(tmp_path / "a.parquet")
    assert [reason(row) for row in found] == [None, "bad_encoding", None]
    assert found[1].reject is not None
    assert "row 1 of `a.parquet`: `text` has the byte 0xE9" in found[1].reject[1]
    assert [row.text for row in found] == ["a", None, "b"]
