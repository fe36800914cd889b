"""The command line: exit codes, one clear line per mistake, and nothing heavy before it is needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata import cli
from lstdata.cli.shared import fail
from lstdata.cli.verbs import cli as verbs

HEAVY = (
    "torch torchaudio ray lhotse webdataset fairseq2 sklearn pocketsphinx numpy pyarrow soundfile tokenizers".split()
)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lstdata", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom lstdata import cli\n"
        "for argument in ('--help', '--version', 'build-shards --help', 'train --help'):\n"
        "    sys.argv = ['lstdata', *argument.split()]\n"
        "    try: cli.main()\n"
        "    except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print('LOADED', [m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout


def test_the_pure_core_and_the_model_import_without_engines() -> None:
    """A bare machine with PyTorch alone runs the model; one without it runs patching and interleaving."""
    code = (
        "import sys\n"
        "for name in ('ray', 'lhotse', 'fairseq2', 'webdataset', 'torchaudio', 'sklearn', 'pocketsphinx'):\n"
        "    sys.modules[name] = None\n"
        "import lstdata, lstdata.model.lst, lstdata.loader.rows\n"
        "print('ok')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "ok\n"
    code = (
        "import sys\nfor name in ('torch', 'ray', 'lhotse', 'fsspec', 'soundfile'): sys.modules[name] = None\n"
        "import lstdata.patching, lstdata.interleave, lstdata.vocab, lstdata.documents\nprint('ok')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "ok\n"


def test_plan_and_verify_import_neither_torch_nor_webdataset() -> None:
    code = (
        "import sys\nfor name in ('torch', 'webdataset', 'ray'): sys.modules[name] = None\n"
        "import lstdata.build.plan, lstdata.verify, lstdata.sources\nprint('ok')"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "ok\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build-shards", "/nonexistent", "OUT"], "`/nonexistent` does not exist"),
        (["build-shards", "SOURCE", "OUT", "--set", "unit.x=1"], "Did you mean `units`?"),
        (["build-shards", "SOURCE", "OUT", "--workers", "0"], "`run.workers` must be ≥ 1, but is 0."),
        (["build-shards", "SOURCE", "OUT", "--config", "/nonexistent.yaml"], "`/nonexistent.yaml` does not exist"),
        (["build-shards", "EMPTY", "OUT"], "holds nothing to build from"),
        (["build-shards", "SOURCE"], "Missing argument 'OUT'"),
        (["build-shards", "SOURCE", "OUT", "--runner", "slurm"], "'slurm' is not one of"),
        (["build-shards", "TABLE", "OUT"], "`audio`"),
        (["verify", "EMPTY"], "is no run folder"),
        (["train", "--data", "EMPTY", "--out", "OUT"], "must be a finished run folder"),
        (["frobnicate"], "No such command"),
    ],
)
def test_usage_errors_exit_2_with_one_clear_line(
    arguments: list[str],
    message: str,
    cuts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("id,text\na,b\n")
    places = {"SOURCE": cuts, "OUT": tmp_path / "out", "EMPTY": tmp_path / "empty", "TABLE": tmp_path / "table.csv"}
    assert run(monkeypatch, *(str(places.get(a, a)) for a in arguments)) == 2
    shown = capsys.readouterr().err
    assert message in shown and "Traceback" not in shown
    assert not (tmp_path / "out").exists()


def test_too_many_rejects_exit_1_and_say_so(
    make_cuts: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = make_cuts(5)
    (corpus / "audio" / "utt-003.flac").write_bytes(b"")
    command = ["build-shards", str(corpus), str(tmp_path / "out"), "--workers", "1", "--no-report", "--json"]
    assert run(monkeypatch, *command) == 1
    shown = capsys.readouterr()
    said = json.loads(shown.out)
    assert (said["planned"], said["written"], said["reasons"]) == (5, 4, {"empty_file": 1})
    assert "1 of 5 records were rejected (20.0%), more than `max_reject_rate` 5.0%" in shown.err
    assert run(monkeypatch, *command, "--max-reject-rate", "0.2") == 0


def test_verify_exits_1_and_names_the_shard(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    run_folder = shutil.copytree(built, tmp_path / "run")
    assert run(monkeypatch, "verify", str(run_folder)) == 0
    tar = run_folder / "shards" / "train-000001.tar"
    data = bytearray(tar.read_bytes())
    data[1000] ^= 4
    tar.write_bytes(data)
    assert run(monkeypatch, "verify", str(run_folder)) == 1
    assert "error: shard train-000001" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "build-shards", str(cuts), str(tmp_path / "out"), "--dry-run") == 0
    assert "would build: 12 records" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_dry_run_measures_a_sample(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build-shards", str(cuts), str(tmp_path / "out"), "--sample", "3"]
    assert run(monkeypatch, *command) == 2
    assert "`--measure` and `--sample` need `--dry-run`" in capsys.readouterr().err
    assert run(monkeypatch, *command, "--dry-run", "--workers", "1", "--set", "filter.min_seconds=1000") == 0
    shown = capsys.readouterr().out
    assert "measured: 3 of 12 records, chosen by hash" in shown
    assert re.search(r"^filter\.min_seconds +1000 s +3 +100\.0%", shown, re.MULTILINE)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_refuses_what_the_build_would_refuse(
    cuts: Path, built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build-shards", str(cuts), str(built), "--dry-run", "--set", "patching.patch_size=6"]
    assert run(monkeypatch, *command) == 2
    assert "`patching.patch_size` 4 → 6" in capsys.readouterr().err


def test_a_report_on_an_unfinished_folder(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text(json.dumps(json.loads((built / "run.json").read_text()) | {"totals": None}))
    assert run(monkeypatch, "report", str(tmp_path)) == 1
    assert "is not finished: run the command that makes it again" in capsys.readouterr().err


def test_an_error_shows_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("no sample `\x1b[31mred`", 2)
    assert capsys.readouterr().err == "error: no sample `�[31mred`\n"


def test_help_lists_every_verb_with_its_first_sentence_whole() -> None:
    shown = " ".join(CliRunner().invoke(verbs, ["--help"], terminal_width=80).output.split())
    for name, verb in verbs.commands.items():
        sentence = " ".join(str(verb.help).split("\n\n")[0].split())
        assert f"{name} {sentence}" in shown
