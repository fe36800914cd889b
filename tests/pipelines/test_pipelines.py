"""Every pipeline loads and says what it is for, and the commands that it quotes do what it says, in small."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lstdata.cli.verbs import cli
from lstdata.config import BuildConfig, load
from lstdata.filters import active_rules
from lstdata.prepare import PIPELINES
from lstdata.records import SAMPLE_RATE, Audio
from lstdata.source_row import SourceRow
from lstdata.sources import open_source
from tests.pipelines.miniatures import MINIATURES, TEXT

ROOT = Path(__file__).resolve().parents[2]
CORPORA = sorted(MINIATURES)
OF_BUILDS = sorted(p for p in (ROOT / "pipelines").glob("*.yaml") if p.stem in {*CORPORA, "demo"})


def commands(about: str) -> list[list[str]]:
    """The lines of an `about` that are commands, without `lstdata`."""
    return [shlex.split(line)[1:] for line in about.splitlines() if line.startswith("  lstdata ")]


def quoted(name: str) -> list[list[str]]:
    return commands(load(BuildConfig, str(ROOT / "pipelines" / f"{name}.yaml")).about)


@pytest.fixture
def settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Make a working folder as the `about` of a pipeline takes it for granted: the corpus' folders, and `pipelines`."""

    def make(name: str) -> Path:
        MINIATURES[name](tmp_path)
        (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make


def run(arguments: list[str]) -> str:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def planned(build: list[str]) -> tuple[int, int, float]:
    """Records, those rejected before any audio is read, and seconds, by a quoted command that stops there.

    A dry run goes on to measure what filters ask for, in processes of its own; a plan does not.
    """
    filtered = active_rules(load(BuildConfig, build[build.index("--config") + 1]).filter)
    command = ["plan", *build[1:]] if filtered else [*build, "--dry-run"]
    said: dict[str, Any] = json.loads(run([*command, "--json"]))
    if filtered:
        shutil.rmtree(build[2])
    return said["records"], said["rejected"], said["seconds"]


def rows(source: str, pipeline: str) -> list[SourceRow]:
    """What the pipeline reads from a source; each record that is not rejected can be heard."""
    opened = open_source(os.path.abspath(source), load(BuildConfig, f"pipelines/{pipeline}.yaml").source)
    found = list(opened.scan())
    for row in found:
        if row.reject is None:
            content = opened.open(row.locator)
            assert isinstance(content, Audio) and len(content.samples) >= SAMPLE_RATE
    return found


def splits(found: list[SourceRow]) -> dict[str | None, int]:
    return dict(Counter(row.split for row in found))


@pytest.mark.parametrize("path", OF_BUILDS, ids=lambda p: p.stem)
def test_a_pipeline_loads_and_says_what_it_is(path: Path) -> None:
    assert load(BuildConfig, str(path)).about.strip()


@pytest.mark.parametrize("name", CORPORA)
def test_the_commands_of_a_pipeline_parse(name: str) -> None:
    """Verbs and options exist, build-shards is given this very pipeline, and each OUT_DIR of prepare is built from."""
    of_this = quoted(name)
    assert of_this
    prepared = {command[3] for command in of_this if command[0] == "prepare"}
    built = {command[1] for command in of_this if command[0] == "build-shards"}
    assert prepared <= built
    for verb, *rest in of_this:
        command = cli.commands[verb]
        if verb == "prepare":
            assert isinstance(command, click.Group)
            recipe = command.get_command(click.Context(command), rest.pop(0))
            assert recipe is not None
            command = recipe
        context = click.Context(command)
        parser = command.make_parser(context)
        values, left, _ = parser.parse_args(list(rest))
        assert not left
        if verb in ("build-shards", "segment"):
            assert values["config_path"] == f"pipelines/{name}.yaml"


def test_each_recipe_with_a_pipeline_has_it() -> None:
    assert {Path(path).stem for path in PIPELINES.values()} == set(CORPORA)
    assert all((ROOT / path).is_file() for path in PIPELINES.values())


def test_librispeech(settle: Callable[[str], Path]) -> None:
    settle("librispeech")
    prepare, build, build_tree = quoted("librispeech")
    expected = {"train": 4, "validation": 2, "test-other": 2}

    run(prepare)
    found = rows("manifests", "librispeech")
    assert splits(found) == expected
    assert {row.speaker for row in found} == {"103", "20", "84", "367"}
    assert {(row.language, row.text) for row in found} == {("English", TEXT)}
    assert planned(build) == (8, 0, 16.0)

    found = rows("LibriSpeech", "librispeech")
    assert splits(found) == expected
    assert {row.speaker for row in found} == {"103", "20", "84", "367"}
    assert {row.text for row in found} == {TEXT.upper()}
    assert planned(build_tree) == (8, 0, 16.0)


def test_ljspeech(settle: Callable[[str], Path]) -> None:
    settle("ljspeech")
    prepare, build = quoted("ljspeech")
    run(prepare)
    found = rows("manifests", "ljspeech")
    assert [row.id for row in found] == ["LJ001-0001", "LJ002-0001", "LJ003-0001"]
    assert splits(found) == {None: 3}
    assert found[0].text == f'In 1455 {TEXT}, said \'the "printer".'
    assert found[0].custom["normalized_text"] == f"In fourteen fifty-five {TEXT}"
    assert {row.language for row in found} == {"English"}
    assert planned(build) == (3, 0, 6.0)


def test_mls(settle: Callable[[str], Path]) -> None:
    settle("mls")
    prepare, build, build_english = quoted("mls")
    run(prepare)
    found = rows("manifests", "mls")
    assert splits(found) == {"train": 4, "validation": 4, "test": 4}
    assert Counter(row.language for row in found) == {"english": 6, "german": 6}
    assert {row.speaker for row in found} == {"10", "11", "12", "2000", "2001", "2002"}
    assert {row.text for row in found} == {TEXT}
    for command in (build, build_english):
        assert planned(command) == (12, 0, 24.0)


def test_libri_light(settle: Callable[[str], Path]) -> None:
    settle("libri-light")
    prepare, build, build_tree, segment, _, build_transcripts = quoted("libri-light")
    run(prepare)
    found = rows("manifests", "libri-light")
    assert len(found) == 4 * 3 and splits(found) == {None: 12}
    assert {row.speaker for row in found} == {"100", "101", "200", "300"}
    assert {row.recording for row in found} >= {"small/100/a_book_0711_librivox_64kb_mp3/book_01_author_64kb"}
    assert {(row.text, row.language) for row in found} == {(None, "English")}
    assert planned(build)[1] == 0

    run(segment)
    found = rows("segments", "libri-light")
    assert {tuple(sorted(row.duration or 0 for row in found if row.speaker == s)) for s in ("100", "300")} == {
        (8.0, 19.5)
    }
    Path("segments").rename("transcripts")
    assert planned(build_transcripts)[:2] == (8, 0)

    found = rows("LIBRILIGHT/small", "libri-light")
    assert [(row.duration, row.text) for row in found] == [(30.0, None)] * 2
    assert planned(build_tree)[1] == 0


def test_libri_light_without_its_largest_part(settle: Callable[[str], Path]) -> None:
    """The parts before the missing one are complete and can be built from."""
    corpus = settle("libri-light")

    shutil.rmtree(corpus / "LIBRILIGHT" / "large")
    prepare, build, *_ = quoted("libri-light")
    done = CliRunner().invoke(cli, prepare)
    assert done.exit_code == 1 and "librilight_recordings_medium.jsonl.gz" in str(done.exception)
    assert len(rows("manifests", "libri-light")) == 3 * 3
    assert planned(build)[1] == 0


def test_peoples_speech(settle: Callable[[str], Path]) -> None:
    settle("peoples-speech")
    build_parquet, prepare, build, _ = quoted("peoples-speech")
    found = rows("PEOPLES_SPEECH/clean", "peoples-speech")
    assert splits(found) == {"train": 3, "validation": 1, "test": 1}
    assert [row.duration for row in found] == [2.0] * 5
    assert {row.text for row in found} == {TEXT, "well"}
    assert planned(build_parquet) == (5, 0, 10.0)

    run(prepare)
    found = rows("manifests", "peoples-speech")
    assert splits(found) == {None: 8, "validation": 2, "test": 2}
    assert {(row.text, row.language) for row in found} == {(TEXT, "English")}
    assert planned(build) == (12, 0, 24.0)


def test_commonvoice_by_its_table(settle: Callable[[str], Path]) -> None:
    settle("commonvoice")
    build, _, _ = quoted("commonvoice")
    found = rows("CORPUS/en/validated.tsv", "commonvoice")
    assert [row.id for row in found] == [f"common_voice_en_1000{number}.mp3" for number in range(4)]
    assert splits(found) == {None: 4}
    assert len({row.speaker for row in found}) == 4
    assert {row.language for row in found} == {"en"}
    assert {row.locator.path for row in found} == {f"clips/{row.id}" for row in found}
    assert found[1].text == 'He said "hello'
    assert found[0].custom["age"] == "twenties"
    assert planned(build)[:2] == (4, 0)


def test_commonvoice_by_its_recipe(settle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With threads for the processes that the recipe starts anew for each split, seconds each."""
    from lhotse.recipes import commonvoice

    monkeypatch.setattr(commonvoice, "ProcessPoolExecutor", lambda max_workers, **_: ThreadPoolExecutor(max_workers))
    settle("commonvoice")
    _, prepare, build = quoted("commonvoice")
    run(prepare)
    found = rows("manifests", "commonvoice")
    assert splits(found) == {"train": 2, "validation": 1, "test": 1}
    assert len({row.speaker for row in found}) == 4
    assert {row.language for row in found} == {"en"}
    assert planned(build)[1] == 0


def test_real_clips_are_built_by_the_quoted_commands(settle: Callable[[str], Path], speech: Path) -> None:
    """Three clips of LJ Speech itself, with the words that were read in them."""
    corpus = settle("ljspeech")

    folder = corpus / "LJSpeech-1.1"
    shutil.rmtree(folder / "wavs")
    (folder / "wavs").mkdir()
    metadata = []
    for id in ("LJ001-0002", "LJ001-0004", "LJ001-0005"):
        (folder / "wavs" / f"{id}.wav").symlink_to(speech / "english" / f"{id}.flac")
        text = (speech / "english" / f"{id}.txt").read_text(encoding="utf-8").strip()
        metadata.append(f"{id}|{text}|{text}\n")
    (folder / "metadata.csv").write_text("".join(metadata), encoding="utf-8")
    prepare, build = quoted("ljspeech")
    run(prepare)
    said = json.loads(run([*build, "--json", "--workers", "1", "--no-report"]))
    assert (said["planned"], said["written"], said["problems"]) == (3, 3, [])
