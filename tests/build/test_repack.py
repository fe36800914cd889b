"""Builds from units: no audio, no codebook fitted; what comes out verifies, loads and is what went in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lstdata.build.freeze import fit_source
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import read_shard_rows
from lstdata.build.stages import Stages
from lstdata.cli.verbs import cli
from lstdata.config import BuildConfig, InterleaveConfig, PatchingConfig, load
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, read_rejects, read_table
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.run_folder import sealed
from lstdata.shards import encode_sample, read_shard
from lstdata.sources import open_source
from lstdata.sources.interleaved import coded
from lstdata.storage import commit_json, read_json, sha256_file
from lstdata.tokenizer import TextTokenizer
from lstdata.verify import verify
from tests.conftest import build
from tests.sources.unit_files import interleaved, spoken, write_lines, write_on_the_fly


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the authors' files: eight utterances, and one with a blank (id 500)."""
    folder = write_on_the_fly(tmp_path_factory.mktemp("units") / "mls", 8)
    blank = {"file_id": "blank", "interleaved": interleaved([("a", [500, 1]), ("b", [2])])}
    write_lines(folder / "mls.chunk.02.on_the_fly", [blank])
    return folder


@pytest.fixture(scope="module")
def prepared(units: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of them; leave it as it was."""
    out = tmp_path_factory.mktemp("prepared") / "out"
    assert build(units, out).reasons == {"bad_unit": 1}
    return out


def tars(run: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in (run / "shards").glob("*.tar")}


def test_units_of_the_authors_become_shards_that_verify_and_load(prepared: Path) -> None:
    assert verify(prepared).problems == []
    assert not (prepared / "codebook.npz").exists()
    card = read_json(prepared / "vocab.json")
    assert card["units"] == 500
    assert read_json(prepared / "codebook.json") == {
        "clusters": 500,
        "prepared": "on_the_fly",
        "sha256": card["codebook_sha256"],
    }
    samples = {s.id: s for path in (prepared / "shards").glob("*.tar") for s in read_shard(path)}
    assert len(samples) == 8
    for number in range(8):
        sample, given = samples[f"mls/train/{number}_0"], coded({"interleaved": interleaved(spoken(number))})
        assert np.array_equal(sample.units, given.units) and np.array_equal(sample.activity, given.activity)
        assert sample.words == given.words and np.array_equal(sample.word_frames, given.word_frames)
    corpus = SplitCorpus(open_run(prepared), "train", InterleaveConfig(), PatchingConfig(strategy="aligned"))
    document = corpus.document(0, epoch=0)
    assert document.tokens.max() < corpus.vocab.size and document.lengths.sum() == len(document.tokens)


def test_a_blank_is_a_dead_letter_that_says_what_to_do(prepared: Path) -> None:
    (letter,) = read_rejects(prepared / "rejects.parquet")
    assert (letter.id, letter.stage, letter.reason) == ("blank", "decode", "bad_unit")
    assert "500" in letter.message and "`units.clusters`" in letter.message


def test_the_same_by_the_command_line(units: Path, tmp_path: Path) -> None:
    """Also with as many clusters as there are, and a report."""
    out = tmp_path / "out"
    sets = ["units.clusters=501", "plan.shard_seconds=5", "tokenizer.vocab_size=300", "run.workers=1"]
    ran = CliRunner().invoke(cli, ["build-shards", str(units), str(out), *(w for s in sets for w in ("--set", s))])
    assert ran.exit_code == 0, ran.output
    assert "9 of 9 records written" in ran.output and "from a units source" in ran.output
    assert read_json(out / "vocab.json")["units"] == 501
    assert "the source brings units" in (out / "report.html").read_text()
    assert CliRunner().invoke(cli, ["verify", str(out)]).exit_code == 0


def test_a_repacked_run_has_the_same_bytes(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    totals = build(built, out, f"tokenizer.path={built / 'tokenizer.json'}")
    assert (totals.written, totals.rejected) == (12, 0)
    for name in ("codebook.npz", "vocab.json", "tokenizer.json"):
        assert (out / name).read_bytes() == (built / name).read_bytes()
    assert not (out / "codebook.json").exists(), "nothing was fitted here"
    assert tars(out) == tars(built)
    assert verify(out).problems == []


def test_what_is_copied_is_what_packing_anew_would_make(built: Path, tmp_path: Path) -> None:
    """And only where the options that decide it are the same."""
    config = load(BuildConfig, None, [f"tokenizer.path={built / 'tokenizer.json'}"])
    packing = read_json(built / "run.json")["fingerprints"]["sample"]
    source = open_source(str(built), config.source)
    tokenizer = TextTokenizer.read(str(built / "tokenizer.json"))
    plan = make_plan(source, config.plan, tmp_path / "plan.parquet")
    records = dict(enumerate(r for s in plan.shards for r in read_shard_rows(tmp_path / "plan.parquet", s.number)))
    records |= {12: replace(records[0], split="other"), 13: replace(records[0], row=replace(records[0].row, text="x"))}
    copied, anew, other = (
        Stages(config, source, None, tokenizer, packing=p).process(records) for p in (packing, None, "another")
    )
    assert [one.members is not None for one in copied.values()] == [True] * 12 + [False] * 2
    assert not any(one.members for one in (*anew.values(), *other.values()))
    for number, one in copied.items():
        members = encode_sample(anew[number])
        assert (one.members or encode_sample(one)) == members == encode_sample(other[number])


def test_a_repacked_run_takes_a_new_tokenizer_patches_and_shards(prepared: Path, tmp_path: Path) -> None:
    """Also of a run that has no codebook, with its dead letter, and without its splits."""
    out = tmp_path / "out"
    options = ["tokenizer.vocab_size=280", "patching.patch_size=6", "plan.shard_samples=2", "plan.shard_seconds=3"]
    totals = build(prepared, out, *options, "source.splits=ignore", "interleave.seed=1")
    assert (totals.written, totals.reasons) == (8, {"bad_unit": 1})
    assert verify(out).problems == []
    assert read_json(out / "codebook.json") == read_json(prepared / "codebook.json")
    index, before = (read_table(run / "index.parquet", INDEX_SCHEMA).to_pylist() for run in (out, prepared))
    units = {row["id"]: row["units"] for row in index}
    assert units == {row["id"]: row["units"] for row in before}
    assert {row["positions_static"] for row in index} != {row["positions_static"] for row in before}
    (letter,) = read_rejects(out / "rejects.parquet")
    assert (letter.stage, letter.reason) == ("source", "bad_unit")


def test_other_units_make_other_shards(prepared: Path) -> None:
    """A run whose source has other units than when it was begun does not go on."""
    from lstdata.build.spec import stage_fingerprints

    one, two = (stage_fingerprints(BuildConfig(), sha256, "t", None, None) for sha256 in ("a" * 64, "b" * 64))
    assert one["units"] != two["units"]


def test_a_damaged_run_stops_the_build_and_makes_no_dead_letter(built: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(built, tmp_path / "source"))
    tar = source / "shards/train-000000.tar"
    data = bytearray(tar.read_bytes())
    data[data.index(b".units.npy") + 512 + 200] ^= 1
    tar.write_bytes(data)
    with pytest.raises(IncompleteBuild, match=r"stay pending.*train-000000\.tar.*crc32 differs"):
        build(source, tmp_path / "out")
    assert not any(read_json(path)["rejected"] for path in (tmp_path / "out" / "shards").glob("*.json"))
    assert read_json(tmp_path / "out" / "run.json")["totals"] is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("words.aligner=sphinx", r"`words\.aligner` must not be sphinx"),
        ("segment.enabled=true", r"`segment\.enabled` must be false"),
        ("units.clusters=7", r"`units\.clusters` must be \d+, as in"),
        ("filter.max_clipping=0.1", r"`filter\.max_clipping` needs audio"),
    ],
)
def test_what_needs_audio_is_refused(built: Path, tmp_path: Path, option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(built, tmp_path / "out", option)
    assert not (tmp_path / "out").exists()


def test_a_codebook_is_refused_and_none_can_be_fitted(built: Path, units: Path, tmp_path: Path) -> None:
    for source in (built, units):
        with pytest.raises(ConfigError, match=r"`units\.codebook` must not be given"):
            build(source, tmp_path / "out", f"units.codebook={built / 'codebook.npz'}")
        with pytest.raises(ConfigError, match="no audio to fit"):
            fit_source(str(source), tmp_path / "codebook.npz", load(BuildConfig, None, []), lambda *of: None)


def test_a_run_is_not_built_into_itself(built: Path, tmp_path: Path) -> None:
    before = sorted(built.iterdir())
    for out in (built, built / "more", built / ".." / built.name / "x"):
        with pytest.raises(ConfigError, match="is the source: give OUT a folder that is not in it"):
            build(built, out, rebuild=True)
    assert sorted(built.iterdir()) == before


def test_units_without_word_times_can_only_be_speech(tmp_path: Path) -> None:
    lines = [{"file_name": f"a/{n}.flac", "units": [n, n + 1, n], "duration": [3, 9, 30]} for n in range(3)]
    path = write_lines(tmp_path / "features.jsonl", lines)
    assert build(path, tmp_path / "skip").reasons == {"missing_transcript": 3}
    assert build(path, tmp_path / "speech", "words.missing=speech").written == 3
    assert verify(tmp_path / "speech").problems == []


def test_word_times_are_left_behind_where_none_are_wanted(prepared: Path, tmp_path: Path) -> None:
    assert build(prepared, tmp_path / "out", "words.aligner=none").words == 0
    assert verify(tmp_path / "out").problems == []


def test_verify_finds_a_statement_that_is_not_of_the_card(prepared: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(prepared, tmp_path / "run"))
    stated = read_json(run / "codebook.json")
    commit_json(run / "codebook.json", stated | {"prepared": "elsewhere"})
    commit_json(run / "run.json", sealed(run, read_json(run / "run.json")))
    assert verify(run).problems == ["`codebook.json` states another sha256 than that of its statement."]
    (run / "codebook.json").unlink()
    commit_json(run / "run.json", sealed(run, read_json(run / "run.json")))
    assert any("codebook.npz" in problem for problem in verify(run).problems)
