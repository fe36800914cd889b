"""Hugging Face datasets, laid out as `datasets` writes them: Parquet, `save_to_disk`, audiofolders."""

from __future__ import annotations

import io
import json
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from lstdata.build.plan import make_plan
from lstdata.build.plan_table import read_shard_rows
from lstdata.config import PlanConfig, SourceConfig
from lstdata.errors import ConfigError, DamagedSource, MissingExtra, Rejected, Unavailable
from lstdata.records import Audio, Locator, SourceRow, TimedWord
from lstdata.sources import Source, arrow, open_source
from lstdata.sources.hub_parts import dataset_at

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {
    "audio": {"sampling_rate": 16_000, "_type": "Audio"},
    "text": {"dtype": "string", "_type": "Value"},
    "gender": {"names": ["female", "male"], "_type": "ClassLabel"},
}
METADATA = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}


def flac(number: int, samples: int = 1_600) -> bytes:
    data = io.BytesIO()
    signal = np.random.default_rng(number).standard_normal(samples + number) * 0.1
    soundfile.write(data, signal, 16_000, format="FLAC")
    return data.getvalue()


def records(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"audio": {"bytes": flac(n), "path": f"clip-{n}.flac"}, "text": f"text {n}", "gender": n % 2, **more}
        for n in range(first, first + count)
    ]


def tabled(rows: Sequence[dict[str, Any]], audio: pa.DataType = AUDIO) -> pa.Table:
    table = pa.Table.from_pylist(list(rows))
    if "audio" in table.schema.names:
        column = pa.array([row.get("audio") for row in rows], audio)
        table = table.set_column(table.schema.get_field_index("audio"), "audio", column)
    return table.replace_schema_metadata(METADATA)


def parquet(path: Path, rows: Sequence[dict[str, Any]], audio: pa.DataType = AUDIO, group: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(tabled(rows, audio), path, row_group_size=group)
    return path


def saved(folder: Path, *files: Sequence[dict[str, Any]], batch: int = 2) -> Path:
    """One split as `Dataset.save_to_disk` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{number:05d}-of-{len(files):05d}.arrow" for number in range(len(files))]
    for name, rows in zip(names, files, strict=True):
        table = tabled(rows)
        with pa.ipc.new_stream(str(folder / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=batch)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": n} for n in names], "_split": None}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    return folder


def opened(path: Path | str, **config: Any) -> Source:
    return open_source(str(path), SourceConfig(**config))


def scan(path: Path | str, **config: Any) -> list[SourceRow]:
    return list(opened(path, **config).scan())


def decoded(source: Source, row: SourceRow) -> int:
    audio = source.open(row.locator)
    assert isinstance(audio, Audio)
    return audio.decoded


def reason(row: SourceRow) -> str | None:
    return row.reject and row.reject[0]


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
        {record.row.locator.row_group for record in read_shard_rows(tmp_path / "plan.parquet", shard.row_group)}
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
        assert (source.kind, source.root, list(source.scan())) == ("hub", root, expected)
        assert decoded(source, expected[2]) == 1_602
    file = opened(f"file://{local}/{expected[0].locator.path}")
    assert file.root == f"file://{local}/{expected[0].locator.path}".rsplit("/", 1)[0]
    assert [decoded(file, row) for row in file.scan()] == [1_600, 1_601, 1_602]
    with pytest.raises(ConfigError, match="neither a folder nor a table"):
        opened(f"memory://{tmp_path.name}/nowhere")


def test_the_hub_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lstdata\[hub\]'"):
        opened("hf://datasets/openslr/librispeech_asr/clean")
