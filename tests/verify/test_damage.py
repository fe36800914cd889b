"""`verify` finds what is wrong and names shard and sample."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from lstdata.build.finish import SEALED, sealed
from lstdata.build.plan_table import PlanWriter, read_plan, read_shard
from lstdata.cli.shared import say_problems
from lstdata.errors import ConfigError, CorruptShard, IncompleteBuild, LstDataError
from lstdata.index import INDEX_SCHEMA, read_table, write_rejects
from lstdata.records import DeadLetter
from lstdata.storage import commit_json, read_json
from lstdata.tar_members import iter_members
from lstdata.tokenizer import fit_tokenizer
from lstdata.verify import How, verify
from lstdata.verify.depth import QUICK
from tests.conftest import build

TAR = "shards/train-000000.tar"
SIDECAR = "shards/train-000000.json"


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("how", [How(), How(depth=QUICK)], ids=["all", "quick"])
def test_a_flipped_bit_anywhere_in_a_sample_names_it(run: Path, how: How) -> None:
    """In the headers of its members, in both of them, and in the padding after them."""
    id = read_table(run / "index.parquet", INDEX_SCHEMA)["id"][1].as_py()
    data = (run / TAR).read_bytes()
    for _, extension, start, end, content in list(iter_members(data, TAR))[2:4]:
        padding = start + 512 + len(content)
        for place in {start + 3, start + 130, start + 512 + len(content) // 2, padding - 1, padding} - {end}:
            flip(run / TAR, place)
            problems = verify(run, how).problems
            assert f"shard train-000000: sample `{id}` is damaged (crc32 differs)." in problems, (extension, place)
            flip(run / TAR, place)
    flip(run / TAR, len(data) - 1)
    assert "shard train-000000: its samples are whole; the damage is after the last of them." in verify(run).problems


def _edit_sidecar(run: Path) -> None:
    stated = read_json(run / SIDECAR)
    commit_json(run / SIDECAR, stated | {"units": stated["units"] + 1})


def _lose_a_letter(run: Path) -> None:
    stated = read_json(run / SIDECAR)
    commit_json(run / SIDECAR, stated | {"rejected": [{"id": "x"}]})


def _swap_shards(run: Path) -> None:
    one, two = run / TAR, run / "shards/train-000001.tar"
    data = one.read_bytes()
    shutil.copy(two, one)
    two.write_bytes(data)


def _rewrite_index(run: Path, change: Callable[[list[pa.Table]], list[pa.Table]]) -> None:
    """Change the row groups of the index."""
    file = pq.ParquetFile(run / "index.parquet")
    groups = change([file.read_row_group(i) for i in range(file.num_row_groups)])
    with pq.ParquetWriter(run / "index.parquet", INDEX_SCHEMA) as writer:
        for group in groups:
            writer.write_table(group)


def _another_row(run: Path) -> None:
    def change(groups: list[pa.Table]) -> list[pa.Table]:
        rows = groups[0].to_pylist()
        rows[0]["units"] += 1
        return [pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), *groups[1:]]

    _rewrite_index(run, change)


def _edit_run(**changes: object) -> Callable[[Path], None]:
    return lambda run: commit_json(run / "run.json", read_json(run / "run.json") | changes)


def _change_sidecar(**changes: object) -> Callable[[Path], None]:
    return lambda run: commit_json(run / SIDECAR, read_json(run / SIDECAR) | changes)


def _no_samples(run: Path) -> None:
    """A dead letter for every sample, but the tar still lies there."""
    stated = read_json(run / SIDECAR)
    rows = read_table(run / "shards/train-000000.parquet", INDEX_SCHEMA)
    letters = [asdict(DeadLetter(id, "decode", "empty_file", "", "")) for id in rows["id"].to_pylist()]
    commit_json(run / SIDECAR, stated | {"samples": 0, "bytes": 0, "sha256": None, "rejected": letters})


def _another_codebook(run: Path) -> None:
    card = read_json(run / "vocab.json")
    commit_json(run / "vocab.json", card | {"codebook_sha256": "0" * 64})


def _another_tokenizer(run: Path) -> None:
    (run / "tokenizer.json").write_bytes(fit_tokenizer(["other words", "other words"], 300))


def _another_letter(run: Path) -> None:
    write_rejects(UPath(run / "rejects.parquet"), [DeadLetter("x", "decode", "empty_file", "", "")])


def _another_plan(run: Path) -> None:
    """Of the same records without one."""
    rows = [table for number in range(3) for table in [read_shard(run / "plan.parquet", number)]]
    rules = read_plan(run / "plan.parquet").rules
    with PlanWriter(run / "plan.parquet", "another", rules) as writer:
        for table in [rows[0].slice(1), *rows[1:]]:
            writer.shard(table)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / TAR).write_bytes((run / TAR).read_bytes()[:-3000]), "train-000000: the tar is not"),
        (lambda run: (run / TAR).unlink(), "train-000000: its tar is missing"),
        (lambda run: (run / SIDECAR).unlink(), "train-000000 is not built"),
        (lambda run: (run / SIDECAR).write_text("{"), "cannot be read"),
        (lambda run: (run / "shards/train-000000.parquet").write_bytes(b"x"), "index rows"),
        (lambda run: shutil.copy(run / TAR, run / "shards/train-000099.tar"), r"train-000099\.tar` belongs to no"),
        (lambda run: (run / TAR).rename(run / "shards/train-000099.tar"), "train-000000: its tar is missing"),
        (lambda run: shutil.copy(run / TAR, run / f"{TAR}.tmp-7-0a1b2c3d"), r"`shards/.*\.tmp-.*` is what a killed"),
        (lambda run: shutil.copy(run / TAR, run / "run.json.tmp-7-0a1b2c3d"), r"`run\.json\.tmp-.*` is what a killed"),
        (_another_tokenizer, r"`tokenizer\.json` is not the one that `vocab\.json` describes"),
        (_another_letter, r"`rejects\.parquet` and the sidecars disagree"),
        (_another_plan, r"`plan\.parquet` is of another source|`plan\.parquet` is not the one that was committed"),
        (_edit_sidecar, "units is"),
        (_lose_a_letter, "train-000000"),
        (_swap_shards, "train-000000: (sample .* was not planned there|none of its . samples is there as committed)"),
        (_another_row, r"`index\.parquet` and shard \S+ disagree"),
        (lambda run: _rewrite_index(run, lambda groups: groups[:-1]), r"`index\.parquet` and shard \S+ disagree"),
        (lambda run: _rewrite_index(run, lambda groups: groups[::-1]), r"`index\.parquet` .* order of the plan"),
        (lambda run: _rewrite_index(run, lambda groups: [pa.concat_tables(groups)]), r"`index\.parquet`"),
        (_change_sidecar(split="validation"), "split is train, but the sidecar says validation"),
        (_change_sidecar(seconds=1.5), "seconds is .*, but the sidecar says 1.5"),
        (_change_sidecar(header_mismatches=1), "header_mismatches is 0, but the sidecar says 1"),
        (_change_sidecar(records=99), "records is .*, but the sidecar says 99"),
        (_change_sidecar(compute_class="toaster"), "compute_class is .*, but the sidecar says toaster"),
        (
            _change_sidecar(rejected=[asdict(DeadLetter("x", "decode", "empty_file", "", ""))]),
            "`x` was not planned there",
        ),
        (_change_sidecar(rejected=[{"id": "x", "environmental": "no"}]), "train-000000: .*where a dead letter belongs"),
        (_change_sidecar(more=1), "train-000000.json` is not the sidecar"),
        (_no_samples, "train-000000: there is a tar, but the sidecar says"),
        (_edit_run(plan_sha256="0"), r"`run\.json` is not the one that was committed"),
        (_edit_run(sha256={"index.parquet": "0"}), r"`index\.parquet` is not the one that was committed"),
        (_edit_run(seal="0"), r"`run\.json` is not the one that was committed"),
        (_another_codebook, r"`codebook\.npz` is not the one"),
    ],
)
@pytest.mark.parametrize("how", [How(), How(depth=QUICK)], ids=["all", "quick"])
def test_damage_is_named(run: Path, damage: Callable[[Path], object], message: str, how: How) -> None:
    damage(run)
    verdict = verify(run, how)
    assert any(re.search(message, problem) for problem in verdict.problems), verdict.problems


def test_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run folder"):
        verify(tmp_path)


def test_an_unfinished_run(run: Path) -> None:
    commit_json(run / "run.json", json.loads((run / "run.json").read_text()) | {"totals": None})
    with pytest.raises(IncompleteBuild, match="not finished"):
        verify(run)


TABLES = ["shards.parquet", "rejects.parquet", "index.parquet"]


@pytest.mark.parametrize("name", ["plan.parquet", *TABLES, "tokenizer.json", "codebook.npz", "codebook.json"])
def test_a_missing_file_is_named_once(run: Path, name: str) -> None:
    (run / name).unlink()
    assert verify(run).problems == [f"`{name}` is missing."]


def test_missing_tables_come_back_when_the_build_runs_again(
    run: Path, cuts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in TABLES:
        (run / name).unlink()
    with pytest.raises(SystemExit):
        say_problems(verify(run).problems, as_json=False, out=run)
    assert (
        "run build-shards again: it makes that anew, and writes index, shards and rejects.parquet"
        in capsys.readouterr().err
    )
    build(cuts, run)
    assert verify(run).problems == []


def test_a_build_without_its_plan_says_what_to_do(run: Path, cuts: Path) -> None:
    (run / "plan.parquet").unlink()
    with pytest.raises(CorruptShard, match=r"plan\.parquet` is missing or not the plan that was .*give --rebuild"):
        build(cuts, run)


def test_a_damaged_plan_ends_in_one_full_stop(run: Path) -> None:
    (run / "plan.parquet").write_bytes(b"x" * 100)
    with pytest.raises(CorruptShard, match=r"is not a plan: .*[^.]\.$"):
        read_plan(run / "plan.parquet")


def test_a_shard_of_another_run_is_found(small: Path, few: Path) -> None:
    for path in (few / "two" / "shards").glob("train-000000.*"):
        shutil.copy(path, small / "shards" / path.name)
    assert any("shard train-000000: it is a shard of another run" in problem for problem in verify(small).problems)


def test_the_totals_are_counted(run: Path) -> None:
    totals = read_json(run / "run.json")["totals"]
    for key in totals:
        _edit_run(totals=totals | {key: 7})(run)
        assert any(f"`run.json`: {key} is" in problem for problem in verify(run).problems), key


def test_several_compute_classes_are_a_problem_unless_they_were_allowed(run: Path) -> None:
    _change_sidecar(compute_class="toaster")(run)
    _edit_run(mixed_compute=True)(run)
    commit_json(run / "run.json", sealed(run, read_json(run / "run.json")))
    assert verify(run).problems == []


def test_a_damaged_part_hides_no_other(run: Path) -> None:
    """Each of these raised, and ended the check, before everything went through one guard."""
    _edit_sidecar(run)
    for name in ("vocab.json", "tokenizer.json", "codebook.npz", "shards.parquet", "index.parquet", "rejects.parquet"):
        (run / name).write_bytes(b"{")
    (run / "shards/train-000001.json").write_text("[]")
    problems = verify(run).problems
    for name in ("vocab.json", "shards.parquet", "index.parquet", "rejects.parquet", "train-000000", "train-000001"):
        assert any(name in problem for problem in problems), name


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 9}', '{"format": 1, "totals": {}}'])
def test_a_damaged_run_json_is_no_usage_error(run: Path, text: str) -> None:
    (run / "run.json").write_text(text)
    with pytest.raises(LstDataError, match=r"run\.json` is damaged") as caught:
        verify(run)
    assert caught.value.exit_code == 1


def _flipped(path: Path, places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The file with one bit flipped, one place (byte, bit) after another."""
    whole = path.read_bytes()
    for byte, bit in places:
        data = bytearray(whole)
        data[byte] ^= 1 << bit
        path.write_bytes(data)
        yield byte, bit
    path.write_bytes(whole)


