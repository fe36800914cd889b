"""`webdataset`: the audio that each sample was made of, beside its units, as webdataset decodes it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import webdataset

from lstdata.build.plan_table import read_plan, read_shard_rows
from lstdata.config import SourceConfig
from lstdata.records import Audio
from lstdata.sources import open_source
from tests.conftest import build
from tests.export.conftest import away, contents, exporting, json_lines, samples


def loaded(dst: Path) -> list[dict[str, Any]]:
    tars = sorted(map(str, dst.glob("*.tar")))
    return [one for tar in tars for one in webdataset.WebDataset(tar, shardshuffle=False).decode()]


def test_each_sample_has_its_audio_and_its_units(built: Path, cuts: Path, export: Callable[..., Path]) -> None:
    dst = export(built, "webdataset", "--workers", "1")
    wanted = {sample.key: sample for sample in samples(built)}
    plan = built / "plan.parquet"
    rows = {r.key: r.row for shard in read_plan(plan).shards for r in read_shard_rows(plan, shard.number)}
    source = open_source(str(cuts), SourceConfig())
    found = loaded(dst)
    assert {one["__key__"] for one in found} == set(wanted) and len(found) == 12
    for one in found:
        sample, said = wanted[one["__key__"]], one["json"]
        original = source.open(rows[sample.key].locator)
        audio, rate = soundfile.read(io.BytesIO(one["flac"]), dtype="float32")
        assert isinstance(original, Audio) and rate == 16_000 and audio.shape == (sample.samples,)
        assert np.abs(audio - original.samples).max() <= 1 / 32768
        assert one["units.npy"].tolist() == sample.units.tolist()
        assert (said["id"], said["words"], said["samples"]) == (sample.id, list(sample.words), sample.samples)
        assert said["word_frames"] == sample.word_frames.tolist() and said["custom"] == sample.custom
    assert contents(export(built, "webdataset", "--workers", "2", to="again")) == contents(dst)


def test_audio_that_is_gone_or_another_is_left_out(moved: tuple[Path, Path], export: Callable[..., Path]) -> None:
    corpus, out = moved
    with away(corpus / "audio" / "utt-003.flac"), away(corpus / "audio" / "utt-004.flac"):
        soundfile.write(corpus / "audio" / "utt-004.flac", np.zeros(9_000), 22_050)
        dst = export(out, "webdataset", "--workers", "1")
    left = {line["id"]: line["reason"] for line in json_lines(dst / "left_out.jsonl")}
    assert left == {"utt-003": "missing_audio", "utt-004": "audio_changed"}
    said = json.loads((dst / "export.json").read_text(encoding="utf-8"))
    assert (said["written"], said["left_out"]) == (10, 2) and len(loaded(dst)) == 10


def test_opus_that_was_kept_is_decoded_where_the_source_is_gone(
    cuts: Path, tmp_path: Path, export: Callable[..., Path]
) -> None:
    shutil.copytree(cuts, tmp_path / "corpus")
    build(tmp_path / "corpus", tmp_path / "run", "audio.keep=opus")
    whole = {
        one["__key__"]: one for one in loaded(export(tmp_path / "run", "webdataset", "--workers", "1", to="whole"))
    }
    with away(tmp_path / "corpus"):
        dst = export(tmp_path / "run", "webdataset", "--workers", "1")
    found = loaded(dst)
    assert {one["__key__"] for one in found} == set(whole)
    for one in found:
        heard, original = (soundfile.read(io.BytesIO(each["flac"]))[0] for each in (one, whole[one["__key__"]]))
        assert (
            heard.shape == original.shape and one["units.npy"].tolist() == whole[one["__key__"]]["units.npy"].tolist()
        )
        assert not np.array_equal(heard, original), "it is lossy"


def test_without_a_source_of_audio_nothing_is_made(mixed: Path, moved: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = moved
    with away(corpus):
        done = exporting(out, tmp_path / "dst", "--format", "webdataset")
    assert done.exit_code != 0 and "does not exist" in str(done.exception)
    done = exporting(mixed, tmp_path / "dst", "--format", "webdataset")
    assert done.exit_code != 0 and "has none" in str(done.exception)
    assert not (tmp_path / "dst").exists()
