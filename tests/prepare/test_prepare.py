"""`lstdata prepare`: lhotse's recipes by name, and one clear line for whatever they raise."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import click
import pytest

from lstdata import cli
from lstdata.prepare import Prepared
from lstdata.sources.encoding import json_lines
from tests.pipelines.miniatures import librispeech

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lstdata(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line; (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lstdata", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], object]], None]:
    """Make `toy` a recipe of lhotse's: a function of the output folder."""
    from lhotse.bin.modes import prepare

    def register(write: Callable[[str], object]) -> None:
        @click.command("toy")
        @click.argument("corpus_dir", type=click.Path(exists=True))
        @click.argument("output_dir", type=click.Path())
        def toy(corpus_dir: str, output_dir: str) -> None:
            """A toy."""
            write(output_dir)

        monkeypatch.setitem(prepare.commands, "toy", toy)

    return register


def save(out: str, part: str, *seconds: float) -> None:
    from lhotse import RecordingSet
    from lhotse.audio import AudioSource, Recording

    Path(out).mkdir(exist_ok=True)
    recordings = [
        Recording(f"r{number}", [AudioSource("file", [0], "a.wav")], 16_000, int(s * 16_000), s)
        for number, s in enumerate(seconds)
    ]
    RecordingSet.from_recordings(recordings).to_file(Path(out) / f"toy_recordings_{part}.jsonl.gz")


def test_the_corpora_are_listed_by_name(lstdata: Run) -> None:
    code, out, _ = lstdata("prepare", "--list")
    names = [line.split()[0] for line in out.splitlines()]
    assert code == 0 and names == sorted(names) and len(names) > 90
    assert {"librispeech", "mls", "librilight", "peoples-speech", "commonvoice", "ljspeech"} <= set(names)


def test_help_of_the_verb_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom lstdata import cli\nsys.argv = ['lstdata', 'prepare', '--help']\n"
        "try: cli.main()\nexcept SystemExit as stop: assert not stop.code\n"
        "print('LOADED', [m for m in ('lhotse', 'torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "prepare --list" in done.stdout and "LOADED []" in done.stdout


def test_help_of_a_corpus_is_that_of_its_recipe(lstdata: Run) -> None:
    code, out, _ = lstdata("prepare", "librispeech", "--help")
    assert code == 0
    assert "prepare librispeech [OPTIONS] CORPUS_DIR OUTPUT_DIR" in " ".join(out.split())
    assert "--normalize-text [none|lower]" in out


def test_an_unknown_corpus_is_a_usage_error_with_the_nearest_names(lstdata: Run) -> None:
    code, _, err = lstdata("prepare", "librispech", "a", "b")
    assert code == 2 and err.startswith("error: lhotse has no recipe for `librispech`. Did you mean `librispeech`")
    code, _, err = lstdata("prepare", "peoples_speech", "a", "b")
    assert code == 2 and "Did you mean `peoples-speech`" in err
    code, _, err = lstdata("prepare", "qqqq")
    assert code == 2 and err == "error: lhotse has no recipe for `qqqq`. `lstdata prepare --list` names all.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["CORPUS"], "Missing argument 'OUTPUT_DIR'"),
        (["/nonexistent", "OUT"], "Path '/nonexistent' does not exist"),
        (["CORPUS", "OUT", "--part", "dev-clean"], "No such option"),
        (["CORPUS", "OUT", "--normalize-text", "upper"], "'upper' is not one of"),
    ],
)
def test_wrong_arguments_are_usage_errors(arguments: list[str], message: str, lstdata: Run, tmp_path: Path) -> None:
    places = {"CORPUS": tmp_path, "OUT": tmp_path / "out"}
    code, _, err = lstdata("prepare", "librispeech", *(places.get(a, a) for a in arguments))
    assert code == 2 and message in err
    assert not (tmp_path / "out").exists()


