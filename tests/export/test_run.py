"""What holds for every format: all samples accounted for, equal bytes, and nothing of others replaced."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest

from lstdata.export import FORMATS
from lstdata.export.destination import exporting as replacing
from lstdata.export.hf import row_of
from lstdata.export.lst import LstWriter
from lstdata.export.samples import Shard
from lstdata.export.slamkit import SlamkitWriter
from lstdata.records import Sample
from lstdata.run_folder import read_finished
from lstdata.shards import StoredSample
from lstdata.storage import place
from tests.conftest import build
from tests.export.conftest import contents, exporting, features
from tests.sources.unit_files import write_lines

UNITS = [form for form in FORMATS if form != "webdataset"]
"""Those that need no audio."""


@pytest.mark.parametrize("form", UNITS)
def test_all_samples_are_accounted_for_and_bytes_are_equal(form: str, mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, form)
    said = json.loads((dst / "export.json").read_text(encoding="utf-8"))
    assert said["format"] == form and said["samples"] == 12 == said["written"] + said["left_out"]
    assert sum(split["written"] for split in said["splits"].values()) == said["written"]
    assert said["run"]["seal"] == read_finished(mixed)["seal"]
    files = contents(dst)
    del files["export.json"]
    assert said["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert contents(export(mixed, form, to="again")) == contents(dst)


@pytest.mark.parametrize("form", UNITS)
def test_one_split_alone(form: str, mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, form, "--split", "test-clean")
    said = json.loads((dst / "export.json").read_text(encoding="utf-8"))
    assert list(said["splits"]) == ["test-clean"] and said["samples"] == 4


@pytest.mark.parametrize("form", UNITS)
def test_a_damaged_sample_is_named_and_nothing_is_left(form: str, mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(mixed, out)
    tar = out / "shards" / "train-000000.tar"
    data = bytearray(tar.read_bytes())
    data[data.index(b".units.npy") + 512 + 130] ^= 1
    tar.write_bytes(data)
    done = exporting(out, tmp_path / "dst", "--format", form)
    assert done.exit_code == 1 and "crc32 differs" in str(done.exception) and "train-000000.tar" in str(done.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_a_folder_with_other_files_is_never_replaced(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.txt").write_text("years")
    for more in ([], ["--overwrite"]):
        done = exporting(mixed, tmp_path / "own", "--format", "lst", *more)
        assert done.exit_code != 0 and "holds other files" in str(done.exception)
    assert contents(tmp_path / "own") == {"thesis.txt": b"years"}


def test_an_export_is_replaced_only_where_that_is_asked(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "dst").mkdir()
    assert exporting(mixed, tmp_path / "dst", "--format", "lst").exit_code == 0
    done = exporting(mixed, tmp_path / "dst", "--format", "lst", "--split", "train")
    assert done.exit_code != 0 and "--overwrite" in str(done.exception)
    assert (tmp_path / "dst" / "validation").is_dir()
    assert exporting(mixed, tmp_path / "dst", "--format", "lst", "--split", "train", "--overwrite").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dst"]
    assert not (tmp_path / "dst" / "validation").exists()


def test_what_was_put_into_an_export_is_not_replaced(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "lst")
    (dst / "train" / "notes.txt").write_text("mine")
    done = exporting(mixed, dst, "--format", "lst", "--overwrite")
    assert done.exit_code != 0 and "holds `train/notes.txt`, which is not of the export" in str(done.exception)
    assert (dst / "train" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "tset"], "`--split` must be one of test-clean, train, validation, but is 'tset'"),
        (["--chunks", "0"], "`--chunks` must be ≥ 1, but is 0"),
    ],
)
def test_mistakes_are_one_clear_line(arguments: list[str], message: str, mixed: Path, tmp_path: Path) -> None:
    done = exporting(mixed, tmp_path / "dst", "--format", "lst", *arguments)
    assert done.exit_code != 0 and message in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_the_run_folder_itself_is_no_place(mixed: Path, tmp_path: Path) -> None:
    before = contents(mixed)
    for dst in (mixed, mixed / "shards" / "new"):
        done = exporting(mixed, dst, "--format", "lst")
        assert done.exit_code != 0 and "must not be in the run folder" in str(done.exception)
    (tmp_path / "holding").mkdir()
    shutil.copytree(mixed, tmp_path / "holding" / "run")
    (tmp_path / "holding" / "export.json").write_text("{}")
    done = exporting(tmp_path / "holding" / "run", tmp_path / "holding", "--format", "lst", "--overwrite")
    assert done.exit_code != 0 and "nor hold it" in str(done.exception)
    assert contents(mixed) == before == contents(tmp_path / "holding" / "run")


def test_a_run_of_which_nothing_can_be_carried_is_an_error(tmp_path: Path) -> None:
    write_lines(tmp_path / "f.jsonl", [features(1, "train", timed=False)])
    build(tmp_path / "f.jsonl", tmp_path / "out", "words.missing=speech", "units.clusters=50")
    done = exporting(tmp_path / "out", tmp_path / "dst", "--format", "lst")
    assert "can carry none of the 1 samples" in str(done.exception) and "no_word_times" in str(done.exception)
    assert not (tmp_path / "dst").exists()


def test_to_a_store_the_summary_comes_last(mixed: Path, export: Callable[..., Path]) -> None:
    done = exporting(mixed, "memory://exports/mine", "--format", "lst")  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    store = fsspec.filesystem("memory")

    def stored() -> dict[str, bytes]:
        return {name.removeprefix("/exports/mine/"): store.cat(name) for name in store.find("/exports/mine")}

    assert stored() == contents(export(mixed, "lst"))
    store.pipe_file("/exports/mine/notes.txt", b"mine")
    asked = ["--format", "lst", "--split", "train", "--overwrite"]
    assert "holds `notes.txt`" in str(exporting(mixed, "memory://exports/mine", *asked).exception)  # type: ignore[arg-type]
    store.rm_file("/exports/mine/notes.txt")
    store.pipe_file("/exports/mine/train/more/notes.txt", b"mine")
    assert "holds `train/more/notes.txt`" in str(exporting(mixed, "memory://exports/mine", *asked).exception)  # type: ignore[arg-type]
    store.rm("/exports/mine/train/more", recursive=True)
    assert exporting(mixed, "memory://exports/mine", *asked).exit_code == 0  # type: ignore[arg-type]
    assert stored() == contents(export(mixed, "lst", "--split", "train", to="part"))


def test_on_a_store_only_what_the_export_states_is_replaced() -> None:
    store, dst = fsspec.filesystem("memory"), place("memory://exports/late")
    store.pipe({f"/exports/late/{name}": b"old" for name in ("a/old", "other", "late")})
    store.pipe_file("/exports/late/export.json", json.dumps({"files": {"a/old": "", "../late/other": ""}}).encode())
    with replacing(dst) as folder:
        (folder / "new").write_bytes(b"new")
        (folder / "export.json").write_bytes(b"{}")
    assert {name.rpartition("late/")[2] for name in store.find("/exports/late")} == {
        *("new", "export.json", "other", "late")
    }


def test_an_export_that_is_interrupted_while_it_is_put_there_leaves_the_former_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "old").write_bytes(b"old")
    rename = os.rename

    def interrupted(here: Path, there: Path) -> None:
        if here.name == "new":
            raise KeyboardInterrupt
        rename(here, there)

    monkeypatch.setattr("lstdata.export.destination.os.rename", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(place(tmp_path / "dst")) as folder:
        (folder / "new").write_bytes(b"new")
    assert contents(tmp_path) == {"dst/old": b"old"}


def document(text: str) -> StoredSample:
    sample = Sample(
        key="d",
        id="d",
        split="train",
        samples=0,
        units=np.zeros(0, np.uint16),
        activity=np.zeros(0, np.bool_),
        text=text,
        words=None,
        word_frames=None,
        tokens=np.array([3, 70_000], np.uint32),
        language="en",
    )
    return StoredSample(sample, {}, ())


def test_a_document_is_carried_where_there_is_a_place_for_it(tmp_path: Path) -> None:
    shard = Shard("train-000000", "train", "", 1, 1, 0)
    one = document("Seven geese.")
    assert LstWriter(tmp_path, 1).write(shard, [one]) == [("d", "text_only")]
    assert SlamkitWriter(tmp_path).write(shard, [one]) == []
    line = {"file_name": "d", "audio_repr": "Seven geese."}
    assert contents(tmp_path) == {"tokens/train.jsonl": json.dumps(line).encode() + b"\n"}
    row = row_of(one)
    assert row["text"] == "Seven geese." and row["tokens"].tolist() == [3, 70_000] and row.get("units") is None
