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

from lstdata.cli import inspecting
from lstdata.cli.verbs import cli
from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import make_document
from lstdata.errors import ConfigError, CorruptShard
from lstdata.inspection import finding
from lstdata.inspection.finding import draw_place, find_place, open_finished, read_sample
from lstdata.inspection.items import items_of, spelt
from lstdata.inspection.positions import PATCHINGS
from lstdata.inspection.ranking import MEASURES, Ranked, WeakWord, weakest_word, worst
from lstdata.inspection.text import ranked_text, text_of
from lstdata.interleave import STRATEGIES
from lstdata.loader.corpus import open_run
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["--worst", "loudest"],
        ["--worst", "align", "--count", "0"],
        ["utt-002", "--worst", "align"],
        ["--worst", "align", "--epoch", "1"],
        ["--count", "3"],
        ["utt-002", "--seed", "1"],
        ["utt-002", "--source", "."],
        ["utt-002", "--strategy", "other"],
    ],
)
def test_options_that_do_not_go_together_are_refused(built: Path, arguments: list[str]) -> None:
    assert shown(built, *arguments).exit_code == 2


def test_the_options_are_those_there_are() -> None:
    assert tuple(MEASURES) == inspecting._MEASURES
    assert inspecting._STRATEGIES == STRATEGIES
    assert sorted(inspecting._PATCHINGS) == sorted(PATCHINGS)


def test_of_many_names_those_that_begin_alike_are_offered(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_POOL", 3)
    with pytest.raises(ConfigError, match=r"; it has `utt-0.."):
        find_place(UPath(built), "utt-0x2")
    with pytest.raises(ConfigError, match=r"; it has `utt-007`, `utt-007-"):
        find_place(UPath(built), "007")
    with pytest.raises(ConfigError, match=r"of the key or id ``\.$"):
        find_place(UPath(built), "")


def test_without_a_key_a_sample_is_drawn(built: Path) -> None:
    drawn = [draw_place(UPath(built), seed).id for seed in range(12)]
    assert len(set(drawn)) > 4
    assert shown(built).stdout.startswith(f"{drawn[0]}  (")
    assert shown(built, "--seed", "7").stdout.startswith(f"{drawn[7]}  (")


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
    assert worst(UPath(built), "align", 3) == [], "times of a manifest have no score"
    assert "no sample has an alignment score" in shown(built, "--worst", "align").stdout
    out = Path(shutil.copytree(built, tmp_path / "out"))
    table = pq.read_table(out / "index.parquet")
    scores = pa.array([None, -3.0, -1.0, -3.0, *([-0.5] * (table.num_rows - 4))], pa.float64())
    place = table.schema.get_field_index("align_score")
    pq.write_table(table.set_column(place, table.schema.field(place), scores), out / "index.parquet")
    keys = table["key"].to_pylist()
    assert [one.key for one in worst(UPath(out), "align", 3)] == [*sorted((keys[1], keys[3])), keys[2]]
    assert shown(out, "--worst", "align").stdout.splitlines()[1].split()[0] == "-3.000"
    said = json.loads(shown(out, "--worst", "align", "--count", "2", "--json").stdout)
    assert (said["worst"], [one["value"] for one in said["samples"]]) == ("align", [-3.0, -3.0])


def test_other_measures_rank_by_the_index(built: Path) -> None:
    table = pq.read_table(built / "index.parquet").to_pylist()
    rates = sorted(row["words"] / row["seconds"] for row in table)
    assert [one.value for one in worst(UPath(built), "slow", 2)] == pytest.approx(rates[:2])
    assert [one.value for one in worst(UPath(built), "fast", 2)] == pytest.approx(rates[:-3:-1])
    assert [one.seconds for one in worst(UPath(built), "long", 1)] == [max(row["seconds"] for row in table)]
    assert [one.seconds for one in worst(UPath(built), "short", 1)] == [min(row["seconds"] for row in table)]
    assert shown(built, "--worst", "interpolated").stdout == "no word is interpolated\n"


def test_the_word_that_fits_worst_is_named() -> None:
    one = stored("a-1")
    scored = replace(one, sample=replace(one.sample, word_scores=(-1.0, None, -9.5)))
    assert weakest_word(scored) == WeakWord("日本", -9.5, 8 * 640 / 16_000)
    assert weakest_word(one) is None
    ranked = Ranked("k", "\x1bid", -9.5, 1.0, 3, weakest_word(scored))
    assert ranked_text("align", [ranked], 100).splitlines()[1].split() == [
        *("-9.500", "3", "1.00", "k", "�id", "日本", "at", "0.32", "s,", "-9.500")
    ]


def test_a_document_is_shown_when_it_is_asked_for(built: Path) -> None:
    plain = shown(built, "utt-002").stdout
    drawn = shown(built, "utt-002", "--strategy", "tts", "--patching", "none").stdout
    assert drawn.startswith(plain)
    assert "document (epoch 0, tts, speech patched none)" in drawn
    said = json.loads(shown(built, "utt-002", "--epoch", "2", "--json").stdout)
    run = open_run(UPath(built))
    document = make_document(
        sample_of(built, "utt-002"),
        run.vocab,
        run.tokenizer,
        interleave=InterleaveConfig(),
        patching=PatchingConfig(),
        epoch=2,
    )
    positions = said["document"]["positions"]
    assert [token for one in positions for token in one["ids"]] == document.tokens.tolist()
    assert [len(one["ids"]) for one in positions] == document.lengths.tolist()
    assert positions[0]["text"] == "BOS"
    text = "".join(one["text"] for one in positions if one["kind"] == "piece").split()
    assert set(text) <= set(sample_of(built, "utt-002").words or ())
