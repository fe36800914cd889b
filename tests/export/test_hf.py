"""`hf`: the Parquet files hold the run's samples, and say so as `datasets` reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.export import hf
from lstdata.export.hf import part_paths, schema
from lstdata.export.samples import Shard, open_run, read_samples
from lstdata.members import from_run_lengths
from lstdata.shards import StoredSample
from tests.export.conftest import contents


def rows(dst: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((dst / "data").iterdir()) for row in pq.read_table(path).to_pylist()]


def stored(out: Path) -> dict[str, StoredSample]:
    return {one.sample.id: one for _, found in read_samples(open_run(UPath(out))) for one in found}


def features(feature: dict[str, Any]) -> pa.DataType:
    """The type that `datasets` makes of a feature."""
    if feature["_type"] == "Sequence":
        return pa.list_(features(feature["feature"]))
    assert feature["_type"] == "Value"
    return pa.type_for_alias(feature["dtype"])


def test_the_features_are_those_of_the_columns() -> None:
    said = json.loads(schema().metadata[b"huggingface"])["info"]["features"]
    assert {name: features(feature) for name, feature in said.items()} == {f.name: f.type for f in schema()}


def test_every_sample_comes_back(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "hf")
    wanted = stored(mixed)
    found = rows(dst)
    assert {row["id"] for row in found} == set(wanted) and len(found) == 12
    for row in found:
        one = wanted[row["id"]]
        sample = one.sample
        assert row["units"] == sample.units.tolist() and row["words"] == (sample.words and list(sample.words))
        if sample.word_frames is not None:
            assert list(zip(row["word_start"], row["word_end"], strict=True)) == list(map(tuple, sample.word_frames))
        assert from_run_lengths(row["activity"], len(sample.activity)).tolist() == sample.activity.tolist()
        for name in ("static", "silence", "aligned", "aligned-merged", "aligned-bpe"):
            lengths = one.patches.get(name)
            assert row[f"patches_{name.replace('-', '_')}"] == (None if lengths is None else lengths.tolist())
        assert (row["key"], row["text"], row["speaker"]) == (sample.key, sample.text, sample.speaker)
        assert (row["recording"], row["language"], row["license"]) == (sample.recording, "en", "CC0-1.0")
        assert json.loads(row["custom"]) == sample.custom and row["duration"] == sample.samples / 16_000


def test_the_card_names_every_file_of_its_split(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "hf")
    front = yaml.safe_load((dst / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    (config,) = front["configs"]
    files = sorted(path.relative_to(dst).as_posix() for path in (dst / "data").iterdir())
    assert [entry["split"] for entry in config["data_files"]] == ["train", "validation", "test_clean"]
    matching = {e["split"]: [name for name in files if fnmatch(name, e["path"])] for e in config["data_files"]}
    assert sorted(chain.from_iterable(matching.values())) == files
    assert matching["test_clean"] == ["data/test_clean-00000-of-00001.parquet"]
    assert front["license"] == "cc0-1.0" and front["language"] == ["en"] and "webdataset" not in front["tags"]


def test_a_part_of_a_run_has_a_card_of_its_own(mixed: Path, export: Callable[..., Path]) -> None:
    card = (export(mixed, "hf", "--split", "validation") / "README.md").read_text(encoding="utf-8")
    assert "speech in 4 utterances" in card and "| train |" not in card
    assert "said of the whole run" in card and "12 records planned = 12 written" in card


def test_files_end_with_the_shard_that_fills_them(
    built: Path, export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows(export(built, "hf", to="whole"))
    monkeypatch.setattr(hf, "PART_BYTES", 1)
    monkeypatch.setattr(hf, "GROUP_ROWS", 2)
    dst = export(built, "hf", to="parts")
    names = sorted(path.name for path in (dst / "data").iterdir() if path.name.startswith("train"))
    assert len(names) > 1
    assert names == [f"train-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    assert pq.ParquetFile(dst / "data" / names[0]).metadata.row_group(0).num_rows == 2
    assert rows(dst) == whole


def test_two_splits_of_one_name_are_refused() -> None:
    shards = [Shard(f"{split}-000000", split, "", 1, 1, n) for n, split in enumerate(["a-b", "a_b"])]
    with pytest.raises(ConfigError, match="a-b and a_b would have one name"):
        part_paths(shards)


def test_datasets_loads_it(mixed: Path, export: Callable[..., Path], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    dst = export(mixed, "hf")
    loaded = datasets.load_dataset(str(dst), cache_dir=str(tmp_path / "cache"))
    assert sorted(loaded) == ["test_clean", "train", "validation"]
    wanted = stored(mixed)
    for split in loaded.values():
        for row in split:
            assert np.array_equal(row["units"], wanted[row["id"]].sample.units)
    assert contents(dst)["README.md"]
