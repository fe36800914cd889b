"""Row files: what was written comes back, the audio is found after a move, and what is none is said to be none."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, CorruptShard, DamagedSource
from lstdata.records import Audio
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.source_table import ROW_SCHEMA
from lstdata.sources import open_source
from lstdata.sources.row_file import Origin, RowFile, origin, write_rows

ROWS = [
    SourceRow(
        id="tone-0",
        recording="tone.wav",
        locator=Locator(path="tone.wav", start=8000, end=24_000, channel=0, rate=16_000),
        duration=1.0,
        text="hum",
        words=(TimedWord("hum", 0.1, 0.9),),
        score=-1.5,
        speaker="s",
        language="en",
        license="CC0",
        split="validation",
        custom={"segment_of": "tone", "n": [1, None]},
    ),
    SourceRow(id="cell", recording="x", locator=Locator(path="x.tar", offset=512, size=9, row_group=1, row=2)),
    SourceRow(id="bad", recording="bad", locator=Locator(path="bad.wav"), reject=("bad_row", "no id")),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    soundfile.write(folder / "tone.wav", np.sin(np.arange(32_000) / 10), 16_000)
    return folder


def write(path: Path, corpus: Path, rows: list[SourceRow] = ROWS, name: str = "segments") -> Path:
    source = open_source(str(corpus), SourceConfig())
    write_rows(path, rows, origin(name, str(corpus), source, SourceConfig(), "0" * 16, {"threshold": 0.5}))
    return path


def test_rows_come_back_as_they_were(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "work" / "segments.parquet", corpus)
    source = RowFile.opened(str(path))
    assert list(source.scan()) == ROWS
    assert source.origin.by == {"threshold": 0.5}
    assert source.origin.config.kind == "folder"
    assert source.origin.source == str(corpus)


def test_many_rows_are_written_in_groups_as_they_come(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "segments.parquet"

    def coming() -> Iterator[SourceRow]:
        for number in range(10_000):
            yield replace(ROWS[1], id=f"r{number}")

    write_rows(path, coming(), Origin(rows="segments", source=str(corpus), config=SourceConfig(), scan=""))
    assert pq.ParquetFile(path).num_row_groups == 3
    assert [row.id for row in RowFile.opened(str(path)).scan()] == [f"r{number}" for number in range(10_000)]


def test_audio_is_opened_through_the_source_also_by_a_pickled_copy(corpus: Path, tmp_path: Path) -> None:
    source = RowFile.opened(str(write(tmp_path / "segments.parquet", corpus)))
    for copy in (source, pickle.loads(pickle.dumps(source))):
        audio = copy.open(ROWS[0].locator)
        assert isinstance(audio, Audio) and len(audio.samples) == 16_000
        assert copy.inventory() is None and copy.root == str(corpus)


def test_scanning_needs_no_audio(corpus: Path, tmp_path: Path) -> None:
    source = RowFile.opened(str(write(tmp_path / "segments.parquet", corpus)))
    shutil.rmtree(corpus)
    assert len(list(source.scan())) == 3
    with pytest.raises(ConfigError, match=r"segments\.parquet` was made from `.*corpus`: .* does not exist"):
        source.open(ROWS[0].locator)


@pytest.mark.parametrize("work", ["corpus", "work", "corpus/work"])
def test_a_near_source_may_move_together_with_the_file(corpus: Path, tmp_path: Path, work: str) -> None:
    write(tmp_path / "here" / ".." / work / "segments.parquet", corpus)
    (tmp_path / "there").mkdir()
    for name in {"corpus", work.split("/")[0]}:
        (tmp_path / name).rename(tmp_path / "there" / name)
    moved = RowFile.opened(str(tmp_path / "there" / work / "segments.parquet"))
    assert moved.root == str(tmp_path / "there" / "corpus")
    assert isinstance(moved.open(ROWS[0].locator), Audio)


def test_a_file_far_from_its_source_may_move_alone(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "far" / "away" / "segments.parquet", corpus)
    moved = RowFile.opened(str(path.rename(tmp_path / "segments.parquet")))
    assert moved.root == str(corpus)


def test_a_source_that_moved_alone_can_be_named(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "segments.parquet", corpus)
    corpus.rename(tmp_path / "elsewhere")
    assert RowFile.opened(str(path), source=str(tmp_path / "elsewhere")).root == str(tmp_path / "elsewhere")


def test_a_folder_is_known_by_its_row_file_and_transcripts_win(corpus: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    write(work / "segments.parquet", corpus)
    assert open_source(str(work), SourceConfig()).kind == "rows"
    write(work / "transcripts.parquet", work, ROWS[:1], "transcripts")
    source = open_source(str(work), SourceConfig())
    assert isinstance(source, RowFile) and source.path == str(work / "transcripts.parquet")
    assert source.origin.source == str(work / "segments.parquet"), "not the folder, in which transcripts now win"
    assert isinstance(source.open(ROWS[0].locator), Audio)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"\x20\0\0\0PAR1"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(DamagedSource, match=r"t\.parquet` is damaged"):
        RowFile.opened(str(path))
    with pytest.raises(DamagedSource, match=r"t\.parquet` is damaged"):
        open_source(str(path), SourceConfig())


def test_a_damaged_row_group_is_the_disks_fault(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "segments.parquet"
    write(path, corpus)
    metadata = pq.read_metadata(path).row_group(0).column(0)
    data = bytearray(path.read_bytes())
    first = metadata.dictionary_page_offset or metadata.data_page_offset
    data[first : first + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(CorruptShard, match=r"segments\.parquet` is damaged"):
        list(RowFile.opened(str(path)).scan())


def test_a_url_that_leads_nowhere_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`memory://nowhere/t\.parquet` does not exist"):
        open_source("memory://nowhere/t.parquet", SourceConfig())


def test_other_parquet_files_are_tables(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"id": ["a"], "audio": ["a.wav"], "text": ["a"], "duration": [1.0]}), path)
    assert open_source(str(path), SourceConfig()).kind == "table"
    with pytest.raises(ConfigError, match="is no row file"):
        open_source(str(path), SourceConfig(kind="rows"))


def doctored(path: Path, **changes: object) -> None:
    """Rewrite a row file with another header."""
    table = pq.read_table(path)
    ((key, text),) = table.schema.metadata.items()
    pq.write_table(table.replace_schema_metadata({key: json.dumps(json.loads(text) | changes)}), path)


def test_a_file_of_another_format_says_so(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "segments.parquet", corpus)
    doctored(path, format=7)
    with pytest.raises(ConfigError, match="is a row file of format 7"):
        open_source(str(path), SourceConfig())


def test_a_damaged_header_and_a_strange_schema_are_said(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "segments.parquet", corpus)
    doctored(path, source=None)
    with pytest.raises(CorruptShard, match="does not say what it was made from"):
        RowFile.opened(str(path))
    write(path, corpus)
    metadata = pq.read_schema(path).metadata
    pq.write_table(pa.table({"id": ["a"]}).replace_schema_metadata(metadata), path)
    with pytest.raises(CorruptShard, match="other columns"):
        RowFile.opened(str(path))


def test_a_file_that_names_itself_is_refused(corpus: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "segments.parquet", corpus)
    doctored(path, source="segments.parquet")
    with pytest.raises(ConfigError, match="names itself"):
        RowFile.opened(str(path)).open(ROWS[0].locator)


def test_a_row_whose_path_leaves_the_source_is_rejected(corpus: Path, tmp_path: Path) -> None:
    row = replace(ROWS[0], locator=Locator(path="../secret.wav"))
    (read,) = RowFile.opened(str(write(tmp_path / "segments.parquet", corpus, [row]))).scan()
    assert read.reject is not None and read.reject[0] == "path_escapes"


def test_equal_rows_give_equal_bytes(corpus: Path, tmp_path: Path) -> None:
    one = write(tmp_path / "one" / "segments.parquet", corpus).read_bytes()
    assert one == write(tmp_path / "two" / "segments.parquet", corpus).read_bytes()
    assert ROW_SCHEMA.names == pq.read_schema(tmp_path / "one" / "segments.parquet").names
