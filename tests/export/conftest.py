"""A run with what formats stumble over: punctuation, words of no frames, samples without word times, three splits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import strategies as st
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.export.samples import open_run, read_samples
from lstdata.records import Sample
from tests.conftest import build
from tests.sources.unit_files import write_lines
from tests.test_patching import runs

SAID = ["“Well-known,", "—", "the", "OLD", "miller’s", "(geese)", "saw", "7", "rivers!", "Étude"]


def features(number: int, split: str, *, timed: bool = True) -> dict[str, Any]:
    """A line of units at 25 Hz; every third word has no frames, silences lie around and between."""
    rng = np.random.default_rng(number)
    line: dict[str, Any] = {"speaker": f"s{number % 3}", "language": "en", "license": "CC0-1.0", "split": split}
    words, frame = [], int(rng.integers(0, 5))
    for at, word in enumerate(SAID):
        end = frame + (0 if at % 3 == 2 else int(rng.integers(2, 9)))
        words.append([word, frame * 0.04, end * 0.04])
        frame = end + int(rng.integers(0, 3))
    units = np.repeat(rng.integers(0, 50, frame), 2)[: frame + 4].tolist()
    said = {"text": " ".join(SAID), "aligned_text": words} if timed else {}
    return {"file_name": f"book/{number}.b", "units": units, "take": number, **line, **said}


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of twelve samples, two of them without word times; leave it as it was."""
    folder = tmp_path_factory.mktemp("mixed")
    lines = [features(n, ["train", "dev", "Test-Clean"][n % 6 % 3], timed=n not in (3, 6)) for n in range(12)]
    write_lines(folder / "features.jsonl", lines)
    build(folder / "features.jsonl", folder / "out", "words.missing=speech", "units.clusters=50")
    return folder / "out"


@pytest.fixture(scope="session")
def moved(cuts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(corpus, run) of `cuts`: a corpus from which something may be taken `away` for a while."""
    folder = tmp_path_factory.mktemp("moved")
    shutil.copytree(cuts, folder / "corpus")
    build(folder / "corpus", folder / "out")
    return folder / "corpus", folder / "out"


@contextmanager
def away(path: Path) -> Iterator[None]:
    hidden = path.with_name(f"{path.name}.away")
    path.rename(hidden)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        hidden.rename(path)


@st.composite
def spoken(draw: st.DrawFn) -> Sample:
    """A sample of any words and silences whose units repeat and change."""
    sample, _, _ = draw(runs())
    units = draw(st.lists(st.integers(0, 3), min_size=sample.frames, max_size=sample.frames))
    return replace(sample, units=np.array(units, dtype=np.uint16))


def samples(out: Path) -> Iterator[Sample]:
    for _, stored in read_samples(open_run(UPath(out))):
        yield from (one.sample for one in stored)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Export a run by the command line; the folder."""

    def exported(out: Path, form: str, *arguments: str, to: str = "dst") -> Path:
        done = exporting(out, tmp_path / to, "--format", form, *arguments)
        assert done.exit_code == 0, done.output
        return tmp_path / to

    return exported


def exporting(out: Path, dst: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["export", str(out), str(dst), *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
