"""Every kind of source behind a URL: the records that it has here, and their audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstdata.config import BuildConfig, SourceConfig, WordsConfig, load
from lstdata.errors import ConfigError, Rejected
from lstdata.records import Audio, Coded
from lstdata.source_row import SourceRow
from lstdata.source_table import scan_fingerprint
from lstdata.sources import Source, open_source
from lstdata.sources.row_file import origin, write_rows
from lstdata.storage import place
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.units.codebook import load_codebook
from tests.sources import layouts
from tests.sources.layouts import Layout, Spoken
from tests.sources.unit_files import write_on_the_fly
from tests.storage.conftest import Bucket

LAYOUTS: dict[str, Layout] = {
    "lhotse": layouts.cuts,
    "lhotse's recordings": layouts.recordings_and_supervisions,
    "shar": layouts.shar,
    "kaldi": layouts.kaldi,
    "folder": layouts.transcripts_beside,
    "librispeech": layouts.librispeech,
    "tsv": layouts.tsv_table,
    "jsonl": layouts.jsonl_table,
    "parquet": layouts.parquet_table,
    "hub": layouts.hub_parquet,
    "saved": layouts.hub_arrow,
    "audiofolder": layouts.audiofolder,
}


@pytest.fixture(scope="module")
def spoken() -> list[Spoken]:
    rng = np.random.default_rng(0)
    texts = ["the old miller", "saw seven grey geese", "above the river"]
    return [
        Spoken(f"84-1-{n:04d}", (rng.standard_normal(8_000 + n * 100) * 3000).astype(np.int16), 16_000, text, "84")
        for n, text in enumerate(texts)
    ]


def below(path: Path, root: Path, url: str) -> str:
    return url if path == root else f"{url}/{path.relative_to(root).as_posix()}"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_source_on_a_store_is_the_one_that_it_is_here(
    bucket: Bucket, tmp_path: Path, spoken: Sequence[Spoken], name: str
) -> None:
    root = tmp_path / "corpus"
    path, sets = LAYOUTS[name](root, spoken)
    config = load(BuildConfig, None, sets).source
    here, there = (open_source(p, config) for p in (str(path), below(path, root, bucket.upload(root, "corpus"))))
    rows, remote = list(here.scan()), list(there.scan())
    assert (there.kind, len(rows)) == (here.kind, 3) and not any(row.reject for row in rows)
    assert [replace(row, duration=0) for row in remote] == [replace(row, duration=0) for row in rows]
    assert all(there_.duration in (here_.duration, None) for here_, there_ in zip(rows, remote, strict=True))
    for row in rows:
        assert signal(there, row).tolist() == signal(here, row).tolist()


def signal(source: Source, row: SourceRow) -> np.ndarray:
    opened = source.open(row.locator)
    assert isinstance(opened, Audio)
    return opened.samples


def test_prepared_units_on_a_store(bucket: Bucket, tmp_path: Path) -> None:
    folder = write_on_the_fly(tmp_path / "units", 3)
    url = bucket.upload(folder, "units")
    here, there = open_source(str(folder), SourceConfig()), open_source(url, SourceConfig())
    rows = list(here.scan())
    assert there.kind == "units" and list(there.scan()) == rows
    for row in rows:
        both = [source.open(row.locator) for source in (here, there)]
        assert all(isinstance(coded, Coded) for coded in both)
        assert both[0].units.tolist() == both[1].units.tolist()  # type: ignore[union-attr]


def test_a_run_folder_on_a_store_is_a_source(bucket: Bucket, built: Path) -> None:
    there = open_source(bucket.upload(built, "out"), SourceConfig())
    here = open_source(str(built), SourceConfig())
    rows = list(here.scan())
    assert there.kind == "run" and list(there.scan()) == rows
    assert there.inventory() == here.inventory()
    for row in rows:
        both = [source.open(row.locator) for source in (here, there)]
        assert both[0].units.tolist() == both[1].units.tolist()  # type: ignore[union-attr]


def test_segments_of_a_corpus_on_a_store_may_lie_here_or_there(bucket: Bucket, cuts: Path, tmp_path: Path) -> None:
    url = bucket.upload(cuts, "corpus")
    corpus = open_source(url, SourceConfig())
    rows = list(corpus.scan())
    said = origin("segments", url, corpus, SourceConfig(), scan_fingerprint(rows), {})
    write_rows(place(tmp_path / "segments.parquet"), rows, said)
    write_rows(place(f"{bucket.url}/segments/segments.parquet"), rows, said)
    for path in (str(tmp_path), f"{bucket.url}/segments", f"{bucket.url}/segments/segments.parquet"):
        source = open_source(path, SourceConfig())
        assert source.kind == "rows" and list(source.scan()) == rows
        assert len(signal(source, rows[0])) > 0


def test_a_missing_recording_of_a_table_costs_its_record(bucket: Bucket) -> None:
    bucket.put("t.jsonl", b'{"id": "a", "audio": "gone.wav", "duration": 1.0, "text": "a"}\n')
    source = open_source(f"{bucket.url}/t.jsonl", SourceConfig())
    (row,) = source.scan()
    with pytest.raises(Rejected, match=r"missing_audio: there is no file `gone\.wav`"):
        source.open(row.locator)


def test_what_is_not_there_is_said(bucket: Bucket) -> None:
    bucket.put("notes/readme.md", b"hello")
    with pytest.raises(ConfigError, match=f"the source `{bucket.url}/nowhere` does not exist"):
        open_source(f"{bucket.url}/nowhere", SourceConfig())
    with pytest.raises(ConfigError, match="holds nothing to build from"):
        open_source(f"{bucket.url}/notes", SourceConfig())


def test_codebook_tokenizer_and_word_files_may_be_urls(bucket: Bucket, built: Path) -> None:
    from lstdata.build.word_times import find_word_source

    url = bucket.upload(built, "out")
    assert load_codebook(f"{url}/codebook.npz").sha256 == load_codebook(str(built / "codebook.npz")).sha256
    bucket.put("tokenizer.json", fit_tokenizer(["the old miller"], 260))
    assert TextTokenizer.read(f"{bucket.url}/tokenizer.json").size <= 260
    bucket.put("words/a.ctm", b"84-1-0000 1 0.1 0.2 the\n")
    found = [
        find_word_source(WordsConfig(aligner="files", files=f"{bucket.url}/words{name}")).identity
        for name in ("", "/", "/a.ctm")
    ]
    assert len(set(found)) == 1 and found[0] is not None
