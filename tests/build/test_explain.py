"""What a plan is said to become: by the loader's own rules, and by what a build has made of audio."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lstdata.build.explain import Explanation, Rates, explain, rates_of
from lstdata.build.explain_text import _runs, print_explanation, shard_lines
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import Plan, read_plan
from lstdata.cli import main
from lstdata.config import BuildConfig, PatchingConfig, PlanConfig, load
from lstdata.source_row import SourceRow
from lstdata.storage import read_json
from tests.build.test_plan import Rows, row

CONFIG = BuildConfig()


def made(path: Path, rows: Sequence[SourceRow], **options: object) -> Plan:
    config = PlanConfig(**({"validation": 0.0} | options))  # type: ignore[arg-type]
    return make_plan(Rows(list(rows)), config, path / "plan.parquet")


def explained(plan: Plan, world: int | None = None, workers: int = 1) -> Explanation:
    return explain(plan, CONFIG, Rates(), world, workers)


def test_sizes_are_those_of_the_rates(tmp_path: Path) -> None:
    plan = made(tmp_path, [row(f"u{i}", split="train" if i else "test") for i in range(5)], shard_samples=2)
    found = explain(plan, CONFIG, Rates(1, 100.0, 7.0, 25.0, 5.0))
    assert [(e.name, e.records, e.bytes, e.units, e.positions) for e in found.shards] == [
        ("train-000000", 2, 340, 500, 100),
        ("train-000001", 2, 340, 500, 100),
        ("test-000000", 1, 170, 250, 50),
    ]
    assert [(s.name, s.records, s.bytes) for s in found.splits] == [("train", 4, 680), ("test", 1, 170)]


def test_rates_are_measured_where_shards_are_finished(built: Path, tmp_path: Path) -> None:
    plan = read_plan(built / "plan.parquet")
    sidecars = [read_json(path) for path in sorted((built / "shards").glob("*.json"))]
    rates = rates_of(built, plan, replace(CONFIG, patching=PatchingConfig(strategy="silence")))
    assert rates.samples == sum(s["samples"] for s in sidecars)
    seconds = sum(s["seconds"] for s in sidecars)
    assert rates.bytes_per_second == pytest.approx(sum(s["bytes"] for s in sidecars) / seconds)
    assert rates.positions_per_second == pytest.approx(sum(s["patches"]["silence"] for s in sidecars) / seconds)
    assert rates_of(tmp_path, plan, CONFIG) == Rates(positions_per_second=6.25)
    foretold, there = explain(plan, CONFIG, Rates()).splits, sum(s["bytes"] for s in sidecars)
    assert sum(s.bytes for s in foretold) == pytest.approx(there, rel=0.5)


def test_ranks_read_all_and_few_shards_each(tmp_path: Path) -> None:
    plan = made(tmp_path, [row(f"u{i}") for i in range(4096)], order="source", shard_samples=64)
    found = explained(plan, world=4)
    assert (found.lanes, [rank.lanes for rank in found.ranks]) == (256, [64] * 4)
    assert sum(rank.records for rank in found.ranks) == 4096
    assert found.ranks[0].shards == tuple(range(64)), "lanes of 16 samples, dealt in turn, are a quarter of each shard"
    assert not found.warnings
    (one,) = explained(made(tmp_path, [row("a")]), world=1).ranks
    assert (one.records, one.shards) == (1, (0,))


@pytest.mark.parametrize(
    ("rows", "options", "readers", "said"),
    [
        (
            [row(f"u{i}", duration=None if i < 3 else 1.0) for i in range(99)],
            {},
            (None, 1),
            "3 records give no duration",
        ),
        ([row(f"u{i}") for i in range(32)], {"shard_samples": 8}, (2, 4), "4 shards are fewer than 2 × 4 readers"),
        ([row(f"u{i}") for i in range(32)], {"shard_samples": 1}, (3, 1), "3 ranks do not divide 2 lanes"),
        (
            [row("long", duration=9000.0), *(row(f"u{i}", duration=60.0) for i in range(9))],
            {"shard_seconds": 60.0},
            (None, 1),
            r"`train-\d+` \(2\.50 h\) is longer than 4 times the median \(0\.02 h\)",
        ),
        ([row("a", reject=("bad_row", "x"))], {}, (8, 1), "no record can be used"),
    ],
)
def test_what_is_odd_is_said(
    tmp_path: Path, rows: list[SourceRow], options: dict[str, object], readers: tuple[int | None, int], said: str
) -> None:
    warnings = explained(made(tmp_path, rows, **options), *readers).warnings
    assert any(re.search(said, warning) for warning in warnings), warnings


@pytest.mark.parametrize(
    ("hours", "readers", "seconds"),
    [(1000, 1, 14_400), (1000, 64, 12_600), (100, 64, 1200), (1, 64, 60), (10, None, 540)],
)
def test_shards_are_four_for_each_reader_and_minutes_to_build(
    tmp_path: Path, hours: int, readers: int | None, seconds: float
) -> None:
    plan = made(tmp_path, [row(f"u{i}", duration=3600.0 * hours / 100) for i in range(100)])
    advice = explained(plan, world=readers).advice
    assert advice.value == seconds
    assert f"4 × {readers or 16} readers = {4 * (readers or 16)} shards" in advice.why[0]


def test_a_plan_of_ten_thousand_shards_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = made(tmp_path, [row("a")])
    plan = replace(plan, shards=tuple(replace(plan.shards[0], name=f"train-{i:06d}") for i in range(10_000)))
    print_explanation(explained(plan, world=512))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 50 and "… 9,988 more …" in lines and "… 500 more …" in lines
    assert len(list(shard_lines(plan.shards))) == 13


def test_runs_of_shards_are_named_together() -> None:
    assert _runs([]) == "" and _runs([3]) == "3"
    assert _runs([0, 1, 2, 5, 7, 8]) == "0–2, 5, 7–8"
    assert _runs(range(0, 20, 2)) == "0, 2, 4, 6 and 6 more"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Its audio does not exist."""
    lines = [json.dumps({"id": f"u{i}", "audio": f"{i}.wav", "duration": 10, "text": "a"}) for i in range(40)]
    (tmp_path / "table.jsonl").write_text("\n".join(lines))
    return tmp_path / "table.jsonl"