def test_options_pass_through_and_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process of its own: no progress bars where nobody watches."""
    librispeech(tmp_path)
    monkeypatch.chdir(tmp_path)
    command = "-m lstdata prepare librispeech LibriSpeech manifests -p dev-clean".split()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"librispeech: 2 recordings, 0.00 h, in one manifest in {tmp_path}/manifests\n"
        f"next: lstdata build-shards {tmp_path}/manifests RUN\n"
    )
    assert sorted(p.name for p in Path("manifests").iterdir()) == [
        "librispeech_recordings_dev-clean.jsonl.gz",
        "librispeech_supervisions_dev-clean.jsonl.gz",
    ]
    written = [v for _, v in json_lines("manifests/librispeech_recordings_dev-clean.jsonl.gz") if isinstance(v, dict)]
    assert all(recording["sources"][0]["source"].startswith(f"{tmp_path}/") for recording in written)


def test_options_are_named_only_where_the_working_folder_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Prepared(corpus="librispeech", out="O", manifests=("m.jsonl.gz",), recordings=1, hours=1.0)
    monkeypatch.chdir(ROOT)
    assert done.next == "lstdata build-shards O RUN --config pipelines/librispeech.yaml"
    monkeypatch.chdir(tmp_path)
    assert done.next == "lstdata build-shards O RUN"


def test_what_was_written_as_json(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    recipe(lambda out: (save(out, "a", 1800.0, 900.0), save(out, "b", 900.0)))
    code, out, _ = lstdata("prepare", "toy", tmp_path, tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(out) == {
        "corpus": "toy",
        "out": str(tmp_path / "out"),
        "manifests": ["toy_recordings_a.jsonl.gz", "toy_recordings_b.jsonl.gz"],
        "recordings": 3,
        "hours": 1.0,
        "next": f"lstdata build-shards {tmp_path / 'out'} RUN",
    }


def test_a_duration_that_is_none_counts_no_hours(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    def write(out: str) -> None:
        save(out, "a", 3600.0)
        lines = ['{"id": "a", "duration": "7200"}', '{"id": "b", "duration": NaN}', '{"id": "c"}', "{"]
        (Path(out) / "other_recordings.jsonl").write_text("\n".join(lines))

    recipe(write)
    code, out, _ = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert (code, out.splitlines()[0][:34]) == (0, "toy: 4 recordings, 1.00 h, in 2 ma")


def raising(error: Exception) -> Callable[[str], object]:
    def write(out: str) -> None:
        raise error

    return write


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AssertionError("No such directory: /corpus"), 1, "stopped: No such directory: /corpus."),
        (FileNotFoundError(2, "No such file or directory", "a.tsv"), 1, "No such file or directory: 'a.tsv'."),
        (OSError("several\n  lines"), 1, "stopped: several lines."),
        (URLError("no route"), 1, "it fetches a part of the corpus itself, and could not: <urlopen error no route>."),
        (KeyError("accents"), 1, "KeyError: 'accents'."),
        (
            ModuleNotFoundError("No module named 'pandas'"),
            2,
            "needs a package that is missing: No module named 'pandas'.",
        ),
        (ValueError("To prepare, please 'pip install openpyxl'"), 2, "needs a package that is missing: To prepare"),
    ],
)
def test_what_a_recipe_raises_is_one_line(
    error: Exception, code: int, message: str, lstdata: Run, recipe: Any, tmp_path: Path
) -> None:
    recipe(raising(error))
    got, out, err = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert (got, out) == (code, "")
    assert err.startswith("error: lhotse's recipe `toy` ") and message in err and err.count("\n") == 1


def test_an_assertion_without_a_message_shows_what_was_asserted(lstdata: Run, tmp_path: Path) -> None:
    """lhotse's own recipe for MLS: `assert corpus_dir.is_dir()`, given a file."""
    (tmp_path / "file").touch()
    code, _, err = lstdata("prepare", "mls", tmp_path / "file", tmp_path / "out")
    assert code == 1 and "stopped: AssertionError (mls.py, line" in err and "`assert corpus_dir.is_dir()`)." in err


def test_parts_that_were_complete_before_a_recipe_stopped_are_named(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    def write(out: str) -> None:
        save(out, "small", 1.0)
        save(out, "medium")
        raise ValueError("no medium")

    recipe(write)
    code, _, err = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert code == 1 and err.endswith("no medium. Complete before that: toy_recordings_small.jsonl.gz.\n")


def test_a_recipe_that_writes_nothing_did_not_succeed(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    recipe(lambda out: None)
    code, out, err = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert (code, out) == (1, "") and "left no recordings or cuts in" in err


def test_a_manifest_that_a_crash_left_half_written_is_named(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    def write(out: str) -> None:
        save(out, "a", *[1.0] * 100)
        path = Path(out) / "toy_recordings_a.jsonl.gz"
        path.write_bytes(path.read_bytes()[:-20])

    recipe(write)
    code, out, err = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert (
        (code, out) == (1, "") and "toy_recordings_a.jsonl.gz` is damaged" in err and "Delete it and run again" in err
    )


def test_warnings_are_shown_up_to_ten_and_counted(lstdata: Run, recipe: Any, tmp_path: Path) -> None:
    def write(out: str) -> None:
        for number in range(25):
            logging.warning(f"No such file: {number}.flac")
        save(out, "a", 1.0)

    recipe(write)
    code, _, err = lstdata("prepare", "toy", tmp_path, tmp_path / "out")
    assert code == 0
    said = err.splitlines()
    assert said[0] == "lhotse: No such file: 0.flac" and len(said) == 11
    assert said[-1] == "lhotse: … and 15 more warnings."
