"""Hugging Face datasets, laid out as `datasets` writes them: Parquet, `save_to_disk`, audiofolders."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.source_row import Locator, TimedWord
from tests.sources.datasets import (
    decoded,
    flac,
    opened,
    parquet,
    records,
    saved,
    scan,
)


def test_a_pushed_dataset_is_read_file_by_file(tmp_path: Path) -> None:
    parquet(tmp_path / "data" / "train-00000-of-00002.parquet", records(0, 3))
    parquet(tmp_path / "data" / "train-00001-of-00002.parquet", records(3, 2))
    parquet(tmp_path / "data" / "test-00000-of-00001-6d0a3cfc3eb8c6e5.parquet", records(5, 1))
    source = opened(tmp_path)
    assert pickle.loads(pickle.dumps(source)) == source
    rows = list(source.scan())
    assert (source.kind, source.root, source.inventory()) == ("hub", str(tmp_path), None)
    assert [row.split for row in rows] == ["test", *["train"] * 5]
    assert [row.id for row in rows[1:]] == [
        *(f"data/train-00000-of-00002-{n}" for n in range(3)),
        *(f"data/train-00001-of-00002-{n}" for n in range(2)),
    ]
    assert rows[3].locator == Locator(path="data/train-00000-of-00002.parquet", row_group=1, row=0)
    assert [decoded(source, row) for row in rows] == [1_605, *(1_600 + n for n in range(5))]
    third = rows[3]
    assert (third.text, third.recording, third.duration) == ("text 2", third.id, None)
    assert third.custom == {"gender": "female", "audio": "clip-2.flac"}


def test_what_save_to_disk_leaves(tmp_path: Path) -> None:
    saved(tmp_path / "train", records(0, 3), records(3, 2))
    saved(tmp_path / "dev", records(5, 1))
    saved(tmp_path / "Other.Speech", records(6, 1))
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "dev", "Other.Speech"]}')
    saved_before = tmp_path / "train" / "data-00000-of-00001.arrow"
    saved_before.write_bytes((tmp_path / "train" / "data-00000-of-00002.arrow").read_bytes())
    source = opened(tmp_path)
    rows = list(source.scan())
    assert [row.split for row in rows] == ["other-speech", "validation", *["train"] * 5]
    assert rows[4].locator == Locator(path="train/data-00000-of-00002.arrow", row_group=1, row=0)
    assert [decoded(source, row) for row in rows] == [1_606, 1_605, *(1_600 + n for n in range(5))]
    assert rows[4].custom == {"gender": "female", "audio": "clip-2.flac"}
    one_split = opened(tmp_path / "train")
    assert [(row.id, row.split) for row in one_split.scan()][3:] == [
        ("data-00001-of-00002-0", None),
        ("data-00001-of-00002-1", None),
    ]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{}", "lists no `_data_files`"),
        ("not json", "lists no `_data_files`"),
        ('{"_data_files": [{"filename": "../x.arrow"}]}', "no `.arrow` file beside it"),
        ('{"_data_files": [{"filename": "/etc/passwd"}]}', "no `.arrow` file beside it"),
        ('{"_data_files": [{"filename": "gone.arrow"}]}', "gone.arrow` does not exist"),
    ],
)
def test_a_saved_dataset_that_does_not_say_its_files(tmp_path: Path, state: str, message: str) -> None:
    saved(tmp_path, records(0, 1))
    (tmp_path / "state.json").write_text(state)
    with pytest.raises((ConfigError, Unavailable), match=message):
        scan(tmp_path)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/train-00000-of-00005.parquet", "train"),
        ("data/validation-00000-of-00001-0123456789abcdef.parquet", "validation"),
        ("data/test-00003.parquet", "test"),
        ("clean/train.100/0000.parquet", "train"),
        ("clean/test/0000.parquet", "test"),
        ("de/test.other/0001.parquet", "test-other"),
        ("train/eval2000.parquet", "eval2000"),
        ("data/part-0.parquet", None),
    ],
)
def test_splits_are_called_as_files_or_folders_are(tmp_path: Path, path: str, split: str | None) -> None:
    parquet(tmp_path / path, records(0, 1))
    assert [row.split for row in scan(tmp_path)] == [split]
    assert [row.split for row in scan(tmp_path, splits="ignore")] == [None]
    assert [row.split for row in scan(tmp_path / path)] == [None]


def test_a_split_column_is_read_as_the_name_of_a_part(tmp_path: Path) -> None:
    parquet(tmp_path / "train.parquet", [*records(0, 1, split="Dev"), *records(1, 1, split="")])
    assert [row.split for row in scan(tmp_path)] == ["validation", "train"]
    assert [row.split for row in scan(tmp_path, splits="ignore")] == [None, None]


def test_columns_are_declared_and_ids_taken_from_them(tmp_path: Path) -> None:
    words = [{"word": "good", "start": 0.0, "end": 0.05}]
    row = records(0, 1)[0]
    rows = [{"utt": 7, "speech": row["audio"], "sentence": " hé ", "lang": "fr", "words": words, "seconds": 1.5}]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet")
    columns = {"id": "utt", "audio": "speech", "text": "sentence", "language": "lang", "duration": "seconds"}
    source = opened(tmp_path / "a.parquet", kind="hub", **columns)
    (found,) = source.scan()
    assert (found.id, found.text, found.language, found.duration) == ("7", "hé", "fr", 1.5)
    assert found.words == (TimedWord("good", 0.0, 0.05),)
    assert decoded(source, found) == 1_600


def test_every_mistake_names_its_column_and_those_there_are(tmp_path: Path) -> None:
    rows = [{"speech": row["audio"], "sentence": "hi"} for row in records(0, 1)]
    features = {"speech": {"_type": "Audio"}}
    table = pa.Table.from_pylist(rows).replace_schema_metadata(
        {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, speaker="who")
    assert len(caught.value.mistakes) == 3
    for mistake, option in zip(caught.value.mistakes, ("audio", "text", "speaker"), strict=True):
        assert f"(`source.{option}`)" in mistake
        assert "it has `speech`, `sentence`" in mistake
    (row,) = scan(tmp_path, audio="speech", text=None)
    assert (row.text, row.custom["sentence"]) == (None, "hi")


def test_an_audio_folder_is_not_overlooked(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", records(0, 1))
    with pytest.raises(ConfigError, match=r"`source\.audio_folder` is for tables"):
        opened(tmp_path, audio_folder="wavs")


def test_a_dataset_of_decoded_samples_is_refused(tmp_path: Path) -> None:
    samples = pa.struct([("array", pa.list_(pa.float32())), ("sampling_rate", pa.int64())])
    rows = [{"audio": {"array": [0.0, 0.1], "sampling_rate": 16_000}, "text": "hi"}]
    path = parquet(tmp_path / "a.parquet", rows, samples)
    with pytest.raises(ConfigError, match=r"must hold recordings or their paths, but is struct<array"):
        opened(path)


def test_where_a_record_was_cut_from_is_no_stretch_of_it(tmp_path: Path) -> None:
    """GigaSpeech, AMI: the audio is the segment, the times are of the meeting."""
    path = parquet(tmp_path / "a.parquet", records(0, 1, start=100.0, end=104.5))
    source = opened(path)
    (row,) = source.scan()
    assert (row.locator.start, row.duration) == (None, None)
    assert (row.custom["start"], row.custom["end"], decoded(source, row)) == (100.0, 104.5, 1_600)
    path = parquet(tmp_path / "b.parquet", records(0, 1, begin=1.0))
    with pytest.raises(ConfigError, match=r"`source\.start` cuts recordings that are named by path"):
        opened(path, start="begin")


def test_bytes_that_are_missing_or_no_audio_cost_their_record(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "beside.flac").write_bytes(flac(50))
    cells: list[Any] = [
        {"bytes": flac(1), "path": None},
        {"bytes": b"no audio", "path": "x.flac"},
        {"bytes": b"", "path": "x.flac"},
        {"bytes": None, "path": "wavs/beside.flac"},
        {"bytes": None, "path": "wavs/gone.flac"},
        {"bytes": None, "path": "../up.flac"},
        {"bytes": None, "path": None},
        None,
    ]
    path = parquet(tmp_path / "a.parquet", [{"audio": cell, "text": "t"} for cell in cells], group=3)
    source = opened(path)
    outcomes: list[int | str] = []
    details: list[str] = []
    for row in source.scan():
        try:
            outcomes.append(decoded(source, row))
        except Rejected as verdict:
            outcomes.append(verdict.reason)
            details.append(verdict.detail)
    assert outcomes == [
        1_601,
        "undecodable",
        "empty_file",
        1_650,
        "missing_audio",
        "path_escapes",
        "missing_audio",
        "missing_audio",
    ]
    assert str(tmp_path) not in "".join(details)
    assert details[0] == "`a.parquet, row group 0, row 1`: Format not recognised."
    assert details[-1] == "`a.parquet, row group 2, row 1` has neither bytes nor a path in `audio`."
