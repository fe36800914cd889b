"""Where the files of a Hugging Face dataset may lie, and audiofolders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.errors import ConfigError, MissingExtra, Rejected
from lstdata.sources.hub_parts import dataset_at
from tests.sources.datasets import (
    decoded,
    flac,
    opened,
    parquet,
    reason,
    records,
    saved,
    scan,
)


def audiofolder(root: Path, name: str, content: str) -> Path:
    (root / "wavs").mkdir(parents=True, exist_ok=True)
    (root / "wavs" / "a.flac").write_bytes(flac(0))
    (root / name).write_text(content, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "file_name,transcription,accent\nwavs/a.flac,good day,en\nwavs/b.flac,gone,en\n../c.flac,,\n"),
        (
            "metadata.jsonl",
            '{"file_name": "wavs/a.flac", "transcription": "good day", "accent": "en"}\n'
            '{"file_name": "wavs/b.flac"}\n{"file_name": "../c.flac"}\n',
        ),
    ],
)
def test_an_audiofolder_per_split(tmp_path: Path, name: str, content: str) -> None:
    for split in ("train", "dev"):
        audiofolder(tmp_path / split, name, content)
    source = opened(tmp_path)
    rows = list(source.scan())
    assert [(row.id, row.split) for row in rows] == [
        ("dev/wavs/a", "validation"),
        ("dev/wavs/b", "validation"),
        ("c", "validation"),
        ("train/wavs/a", "train"),
        ("train/wavs/b", "train"),
        ("c", "train"),
    ]
    assert (rows[3].text, rows[3].custom, rows[3].locator.path) == ("good day", {"accent": "en"}, "train/wavs/a.flac")
    assert rows[3].duration == pytest.approx(0.1)
    assert decoded(source, rows[3]) == 1_600
    with pytest.raises(Rejected, match=r"missing_audio: there is no file `dev/wavs/b\.flac`"):
        source.open(rows[1].locator)
    assert rows[2].locator.path == "c.flac"


def test_an_audiofolder_in_one_table_of_parquet(tmp_path: Path) -> None:
    audiofolder(tmp_path, "readme.txt", "")
    rows = [{"file_name": "wavs/a.flac", "text": "hi", "id": "one"}, {"file_name": None, "text": "hi", "id": "two"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "metadata.parquet")
    source = opened(tmp_path)
    first, second = source.scan()
    assert (source.kind, first.id, first.split, decoded(source, first)) == ("hub", "one", None, 1_600)
    assert (second.id, reason(second)) == ("two", "bad_row")


def test_a_metadata_table_without_file_names_is_none(tmp_path: Path) -> None:
    """LJSpeech's has no header at all."""
    audiofolder(tmp_path, "metadata.csv", "LJ001-0001|Printing, in the only sense|Printing\n")
    assert opened(tmp_path).kind == "folder"


def test_a_folder_with_other_parquet_files_is_no_dataset(tmp_path: Path) -> None:
    audiofolder(tmp_path, "a.txt", "")
    pq.write_table(pa.Table.from_pylist([{"speaker": "ann"}]), tmp_path / "speakers.parquet")
    assert opened(tmp_path).kind == "folder"
    with pytest.raises(ConfigError, match=r"speakers\.parquet` has no column `audio`"):
        opened(tmp_path, kind="hub")


def test_a_folder_may_be_called_as_a_file(tmp_path: Path) -> None:
    """As Spark writes tables."""
    parquet(tmp_path / "corpus.parquet" / "part-00000.parquet", records(0, 1))
    assert [row.id for row in scan(tmp_path / "corpus.parquet")] == ["part-00000-0"]


def test_a_row_group_above_two_gigabytes_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once must fit into one Arrow array, whose bytes are counted in 32 bits."""
    source = opened(parquet(tmp_path / "a.parquet", records(0, 12), group=12))
    rows = list(source.scan())

    def at_once(*_: Any, **__: Any) -> None:
        raise pa.ArrowNotImplementedError("Nested data conversions not implemented for chunked array outputs")

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", at_once)
    assert [decoded(source, row) for row in rows] == [1_600 + number for number in range(12)]


def test_files_are_looked_for_three_folders_down(tmp_path: Path) -> None:
    parquet(tmp_path / "de" / "clean" / "train" / "0.parquet", records(0, 1))
    parquet(tmp_path / ".cache" / "2.parquet", records(2, 1))
    (tmp_path / "again").symlink_to(tmp_path / "de")
    dataset = dataset_at(str(tmp_path))
    assert dataset is not None
    assert [part.path for part in dataset.parts] == ["de/clean/train/0.parquet"]


def test_a_dataset_that_goes_on_further_down_is_refused(tmp_path: Path) -> None:
    parquet(tmp_path / "de" / "clean" / "train" / "0.parquet", records(0, 1))
    parquet(tmp_path / "de" / "clean" / "train" / "more" / "1.parquet", records(1, 1))
    with pytest.raises(ConfigError, match=r"has `de/clean/train/more/1\.parquet`, but files are looked for up to 3"):
        dataset_at(str(tmp_path))


@pytest.mark.parametrize("layout", [parquet, saved])
def test_a_dataset_may_lie_behind_a_url(tmp_path: Path, layout: Callable[..., Path]) -> None:
    local = tmp_path / "local"
    if layout is parquet:
        parquet(local / "clean" / "train.100" / "0000.parquet", records(0, 3))
    else:
        saved(local / "train", records(0, 3))
    import fsspec

    fsspec.filesystem("memory").put(str(local), f"/{tmp_path.name}", recursive=True)
    expected = scan(local)
    for root in (f"file://{local}", f"memory://{tmp_path.name}"):
        source = opened(root)
        assert (source.kind, source.root, list(source.scan())) == ("hub", root.removeprefix("file://"), expected)
        assert decoded(source, expected[2]) == 1_602
    file = opened(f"file://{local}/{expected[0].locator.path}")
    assert file.root == f"{local}/{expected[0].locator.path}".rsplit("/", 1)[0]
    assert [decoded(file, row) for row in file.scan()] == [1_600, 1_601, 1_602]
    with pytest.raises(ConfigError, match="does not exist"):
        opened(f"memory://{tmp_path.name}/nowhere")


def test_the_hub_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lstdata\[hub\]'"):
        opened("hf://datasets/openslr/librispeech_asr/clean")
