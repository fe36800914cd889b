"""`lhotse`: what lhotse loads and our own source reads is what the run holds, at the right place of its audio."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstdata.align import from_manifest
from lstdata.config import SourceConfig
from lstdata.export.lhotse import cut_of
from lstdata.export.recordings import Recorded
from lstdata.records import Audio, word_frames
from lstdata.sources import open_source
from tests.conftest import build
from tests.export.conftest import away, samples
from tests.sources.unit_files import write_lines

SAID = "the old miller saw seven grey geese above the river".split()


def words(first: float) -> list[dict[str, Any]]:
    """Ten words of 0.2 s, 0.1 s apart."""
    return [{"word": w, "start": first + 0.3 * n, "end": first + 0.3 * n + 0.2} for n, w in enumerate(SAID)]


@pytest.fixture(scope="session")
def stretches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of stretches of two recordings: one mono at 22,050 Hz, one stereo, one channel used or both."""
    folder = tmp_path_factory.mktemp("stretches")
    rng = np.random.default_rng(0)
    for name, rate, channels in (("mono", 22_050, 1), ("stereo", 16_000, 2)):
        soundfile.write(folder / f"{name}.flac", rng.uniform(-0.5, 0.5, (12 * rate, channels)), rate)
    common = {"text": " ".join(SAID), "words": words(0.21), "speaker": "ann", "language": "en", "license": "CC0"}
    lines = [
        {"id": "mono/1.a", "audio": "mono.flac", "start": 1.003, "end": 5.2, **common},
        {"id": "mono/2", "audio": "mono.flac", "start": 6.5, "end": 10.0, "score": {"width": 3}, **common},
        {"id": "right", "audio": "stereo.flac", "start": 2.0, "end": 6.0, "channel": 1, **common},
        {"id": "both", "audio": "stereo.flac", **common},
    ]
    write_lines(folder / "table.jsonl", [line | {"split": "train"} for line in lines])
    build(folder / "table.jsonl", folder / "out", "units.clusters=8")
    return folder / "out"


def loaded(folder: Path) -> list[Any]:
    from lhotse import CutSet

    return list(CutSet.from_shar(in_dir=folder))


def test_lhotse_loads_units_audio_and_words(stretches: Path, export: Callable[..., Path]) -> None:
    from lhotse.qa import validate

    dst = export(stretches, "lhotse")
    wanted = {sample.id: sample for sample in samples(stretches)}
    cuts = loaded(dst / "train")
    assert {cut.id for cut in cuts} == set(wanted) and len(cuts) == 4
    logging.disable(logging.WARNING)  # a cut is not a whole number of frames long
    for cut in cuts:
        validate(cut)
    logging.disable(logging.NOTSET)
    for cut in cuts:
        sample = wanted[cut.id]
        assert cut.load_custom("units").tolist() == sample.units.tolist()
        later = cut.truncate(offset=0.4, duration=0.8)
        assert later.load_custom("units").tolist() == sample.units[10:30].tolist()
        (said,) = cut.supervisions
        assert (said.text, said.speaker, said.language) == (sample.text, "ann", "en")
        timed = [(item.symbol, round(item.start - cut.start, 6), item.duration) for item in said.alignment["word"]]
        edges = (sample.word_frames * 0.04).round(6)
        assert timed == [(w, a, round(b - a, 6)) for w, (a, b) in zip(sample.words, edges.tolist(), strict=True)]
        assert cut.load_audio().shape[1] == pytest.approx(sample.samples * cut.sampling_rate / 16_000, abs=1)
    places = {cut.id: (round(cut.start, 3), cut.channel) for cut in cuts}
    assert places == {"mono/1.a": (1.003, 0), "mono/2": (6.5, 0), "right": (2.0, 1), "both": (0.0, [0, 1])}


def test_our_own_source_reads_the_same_stretches_and_frames(stretches: Path, export: Callable[..., Path]) -> None:
    source = open_source(str(export(stretches, "lhotse") / "train"), SourceConfig())
    wanted = {sample.id: sample for sample in samples(stretches)}
    rows = list(source.scan())
    assert source.kind == "lhotse" and {row.id for row in rows} == set(wanted) and len(rows) == 4
    for row in rows:
        sample, heard = wanted[row.id], source.open(row.locator)
        assert (row.text, row.speaker, row.language, row.license) == (sample.text, "ann", "en", "CC0")
        assert (row.split, row.recording, row.reject) == ("train", sample.recording, None)
        assert isinstance(heard, Audio) and len(heard.samples) == sample.samples and row.words is not None
        aligned = from_manifest(row.words, sample.samples).words
        assert tuple(word.text for word in aligned) == sample.words
        assert word_frames(aligned, sample.frames).tolist() == sample.word_frames.tolist()
    assert {row.id: row.custom.get("score") for row in rows}["mono/2"] == '{"width": 3}'


def test_units_without_audio_are_cuts_without_recordings(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "lhotse")
    said = json.loads((dst / "export.json").read_text(encoding="utf-8"))
    assert said["without_recording"] == 12 and set(said["shards"]) == {"train", "validation", "test-clean"}
    wanted = {sample.id: sample for sample in samples(mixed)}
    cuts = [cut for split in said["shards"] for cut in loaded(dst / split)]
    assert {cut.id for cut in cuts} == set(wanted) and len(cuts) == 12
    for cut in cuts:
        assert cut.load_custom("units").tolist() == wanted[cut.id].units.tolist()
        assert not cut.has_recording and (cut.supervisions[0].alignment is None) == (wanted[cut.id].words is None)


def test_recordings_that_are_gone_are_counted(moved: tuple[Path, Path], export: Callable[..., Path]) -> None:
    corpus, out = moved
    with away(corpus / "audio" / "utt-003.flac"):
        said = json.loads((export(out, "lhotse") / "export.json").read_text(encoding="utf-8"))
    assert (said["written"], said["without_recording"]) == (12, 1)


@pytest.mark.parametrize("id", ["a//b", "/etc/passwd", "../../up", "a/../b", "a/", "nul\0"])
def test_an_id_that_names_no_member_stays_in_custom(id: str, mixed: Path) -> None:
    sample = replace(next(samples(mixed)), id=id)
    cut = cut_of(sample, None)
    assert (cut["id"], cut["custom"]["id"], cut["supervisions"][0]["id"]) == (sample.key, id, sample.key)


def test_a_cut_never_ends_after_its_recording(mixed: Path) -> None:
    sample = next(samples(mixed))
    recorded = Recorded("a.wav", 8_000, 1, 8_000, 0.5, 0)
    assert cut_of(sample, recorded)["duration"] == 0.5


def test_shards_say_nothing_of_when_they_were_made(mixed: Path, export: Callable[..., Path]) -> None:
    path = export(mixed, "lhotse") / "train" / "cuts.000000.jsonl.gz"
    assert path.read_bytes()[4:8] == b"\0\0\0\0" and gzip.decompress(path.read_bytes())