def say(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr("sys.argv", ["lstdata", *map(str, arguments)])
        main()
        raise SystemExit(0)
    assert not stop.value.code
    return capsys.readouterr().out


def test_plan_explains_what_it_has_written(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    text = say(capsys, "plan", table, out, "--explain", "--world-size", 2)
    assert "what each of 2 ranks reads of train:" in text and "recommended: --set plan.shard_seconds=60" in text
    said = json.loads(say(capsys, "plan", table, out, "--world-size", 2, "--json"))
    assert said["records"] == 40 and [r["rank"] for r in said["explained"]["ranks"]] == [0, 1]
    assert "40 records, 0.11 h" in say(capsys, "plan", table, out)


def test_a_dry_run_explains_and_writes_nothing(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.iterdir())
    text = say(capsys, "plan", table, tmp_path / "out", "--dry-run")
    assert text.endswith("would plan: 40 records, 0.11 h, 3 shards, 0 rejected; nothing was written\n")
    assert sorted(tmp_path.iterdir()) == before


def test_a_plan_grows_with_its_table(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    say(capsys, "plan", table, out)
    before = json.loads(say(capsys, "plan", table, out, "--json"))["shards"]
    with table.open("a") as file:
        file.write("\n" + json.dumps({"id": "new", "audio": "new.wav", "duration": 10, "text": "a"}))
    assert json.loads(say(capsys, "plan", table, out, "--dry-run", "--json"))["records"] == 41
    after = json.loads(say(capsys, "plan", table, out, "--json"))
    assert after["shards"][: len(before)] == before and after["records"] == 41


@pytest.fixture
def folder(cuts: Path, tmp_path: Path) -> Path:
    """Recordings with a transcript beside each."""
    made = tmp_path / "folder"
    shutil.copytree(cuts / "audio", made)
    for recording in made.glob("*.flac"):
        recording.with_suffix(".txt").write_text("the old miller")
    return made


@pytest.mark.parametrize("verb", ["plan table", "plan folder", "verify", "status"])
def test_planning_and_looking_take_no_heavy_library(
    verb: str, table: Path, folder: Path, built: Path, tmp_path: Path
) -> None:
    """Half a gigabyte each."""
    source = {"plan table": table, "plan folder": folder}.get(verb)
    arguments = [verb, str(built)] if source is None else ["plan", str(source), str(tmp_path / "out"), "--explain"]
    code = (
        "import sys\n"
        f"sys.argv = ['lstdata', *{arguments!r}]\n"
        "from lstdata.cli.verbs import run\n"
        "try: run()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "heavy = {'torch', 'webdataset', 'lhotse', 'ray', 'fairseq2', 'transformers', 'datasets'}\n"
        "print('heavy:', *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "heavy:"), done.stderr


def test_a_plan_of_text_is_explained_in_bytes_and_tokens(
    documents: Path, text_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(BuildConfig, None, ["source.kind=text", "plan.shard_bytes=4000"])
    plan = read_plan(text_run / "plan.parquet")
    unknown, known = rates_of(tmp_path, plan, config), rates_of(text_run, plan, config)
    totals = read_json(text_run / "run.json")["totals"]
    assert (unknown.samples, known.samples) == (0, 90)
    found = explain(plan, config, known, world=2)
    assert (found.advice.option, found.advice.value) == ("shard_bytes", 1e6)
    assert sum(split.positions for split in found.splits) == pytest.approx(totals["text_tokens"], abs=3)
    print_explanation(found)
    said = capsys.readouterr().out
    assert "MB of text" in said and "recommended: --set plan.shard_bytes=1000000" in said and "hours" not in said
