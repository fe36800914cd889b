"""The same twenty utterances through every kind of source give the same units and words."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from lstdata.config import BuildConfig, load
from lstdata.records import Audio, Sample
from lstdata.shards import read_shard
from lstdata.sources import open_source
from tests.conftest import build
from tests.sources.layouts import AUDIO, Layout, Spoken

WORDS = "the old miller saw seven grey geese above the river and so he went home".split()


@pytest.fixture(scope="module")
def noises() -> list[Spoken]:
    rng = np.random.default_rng(7)
    made = []
    for number in range(20):
        samples = (rng.standard_normal(int(rng.integers(9_000, 20_000))) * 3_000).astype(np.int16)
        text = " ".join(WORDS[: number % 9 + 3])
        made.append(Spoken(f"utt-{number:02d}", samples, 22_050, text, f"s{number % 3}"))
    return made


def own_id(id: str) -> str:
    """An utterance's id, whatever folder a source puts before it."""
    return id.rsplit("/", 1)[-1]


@pytest.mark.parametrize("layout", AUDIO.values(), ids=AUDIO)
def test_same_samples_and_texts(layout: Layout, noises: Sequence[Spoken], tmp_path: Path) -> None:
    """Units and word times are functions of these alone."""
    path, sets = layout(tmp_path / "corpus", noises)
    source = open_source(str(path), load(BuildConfig, None, sets).source)
    elsewhere = pickle.loads(pickle.dumps(source))
    rows = {own_id(row.id): row for row in source.scan()}
    assert [row.reject for row in rows.values()] == [None] * 20
    assert rows.keys() == {spoken.id for spoken in noises}
    for spoken in reversed(noises):
        row = rows[spoken.id]
        opened = elsewhere.open(row.locator)
        assert isinstance(opened, Audio)
        assert (opened.decoded, row.text) == (len(spoken.samples), spoken.text)
        expected = _resampled(spoken)
        assert np.array_equal(opened.samples, expected), np.abs(opened.samples - expected).max()
        assert row.duration in (None, pytest.approx(spoken.seconds, abs=1e-4))


def _resampled(spoken: Spoken) -> np.ndarray:
    from lstdata.audio import resample

    return np.clip(resample((spoken.samples / np.float32(32_768)).astype(np.float32), spoken.rate), -1, 1)


@pytest.fixture(scope="module")
def clips(speech: Path) -> list[Spoken]:
    """The ten shortest mono clips of 16 kHz that the aligner can place, with their real transcripts."""
    found = []
    for path in sorted((speech / "english").iterdir()):
        if path.suffix in (".flac", ".wav"):
            info = soundfile.info(path)
            if (info.samplerate, info.channels, info.subtype) == (22_050, 1, "PCM_16"):
                text = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
                samples, rate = soundfile.read(path, dtype="int16")
                found.append(Spoken(path.stem.lower(), samples, rate, " ".join(text.split()), "ann"))
    found.sort(key=lambda spoken: spoken.seconds)
    assert len(found) >= 10
    return found[:10]


def samples_of(out: Path) -> dict[str, Sample]:
    return {own_id(s.id): s for tar in sorted((out / "shards").glob("*.tar")) for s in read_shard(tar)}


def same(mine: dict[str, Sample], its: dict[str, Sample]) -> None:
    assert mine.keys() == its.keys() and len(mine) == 10
    for id, sample in mine.items():
        other = its[id]
        assert np.array_equal(sample.units, other.units), id
        assert (sample.words, sample.text) == (other.words, other.text)
        assert sample.word_frames is not None and np.array_equal(sample.word_frames, other.word_frames)


FROZEN = ("words.aligner=sphinx", "plan.shard_seconds=600", "words.min_score=null")


@pytest.fixture(scope="module")
def first(clips: list[Spoken], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run whose codebook and tokenizer all others take."""
    folder = tmp_path_factory.mktemp("first")
    path, sets = AUDIO["lhotse cuts"](folder / "corpus", clips)
    assert build(path, folder / "out", *FROZEN, *sets).written == 10
    return folder / "out"


BUILT = ("lhotse Shar", "Kaldi with segments", "TSV with a column map", "Hugging Face Parquet")
"""The layouts furthest from one another; aligning takes its time."""


@pytest.mark.slow
@pytest.mark.parametrize("layout", [AUDIO[name] for name in BUILT], ids=BUILT)
def test_same_units_and_words_when_built(layout: Layout, first: Path, clips: list[Spoken], tmp_path: Path) -> None:
    path, sets = layout(tmp_path / "corpus", clips)
    given = (f"units.codebook={first / 'codebook.npz'}", f"tokenizer.path={first / 'tokenizer.json'}")
    build(path, tmp_path / "out", *FROZEN, *given, *sets)
    same(samples_of(first), samples_of(tmp_path / "out"))


@pytest.mark.slow
def test_same_units_and_words_from_a_finished_run(first: Path, tmp_path: Path) -> None:
    build(first, tmp_path / "out", f"tokenizer.path={first / 'tokenizer.json'}")
    same(samples_of(first), samples_of(tmp_path / "out"))


@pytest.mark.slow
def test_same_units_and_words_from_the_authors_files(first: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"file_id": id, "interleaved": interleaved(s)}) for id, s in samples_of(first).items()]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train.chunk.00.on_the_fly").write_text("\n".join(lines) + "\n")
    build(tmp_path / "corpus", tmp_path / "out", "units.clusters=500")
    found = samples_of(tmp_path / "out")
    for id, sample in samples_of(first).items():
        assert np.array_equal(sample.units, found[id].units)
        assert np.array_equal(sample.word_frames, found[id].word_frames)
        assert found[id].words == sample.words


def interleaved(sample: Sample) -> str:
    """A sample as the authors' loader takes it: words and silences, each with all of its units."""
    assert sample.words is not None and sample.word_frames is not None
    parts, cursor = [], 0

    def item(word: str, start: int, end: int) -> None:
        ids = "".join(f"{unit} " for unit in sample.units[start:end])
        parts.append(f"<LST MODE SEP>TEXT {word} <LST MODE SEP>HUBERT {ids}")

    for word, (start, end) in zip(sample.words, sample.word_frames.tolist(), strict=True):
        if start > cursor:
            item("[SIL]", cursor, start)
        item(word, start, end)
        cursor = end
    if cursor < sample.frames:
        item("[SIL]", cursor, sample.frames)
    return "".join(parts)


def test_the_index_has_twenty(noises: list[Spoken], tmp_path: Path) -> None:
    """A build without word times, through the layout with the most indirections."""
    path, sets = AUDIO["Hugging Face Parquet"](tmp_path / "corpus", noises)
    build(path, tmp_path / "out", "words.aligner=none", "units.clusters=8", *sets)
    assert pq.ParquetFile(tmp_path / "out" / "index.parquet").metadata.num_rows == 20
