"""Runs made from runs: every sample once, with the bytes that it has in its parent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError, CorruptShard, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_rejects, read_table
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.run_folder import sealed
from lstdata.storage import commit_json, read_json, sha256_bytes
from lstdata.verify import verify
from tests.conftest import build
from tests.reshape.conftest import stored, tars, write_units


def run(*args: object, code: int = 0) -> str:
    ran = CliRunner().invoke(cli, [*map(str, args), "--workers", "1"])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert ran.exit_code == code, ran.output
    return ran.output


def made(*args: object) -> dict[str, Any]:
    """By the command line, without a report."""
    said: dict[str, Any] = json.loads(run(*args, "--no-report", "--json").splitlines()[-1])
    return said


def index(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(folder / "index.parquet", INDEX_SCHEMA).to_pylist()
    return rows


def test_a_merged_run_holds_the_samples_and_letters_of_all(units_run: Path, other_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = made("merge", units_run, other_run, out)
    assert (said["chosen"], said["written"], said["rejected"]) == (30, 30, 2)
    assert stored(out) == stored(units_run, other_run)
    assert {(letter.id, letter.reason) for letter in read_rejects(out / "rejects.parquet")} == {
        ("blank/0", "bad_unit"),
        ("blank/24", "bad_unit"),
    }
    assert verify(out).problems == []
    corpus = SplitCorpus(open_run(out), "train", InterleaveConfig(), PatchingConfig(strategy="aligned"))
    assert len(corpus.document(0, epoch=0).tokens)


def test_what_a_run_was_made_from_is_in_its_run_json(units_run: Path, other_run: Path, tmp_path: Path) -> None:
    (ids := tmp_path / "ids.txt").write_text("u/3\n\nu/25\n")
    out = tmp_path / "out"
    made("merge", units_run, other_run, tmp_path / "all")
    made("subset", tmp_path / "all", out, "--ids", ids)
    said, parents = read_json(out / "run.json"), read_json(tmp_path / "all" / "run.json")["parents"]
    assert {row["id"] for row in index(out)} == {"u/3", "u/25"}
    assert said["ids_sha256"] == sha256_bytes(ids.read_bytes())
    assert said["config"]["source"]["select"]["ids"] == str(ids)
    assert [(parent["path"], parent["written"]) for parent in parents] == [(str(units_run), 24), (str(other_run), 6)]
    for parent in parents:
        origin = read_json(Path(parent["path"]) / "run.json")
        assert {parent[name] == origin[name] for name in ("seal", "plan_sha256", "compute_class")} == {True}


def test_the_parts_of_a_run_are_the_whole(units_run: Path, tmp_path: Path) -> None:
    said = made("split", units_run, tmp_path, "--into", "a=0.5", "--into", "b=3recordings", "--into", "c=rest")["parts"]
    parts = [tmp_path / name for name in said]
    assert sum(part["written"] for part in said.values()) == 24 and said["b"]["written"] == 3
    assert stored(*parts) == stored(units_run)
    assert [part["rejected"] for part in said.values()] == [0, 0, 0]
    assert [verify(part).problems for part in parts] == [[], [], []]
    merged, whole = tmp_path / "merged", tmp_path / "whole"
    made("merge", *parts, merged)
    made("reshard", units_run, whole, "--order", "block")
    assert stored(merged) == stored(units_run)
    assert tars(merged) == tars(whole), "the order of a plan is by hash, so not even a shard differs"


def test_speakers_stay_together(built: Path, tmp_path: Path) -> None:
    made("split", built, tmp_path / "into", "--into", "held=1speakers", "--into", "rest=rest")
    held, rest = ({row["speaker"] for row in index(tmp_path / "into" / name)} for name in ("held", "rest"))
    assert len(held) == 1 and held | rest == {"s0", "s1", "s2"} and not held & rest
    said = made("split", built, tmp_path / "by", "--by", "speaker")["parts"]
    assert {name: {row["speaker"] for row in index(tmp_path / "by" / name)} for name in said} == {
        name: {name} for name in ("s0", "s1", "s2")
    }
    assert stored(*(tmp_path / "by" / name for name in said)) == stored(built)


def test_a_subset_is_what_the_rules_leave_and_nothing_is_a_dead_letter(built: Path, tmp_path: Path) -> None:
    rows = index(built)
    limit = sorted(row["seconds"] for row in rows)[4]
    wanted = [row["id"] for row in rows if row["seconds"] >= limit and row["speaker"] != "s0"]
    said = made("subset", built, tmp_path / "out", "--min-seconds", limit, "--speaker", "s1", "--speaker", "s2")
    assert (said["planned"], said["written"], said["of"], said["rejected"]) == (len(wanted), len(wanted), 12, 0)
    assert [left["samples"] for left in said["rules"]] == [sum(r["speaker"] != "s0" for r in rows), len(wanted)]
    assert stored(tmp_path / "out") == {id: members for id, members in stored(built).items() if id in wanted}
    assert verify(tmp_path / "out").problems == []


def test_listed_ids_that_no_run_has_are_said(units_run: Path, tmp_path: Path) -> None:
    (ids := tmp_path / "ids.txt").write_text("u/3\nu/400\nu/4\nu/500\nu/400\n")
    asked = ["subset", str(units_run), str(tmp_path / "out"), "--ids", str(ids), "--dry-run"]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 0 and f"ids {ids}: 2 of its ids are in no run, e.g. `u/400`" in done.stderr
    [rule] = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)["rules"]
    assert (rule["samples"], rule["not_found"], rule["example"]) == (2, 2, "u/400")
    ids.write_text("u/3\n")
    assert "in no run" not in CliRunner().invoke(cli, asked).output


def test_splits_stay_unless_new_ones_are_asked_for(units_run: Path, tmp_path: Path) -> None:
    made("subset", units_run, tmp_path / "validation", "--split", "validation")
    assert {row["split"] for row in index(tmp_path / "validation")} == {"validation"}
    made("subset", units_run, tmp_path / "new", "--split", "validation", "--new-splits")
    assert {row["split"] for row in index(tmp_path / "new")} == {"train", "validation"}


def test_other_shards_of_the_same_samples(units_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = made("reshard", units_run, out, "--shard-samples", 2, "--order", "source")
    assert said["rejected"] == 1 and {
        row["samples"] for row in read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist()
    } == {1, 2}
    assert stored(out) == stored(units_run)
    by_split = [[row["id"] for row in index(of) if row["split"] == "train"] for of in (out, units_run)]
    assert by_split[0] == by_split[1]


def test_a_run_with_samples_without_words_is_reshaped_too(units_run: Path, tmp_path: Path) -> None:
    build(units_run, tmp_path / "speech", "words.aligner=none")
    assert made("reshard", tmp_path / "speech", tmp_path / "out", "--shard-samples", 3)["words"] == 0
    assert stored(tmp_path / "out") == stored(tmp_path / "speech")


def test_the_same_bytes_by_two_workers_and_after_an_interruption(
    units_run: Path, other_run: Path, tmp_path: Path
) -> None:
    one, two, late = (tmp_path / name for name in ("one", "two", "late"))
    options = ("--shard-samples", 4, "--no-report")
    run("merge", units_run, other_run, one, *options)
    ran = CliRunner().invoke(cli, ["merge", *map(str, (units_run, other_run, two, *options)), "--workers", "2"])
    assert ran.exit_code == 0, ran.output
    shutil.copytree(one, late)
    for name in ("train-000001.json", "train-000002.json", "train-000002.tar", "validation-000000.tar"):
        (late / "shards" / name).unlink()
    (late / "shards" / "validation-000000.json").unlink()
    commit_json(late / "run.json", read_json(late / "run.json") | {"totals": None})
    assert "resuming" in run("merge", units_run, other_run, late, *options)
    for name in ("plan.parquet", "index.parquet", "shards.parquet", "rejects.parquet", "vocab.json", "tokenizer.json"):
        assert len({(out / name).read_bytes() for out in (one, two, late)}) == 1, name
    assert tars(one) == tars(two) == tars(late)


def test_a_dry_run_counts_what_each_rule_leaves_and_writes_nothing(built: Path, tmp_path: Path) -> None:
    said = run("subset", built, tmp_path / "out", "--speaker", "s1", "--share", 0.5, "--dry-run")
    assert "speakers s1: 4 samples" in said and "share 0.5, seed 0: " in said and "nothing was written" in said
    parts = json.loads(run("split", built, tmp_path / "out", "--by", "speaker", "--dry-run", "--json"))["parts"]
    assert {name: part["records"] for name, part in parts.items()} == {"s0": 4, "s1": 4, "s2": 4}
    assert not (tmp_path / "out").exists()


def test_a_report_is_written_and_the_run_can_be_resumed_at_any_time(units_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "24 of 25 records written" in run("reshard", units_run, out, "--shard-samples", 2)
    assert (out / "report.html").exists()
    before = read_json(out / "run.json")
    run("reshard", units_run, out, "--shard-samples", 2)
    assert read_json(out / "run.json") == before


def test_ids_in_two_runs_are_refused_or_prefixed(units_run: Path, tmp_path: Path) -> None:
    some = tmp_path / "some"
    made("subset", units_run, some, "--max-seconds", 2)
    count = len(index(some))
    with pytest.raises(ConfigError, match=rf"{count} ids are in more than one run, e\.g\. `u/\d+` in .* --prefix-ids"):
        made("merge", units_run, some, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    made("merge", units_run, some, tmp_path / "out", "--prefix-ids")
    ids = {row["id"] for row in index(tmp_path / "out")}
    assert ids == {f"run/{row['id']}" for row in index(units_run)} | {f"some/{row['id']}" for row in index(some)}
    assert verify(tmp_path / "out").problems == []


def test_runs_that_do_not_go_together_are_refused_in_one_line(units_run: Path, built: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"its vocab card differs: `codebook_sha256`.*`units`") as caught:
        made("merge", units_run, built, tmp_path / "out")
    assert "\n" not in str(caught.value)
    tokenizer = f"tokenizer.path={units_run / 'tokenizer.json'}"
    build(write_units(tmp_path / "u", 40, 43), tmp_path / "other", tokenizer, "interleave.seed=5")
    with pytest.raises(ConfigError, match=r"`patching\.patch_size` 3 → 4\. Pack it again") as caught:
        made("merge", units_run, tmp_path / "other", tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["merge", "{run}", "{out}"], "needs at least two run folders"),
        (["merge", "{run}", "{run}", "{out}"], "is given more than once"),
        (["merge", "{run}", "{tmp}", "{out}"], "is no run folder"),
        (["split", "{run}", "{out}"], "needs either"),
        (["split", "{run}", "{out}", "--into", "a=0.5"], "at least two parts"),
        (["split", "{run}", "{run}", "--into", "a=0.5", "--into", "b=rest"], "give OUT a folder that is not in it"),
        (["subset", "{run}", "{out}"], "needs at least one rule"),
        (["subset", "{run}", "{out}", "--speaker", "nobody"], "no sample is left after speakers nobody"),
        (["subset", "{run}", "{out}", "--ids", "{tmp}/none"], "must be a readable file of ids"),
        (["subset", "{run}", "{run}/x", "--share", "0.5"], "give OUT a folder that is not in it"),
        (["reshard", "{run}", "{out}"], "needs `--shard-seconds`"),
        (["reshard", "{run}", "{run}", "--order", "source"], "give OUT a folder that is not in it"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_written(
    units_run: Path, tmp_path: Path, args: list[str], message: str
) -> None:
    before = sorted(units_run.iterdir())
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=message) as caught:
        made(*(arg.format(run=units_run, tmp=tmp_path, out=out) for arg in args))
    assert "\n" not in str(caught.value)
    assert not out.exists() and sorted(units_run.iterdir()) == before


def test_a_run_that_is_not_finished_or_damaged_is_no_parent(units_run: Path, tmp_path: Path) -> None:
    parent = Path(shutil.copytree(units_run, tmp_path / "parent"))
    said = read_json(parent / "run.json")
    tar = parent / "shards/train-000000.tar"
    data = bytearray(tar.read_bytes())
    data[data.index(b".units.npy") + 512 + 140] ^= 1
    tar.write_bytes(data)
    with pytest.raises(IncompleteBuild, match="crc32 differs"):
        made("reshard", parent, tmp_path / "damaged", "--shard-samples", 3)
    commit_json(parent / "run.json", said | {"totals": None})
    with pytest.raises(ConfigError, match="is not finished"):
        made("reshard", parent, tmp_path / "out", "--shard-samples", 3)
    commit_json(parent / "run.json", sealed(parent, said) | {"compute_class": "toaster"})
    with pytest.raises(CorruptShard, match="its seal differs"):
        made("reshard", parent, tmp_path / "out", "--shard-samples", 3)


def test_other_rules_need_another_folder(units_run: Path, tmp_path: Path) -> None:
    made("subset", units_run, tmp_path / "out", "--share", 0.5)
    with pytest.raises(ConfigError, match=r"`source\.select\.share` 0\.5 → 0\.6"):
        made("subset", units_run, tmp_path / "out", "--share", 0.6)
    assert made("subset", units_run, tmp_path / "out", "--share", 0.6, "--rebuild")["written"] > 0


def test_a_build_selects_too_with_any_other_option(units_run: Path, cuts: Path, tmp_path: Path) -> None:
    totals = build(units_run, tmp_path / "out", "source.select.max_seconds=2", "tokenizer.vocab_size=280")
    assert totals.written == sum(row["seconds"] <= 2 for row in index(units_run))
    with pytest.raises(ConfigError, match=r"chooses among the samples of run folders.*is a lhotse source"):
        build(cuts, tmp_path / "cuts", "source.select.max_seconds=2")
