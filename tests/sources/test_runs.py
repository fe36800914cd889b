"""A finished run as a source: every sample and dead letter, from its tables; a damaged one is refused, never built."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, CorruptShard, Unavailable
from lstdata.index import INDEX_SCHEMA, read_table, write_rejects
from lstdata.records import DeadLetter
from lstdata.run_folder import sealed
from lstdata.shards import read_shard
from lstdata.sources import open_source
from lstdata.sources.runs import RunSource
from lstdata.storage import commit_json, read_json, sha256_bytes


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(built, tmp_path / "run"))


def opened(path: Path, **config: Any) -> RunSource:
    source = open_source(str(path), SourceConfig(**config))
    assert isinstance(source, RunSource)
    return source


def reseal(run: Path) -> None:
    commit_json(run / "run.json", sealed(run, read_json(run / "run.json")))


def test_every_sample_comes_back_as_it_was_stored(built: Path) -> None:
    source = pickle.loads(pickle.dumps(opened(built)))
    rows = list(source.scan())
    index = read_table(built / "index.parquet", INDEX_SCHEMA)
    assert [row.id for row in rows] == index["id"].to_pylist()
    stored = {s.id: s for path in (built / "shards").glob("*.tar") for s in read_shard(path)}
    for row in rows:
        sample, found = stored[row.id], source.open(row.locator)
        assert np.array_equal(found.units, sample.units) and np.array_equal(found.activity, sample.activity)
        assert found.words == sample.words and np.array_equal(found.word_frames, sample.word_frames)
        assert (found.samples, found.aligner, found.score) == (sample.samples, sample.aligner, sample.align_score)
        assert found.header_seconds == sample.header_seconds and sample.header_seconds is not None
        assert (row.text, row.split, row.recording) == (sample.text, sample.split, sample.recording)
        assert (row.speaker, row.language, row.license) == (sample.speaker, sample.language, sample.license)
        assert dict(row.custom) == sample.custom and row.duration == sample.samples / 16_000


def test_splits_may_be_left_behind(built: Path) -> None:
    assert {row.split for row in opened(built).scan()} == {"train", "validation"}
    assert {row.split for row in opened(built, splits="ignore").scan()} == {None}


def test_dead_letters_travel_with_their_reason(run: Path) -> None:
    letters = [
        DeadLetter("a", "decode", "empty_file", "`a.wav` has 0 bytes.", "a.wav"),
        DeadLetter("b", "filter", "filtered_max_seconds", "too long", "b.wav", environmental=True),
    ]
    write_rejects(run / "rejects.parquet", letters)
    reseal(run)
    rows = [row for row in opened(run).scan() if row.reject]
    assert [(row.id, row.reject, row.locator.path) for row in rows] == [
        (letter.id, (letter.reason, letter.message), letter.source) for letter in letters
    ]


def test_a_text_that_only_the_word_times_give_is_read_too(run: Path) -> None:
    expected = {row.id: row.text for row in opened(run).scan()}
    plan = pq.ParquetFile(run / "plan.parquet")
    groups = [plan.read_row_group(number) for number in range(plan.num_row_groups)]
    with pq.ParquetWriter(run / "plan.parquet", groups[0].schema) as writer:
        for group in groups:
            nulls = pa.nulls(group.num_rows, pa.string())
            writer.write_table(group.set_column(group.schema.get_field_index("text"), "text", nulls))
    reseal(run)
    assert {row.id: row.text for row in opened(run).scan()} == expected


def test_the_codebook_comes_byte_for_byte(built: Path) -> None:
    inventory = opened(built).inventory()
    assert inventory.codebook == (built / "codebook.npz").read_bytes()
    assert inventory.clusters == read_json(built / "vocab.json")["units"]
    assert sha256_bytes(inventory.codebook) == read_json(built / "vocab.json")["codebook_sha256"]


def test_a_flipped_byte_of_a_sample_is_refused(run: Path) -> None:
    source = opened(run)
    row = next(iter(source.scan()))
    tar = run / row.locator.path
    data = bytearray(tar.read_bytes())
    data[data.index(b".units.npy", row.locator.offset) + 512 + 200] ^= 1
    tar.write_bytes(data)
    with pytest.raises(CorruptShard, match=r"train-000000\.tar.*crc32"):
        source.open(row.locator)


def test_a_lost_tar_is_damage_but_a_lost_mount_is_not(run: Path) -> None:
    source = opened(run)
    row = next(iter(source.scan()))
    (run / row.locator.path).unlink()
    with pytest.raises(CorruptShard, match=r"tar` is missing"):
        source.open(row.locator)
    run.rename(run.with_name("gone"))
    with pytest.raises(Unavailable):
        source.open(row.locator)


def test_a_run_that_is_rebuilt_in_place_is_not_read_by_old_sums(run: Path) -> None:
    """As when one process builds twice: what was remembered of the index must not outlive it."""
    source = opened(run)
    first, last = (list(source.scan())[i].locator for i in (0, -1))
    source.open(first)
    index = run / "index.parquet"
    index.write_bytes(b"no table")
    with pytest.raises(CorruptShard, match=r"index\.parquet` cannot be read"):
        source.open(last)


def _unfinished(run: Path) -> None:
    commit_json(run / "run.json", read_json(run / "run.json") | {"totals": None})


def _edited(run: Path) -> None:
    commit_json(run / "run.json", read_json(run / "run.json") | {"compute_class": "toaster"})


def _empty(run: Path) -> None:
    stated = read_json(run / "run.json")
    commit_json(run / "run.json", sealed(run, stated | {"totals": stated["totals"] | {"written": 0}}))


def _of_the_future(run: Path) -> None:
    commit_json(run / "run.json", read_json(run / "run.json") | {"format": 99})


@pytest.mark.parametrize(
    ("change", "fault", "message"),
    [
        (_unfinished, ConfigError, "is not finished: run the command that makes it"),
        (_edited, CorruptShard, r"run\.json` is not the one that was committed"),
        (_empty, ConfigError, "holds no samples"),
        (_of_the_future, ConfigError, "format 99"),
        (lambda run: (run / "run.json").write_text("{"), CorruptShard, r"run\.json` cannot be read"),
        (lambda run: (run / "run.json").write_text("[]"), CorruptShard, r"run\.json` cannot be read"),
        (lambda run: (run / "index.parquet").unlink(), CorruptShard, r"index\.parquet` is missing"),
        (lambda run: (run / "rejects.parquet").write_bytes(b""), CorruptShard, r"rejects\.parquet` is not the one"),
        (lambda run: shutil.copy(run / "shards.parquet", run / "plan.parquet"), CorruptShard, r"plan\.parquet` is not"),
        (lambda run: (run / "codebook.npz").write_bytes(b"x"), CorruptShard, r"codebook\.npz` is not the one"),
    ],
)
def test_what_is_no_finished_run_is_refused_in_one_line(
    run: Path, change: Any, fault: type[Exception], message: str
) -> None:
    change(run)
    with pytest.raises(fault, match=message) as caught:
        source = opened(run)
        source.inventory()
        list(source.scan())
    assert "\n" not in str(caught.value)


def test_a_folder_with_a_run_json_of_something_else_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds nothing to build from"):
        open_source(str(tmp_path), SourceConfig())
    with pytest.raises(ConfigError, match="is no run folder"):
        open_source(str(tmp_path), SourceConfig(kind="run"))
