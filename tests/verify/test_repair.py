"""`--repair` forgets what is damaged and nothing else; the same build then makes the same bytes."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.storage import read_json, sha256_file
from lstdata.verify import verify
from lstdata.verify.repair import plan_repair
from tests.conftest import build
from tests.verify.forging import forge, with_json

SHARD = "train-000000"


def contents(run: Path) -> dict[str, str]:
    """Of all files but the logs and the lock."""
    files = (path for path in run.rglob("*") if path.is_file() and path.parent.name != "events")
    return {str(path.relative_to(run)): sha256_file(path) for path in files if path.name != ".lock"}


def repair(run: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["verify", str(run), "--repair", *options])


def _flip(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        data = bytearray((run / name).read_bytes())
        data[len(data) // 2] ^= 4
        (run / name).write_bytes(data)

    return damage


def _swap(run: Path) -> None:
    one, two = (run / f"shards/train-00000{number}.tar" for number in (0, 1))
    data = one.read_bytes()
    shutil.copy(two, one)
    two.write_bytes(data)


def _rename(run: Path) -> None:
    for suffix in ("tar", "json", "parquet"):
        (run / f"shards/{SHARD}.{suffix}").rename(run / f"shards/train-000077.{suffix}")


def _both(run: Path) -> None:
    _flip(f"shards/{SHARD}.tar")(run)
    (run / "shards/train-000001.json").unlink()


MENDABLE = [
    (_flip(f"shards/{SHARD}.tar"), [SHARD]),
    (_flip(f"shards/{SHARD}.parquet"), [SHARD]),
    (_flip(f"shards/{SHARD}.json"), [SHARD]),
    (lambda run: (run / f"shards/{SHARD}.tar").write_bytes(b""), [SHARD]),
    (lambda run: (run / f"shards/{SHARD}.tar").unlink(), [SHARD]),
    (_both, [SHARD, "train-000001"]),
    (_swap, [SHARD, "train-000001"]),
    (_rename, [SHARD]),
    (lambda run: forge(run, SHARD, with_json(0, drawn=[["s", 0, 9999]])), [SHARD]),
    (_flip("index.parquet"), []),
    (_flip("rejects.parquet"), []),
    (lambda run: (run / "shards.parquet").unlink(), []),
    (lambda run: (run / f"shards/{SHARD}.tar.tmp-1-0123abcd").write_text("x"), []),
    (lambda run: (run / "run.json.tmp-1-0123abcd").write_text("x"), []),
]


@pytest.mark.parametrize(("damage", "forgotten"), MENDABLE)
def test_a_repaired_run_is_built_to_the_same_bytes(
    run: Path, cuts: Path, damage: Callable[[Path], object], forgotten: list[str]
) -> None:
    before = contents(run)
    damage(run)
    damaged = contents(run)
    dry = repair(run, "--dry-run")
    assert dry.exit_code == 1 and contents(run) == damaged
    done = repair(run)
    assert done.exit_code == 1
    assert done.stdout.replace(": forgotten", ": would be forgotten").splitlines()[1 : 1 + len(forgotten)] == [
        f"shard {name}: would be forgotten" for name in forgotten
    ]
    after = contents(run)
    gone = {f"shards/{name}.{suffix}" for name in forgotten for suffix in ("tar", "json", "parquet")}
    assert after == {name: sha for name, sha in damaged.items() if name in before and name not in gone} | {
        "run.json": after["run.json"]
    }
    build(cuts, run)
    assert contents(run) == before
    assert verify(UPath(run)).problems == []


LASTING = ["plan.parquet", "tokenizer.json", "codebook.npz", "codebook.json", "vocab.json", "run.json"]


@pytest.mark.parametrize("name", LASTING)
def test_what_no_build_mends_is_said_and_nothing_is_touched(run: Path, name: str) -> None:
    _flip(f"shards/{SHARD}.tar")(run)
    if name == "run.json":
        text = (run / name).read_text(encoding="utf-8")
        (run / name).write_text(text.replace('"compute_class": "', '"compute_class": "x'), encoding="utf-8")
    else:
        _flip(name)(run)
    damaged = contents(run)
    done = repair(run)
    assert done.exit_code == 1 and contents(run) == damaged
    assert "nothing was touched: " in done.stdout and "of files that no build makes anew" in done.stdout
    assert f"`{name}`" in done.stderr and f"shard {SHARD}: the tar is not" in done.stderr


def test_a_file_of_somebody_else_stays(run: Path) -> None:
    (run / "shards/notes.txt").write_text("mine")
    done = repair(run)
    assert "`shards/notes.txt` is no file of a build's: move it away yourself" in done.stdout
    assert (run / "shards/notes.txt").exists() and read_json(run / "run.json")["totals"] is not None


@pytest.mark.parametrize("name", ["shards/my-backup-of-train-000001.tar", "shards/x.tmp-old", "shards/train-1.tar"])
def test_a_name_that_only_looks_like_ours_stays(run: Path, name: str) -> None:
    (run / name).write_text("mine")
    assert f"`{name}` is no file of a build's" in repair(run).stdout and (run / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["shards/x.tmp-1-0123abcd", "shards/train-000077.tar"])
def test_a_folder_of_somebody_else_stays(run: Path, name: str) -> None:
    _flip(f"shards/{SHARD}.tar")(run)
    (run / name).mkdir()
    assert f"`{name}` is no file of a build's" in repair(run).stdout and (run / name).is_dir()


def test_a_repair_that_ends_half_way_leaves_an_unfinished_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _flip(f"shards/{SHARD}.tar")(run)

    def refuse(path: UPath) -> None:
        raise PermissionError(13, "no", str(path))

    monkeypatch.setattr("lstdata.verify.repair.remove", refuse)
    assert repair(run).exit_code == 1 and read_json(run / "run.json")["totals"] is None


def test_a_whole_run_needs_none(run: Path) -> None:
    before = contents(run)
    done = repair(run)
    assert done.exit_code == 0 and done.stdout.endswith("rejected: ok\n") and contents(run) == before


def test_it_refuses_while_a_build_has_the_folder(run: Path) -> None:
    _flip(f"shards/{SHARD}.tar")(run)
    with open(run / ".lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="is being written by another process"):
            CliRunner().invoke(cli, ["verify", str(run), "--repair"], catch_exceptions=False, standalone_mode=False)
    assert (run / f"shards/{SHARD}.json").exists()


def test_json_says_what_was_done(run: Path) -> None:
    _flip(f"shards/{SHARD}.tar")(run)
    said = json.loads(repair(run, "--dry-run", "--json").stdout)
    assert said["damaged"] == said["repair"]["shards"] == [SHARD] and said["repair"]["dry_run"] is True
    assert said["repair"]["unfinished"] is True and said["lasting"] == said["strangers"] == []
    assert plan_repair(UPath(run), verify(UPath(run))).shards == (SHARD,)


def test_usage(run: Path) -> None:
    for options, line in (
        (["--dry-run"], "`--dry-run` is for `--repair`"),
        (["--quick", "--sample", "3"], "`--quick` decodes no sample"),
    ):
        with pytest.raises(ConfigError, match=line):
            CliRunner().invoke(cli, ["verify", str(run), *options], catch_exceptions=False, standalone_mode=False)
    for part in ("0", "-1", "1.5", "101%", "x", "nan"):
        done = CliRunner().invoke(cli, ["verify", str(run), "--sample", part])
        assert done.exit_code == 2 and "is neither a number of samples ≥ 1 nor a share" in done.stderr, part
    for options, end in (
        ([], "ok"),
        (["--quick"], "ok, no samples decoded"),
        (["--sample", "3"], "ok, 3 samples decoded"),
        (["--sample", "0.5"], "ok, 6 samples decoded"),
        (["--sample", "20%"], "ok, 3 samples decoded"),
    ):
        done = CliRunner().invoke(cli, ["verify", str(run), *options])
        assert done.exit_code == 0 and done.stdout.endswith(f"12 samples, 0 rejected: {end}\n"), options