def _found(run: Path) -> list[str]:
    """The problems, or what ended the check with exit code 1."""
    try:
        return verify(run).problems
    except (CorruptShard, IncompleteBuild) as error:
        return [str(error)]


def _places(size: int, count: int, seed: int) -> list[tuple[int, int]]:
    rng = random.Random(seed)
    return [(rng.randrange(size), rng.randrange(8)) for _ in range(count)]


def test_a_flipped_bit_of_a_tar_is_never_a_crash(small: Path) -> None:
    """At every byte of the first sample's array headers, at many of its tar headers, and anywhere."""
    data = (small / TAR).read_bytes()
    members = list(iter_members(data, TAR))[:3]
    rng = random.Random(0)
    arrays = [start + 512 + i for _, extension, start, *_ in members if extension != "json" for i in range(128)]
    headers = [start + i for _, _, start, *_ in members for i in rng.sample(range(512), 12)]
    places = [(byte, rng.randrange(8)) for byte in arrays + headers] + _places(len(data), 40, 1)
    for place in _flipped(small / TAR, places):
        assert any("shard train-000000" in problem for problem in verify(small).problems), place


UNSEGMENTED = [name for name in SEALED if name != "segments.parquet"]


@pytest.mark.parametrize("name", ["run.json", *UNSEGMENTED, SIDECAR, "shards/train-000000.parquet"])
def test_a_flipped_bit_of_any_other_file_is_found_and_never_a_crash(small: Path, name: str) -> None:
    assert verify(small).problems == []
    size = (small / name).stat().st_size
    for place in _flipped(small / name, _places(size, 25, size)):
        named = "shard train-000000" if name.startswith("shards/") else f"{name}`"
        assert any(named in problem for problem in _found(small)), place


@pytest.mark.parametrize("name", [n for n in UNSEGMENTED if n.endswith(".parquet")])
def test_a_flipped_bit_of_a_table_without_a_check_sum_is_never_a_crash(small: Path, name: str) -> None:
    stated = read_json(small / "run.json")
    commit_json(small / "run.json", {k: v for k, v in stated.items() if k not in ("seal", "sha256", "plan_sha256")})
    size = (small / name).stat().st_size
    for _ in _flipped(small / name, _places(size, 25, size)):
        verify(small)
