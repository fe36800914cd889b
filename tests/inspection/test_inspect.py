"""`inspect`: what is shown is what the shard holds, and nothing of it is obeyed by a terminal."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError, CorruptShard
from lstdata.inspection.finding import find_place, open_finished, read_sample, weakest
from lstdata.inspection.items import items_of, spelt
from lstdata.inspection.text import text_of
from lstdata.patching import utterance_patches
from lstdata.records import Sample
from lstdata.shards import StoredSample, stored_strategies
from tests.test_patching import runs
from tests.test_shards import stored


def shown(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["inspect", str(out), *arguments], catch_exceptions=False)


def sample_of(out: Path, name: str) -> Sample:
    return read_sample(UPath(out), find_place(UPath(out), name)).sample


@given(runs())
def test_items_hold_every_unit_and_every_patch_once(run: tuple[Sample, int, int]) -> None:
    sample = run[0]
    patches = {name: utterance_patches(name, sample, PatchingConfig()) for name in stored_strategies(sample)}
    items = items_of(StoredSample(sample, patches, []))
    units = [unit for item in items for unit, count in item.units for _ in range(count)]
    assert units == sample.units.tolist()
    assert [item.word for item in items if item.word is not None] == list(sample.words or ())
    for name, lengths in patches.items():
        assert [length for item in items for length in item.patches[name]] == lengths.tolist(), name


def test_units_are_spelt_as_run_lengths() -> None:
    assert spelt([(12, 3), (45, 1), (7, 2)]) == "12×3 45 7×2"


def test_a_sample_is_shown_by_its_key_and_by_its_id(built: Path) -> None:
    by_id = shown(built, "utt-002").stdout
    key = by_id.split("(")[1].split(")")[0]
    assert shown(built, key).stdout == by_id
    lines = by_id.splitlines()
    assert "words by manifest" in lines[1] and "aligned-merged" in lines[2]
    words = sample_of(built, "utt-002").words or ()
    assert [line.split()[1] for line in lines[6:] if line.split()[1] != "·"] == list(words)
    said = json.loads(shown(built, "utt-002", "--json").stdout)
    assert [item["word"] for item in said["items"] if item["word"]] == list(words)


def test_another_name_is_refused_with_what_is_like_it(built: Path) -> None:
    with pytest.raises(ConfigError, match="no sample of the key or id `utt-02`; it has `utt-0"):
        find_place(UPath(built), "utt-02")
    with pytest.raises(ConfigError, match="is no run folder"):
        open_finished(UPath(built / "shards"))
    assert shown(built, "--worst", "0").exit_code == 2
    assert shown(built).exit_code == shown(built, "a", "--worst", "1").exit_code == 2


def test_a_damaged_sample_is_named(built: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(built, tmp_path / "out"))
    for tar in (out / "shards").glob("*.tar"):
        data = bytearray(tar.read_bytes())
        data[600] ^= 1
        tar.write_bytes(data)
    with pytest.raises(CorruptShard, match=r"sample `utt-.*is damaged \(crc32 differs\)"):
        for number in range(12):
            sample_of(out, f"utt-{number:03d}")


@given(st.text())
def test_nothing_of_the_data_is_obeyed(text: str) -> None:
    one = stored("a-1")
    sample = replace(one.sample, id=text, text=text, words=(text, "\x1b[31m", "\u202e"), speaker=text)
    drawn = text_of(replace(one, sample=sample), 100)
    assert not set(drawn.replace("\n", "")) & {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u202e"}


def test_the_weakest_come_first(built: Path, tmp_path: Path) -> None:
    assert weakest(UPath(built), 3) == [], "times of a manifest have no score"
    assert "no sample has an alignment score" in shown(built, "--worst", "3").stdout
    out = Path(shutil.copytree(built, tmp_path / "out"))
    table = pq.read_table(out / "index.parquet")
    scores = pa.array([None, -3.0, -1.0, -3.0, *([-0.5] * (table.num_rows - 4))], pa.float64())
    place = table.schema.get_field_index("align_score")
    pq.write_table(table.set_column(place, table.schema.field(place), scores), out / "index.parquet")
    keys = table["key"].to_pylist()
    assert [one.key for one in weakest(UPath(out), 3)] == [*sorted((keys[1], keys[3])), keys[2]]
    assert shown(out, "--worst", "3").stdout.splitlines()[1].split()[0] == "-3.000"
