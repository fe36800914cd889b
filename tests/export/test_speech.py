"""Real speech, aligned, comes back from each format that we read with its own units, words and frames."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.align import from_manifest
from lstdata.config import SourceConfig
from lstdata.export.lst import spoken_words
from lstdata.records import Audio, Coded, word_frames
from lstdata.sources import open_source
from tests.conftest import build
from tests.export.conftest import samples


@pytest.mark.slow
def test_real_speech_comes_back(speech: Path, export: Callable[..., Path], tmp_path: Path) -> None:
    some = {path.stem for path in sorted((speech / "english").glob("*.txt"))[::3]}
    (tmp_path / "corpus").mkdir()
    for path in (speech / "english").iterdir():
        if path.stem in some:
            shutil.copy(path, tmp_path / "corpus")
    build(tmp_path / "corpus", tmp_path / "out", "words.missing=speech", "units.clusters=50")
    wanted = {sample.id: sample for sample in samples(tmp_path / "out")}
    timed = {id for id, sample in wanted.items() if sample.words}
    assert len(timed) > 20
    folders = {form: export(tmp_path / "out", form, to=form) for form in ("lst", "slamkit", "lhotse")}
    for form, folder in folders.items():
        parts = [folder / "features"] if form == "slamkit" else [path for path in folder.iterdir() if path.is_dir()]
        sources = [open_source(str(part), SourceConfig()) for part in parts]
        found = {row.id: (row, source.open(row.locator)) for source in sources for row in source.scan()}
        assert set(found) == (timed if form == "lst" else set(wanted)), form
        for id, (row, read) in found.items():
            sample = wanted[id]
            if isinstance(read, Coded):
                assert read.units.tolist() == sample.units.tolist(), (form, id)
                words, frames = read.words, read.word_frames
            else:
                assert isinstance(read, Audio) and len(read.samples) == sample.samples
                aligned = () if row.words is None else from_manifest(row.words, sample.samples).words
                words, frames = tuple(word.text for word in aligned), word_frames(aligned, sample.frames)
            if form == "lst":
                assert list(words or ()) == [w for word in sample.words or () for w, _ in spoken_words(word)]
            elif id in timed:
                assert words == sample.words and frames.tolist() == sample.word_frames.tolist(), (form, id)
