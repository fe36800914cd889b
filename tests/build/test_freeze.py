"""What a codebook and a tokenizer are made from: the records that filters keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from lstdata.build import Asked, planned
from lstdata.build.fitting import fit_notes, fit_on
from lstdata.build.freeze import training_texts
from lstdata.config import BuildConfig, load
from lstdata.records import HOP, SAMPLE_RATE
from lstdata.sources import open_source
from lstdata.units.features import find_features
from lstdata.units.fit import FitSummary
from tests.conftest import build


def fitted(corpus: Path, *sets: str) -> tuple[int, list[str]]:
    """Frames that a codebook is fitted on, and texts that a tokenizer is trained on."""
    config = load(BuildConfig, None, ["units.clusters=4", "plan.validation=0", *sets])
    with planned(Asked(str(corpus), corpus / "out", config)) as (plan, path):
        source = open_source(str(corpus), config.source)
        made = fit_on(source, plan, path, config, find_features(config.units, "cpu"))
        assert made is not None
        return made[1].frames, list(training_texts(source, plan, path, config.filter))


def test_what_filters_leave_out_is_not_learned_from(make_cuts: Callable[[int], Path]) -> None:
    corpus = make_cuts(4)
    manifest = corpus / "cuts.jsonl"
    lines = manifest.read_text().splitlines()
    lines[0] = lines[0].replace('"language": "en"', '"language": "de"').replace("the old miller", "der alte müller")
    lines[0] = lines[0].replace('["the"', '["der"')
    manifest.write_text("\n".join(lines) + "\n")
    seconds = [soundfile.info(corpus / "audio" / f"utt-00{i}.flac").duration for i in range(4)]
    frames = [int(-(-s * SAMPLE_RATE // 1)) // HOP for s in seconds]
    longest = max(seconds[1:])
    everything, all_texts = fitted(corpus)
    assert (everything, len(all_texts)) == (sum(frames), 4)
    english, texts = fitted(corpus, "filter.languages=[en]")
    assert english == sum(frames[1:])
    assert len(texts) == 3 and not any("der" in text.split() for text in texts)
    short, _ = fitted(corpus, "filter.languages=[en]", f"filter.max_seconds={longest - 0.01}")
    assert short == sum(frames[1:]) - frames[seconds.index(longest)]


def put(corpus: Path, split: str, names: str, audio: Path, text: str = "the old miller") -> None:
    """Recordings in the folder of a split; an empty path is that of an empty file."""
    (corpus / split).mkdir(parents=True)
    for name in names:
        (corpus / split / f"{name}.flac").write_bytes(audio.read_bytes() if audio.name else b"")
        (corpus / split / f"{name}.txt").write_text(text)


def test_units_are_fitted_on_the_other_splits_where_training_has_no_frame(cuts: Path, tmp_path: Path) -> None:
    """Nothing of such a source could be built otherwise, however often one tried."""
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    put(corpus, "train", "a", Path())
    put(corpus, "dev", "b", cuts / "audio/utt-000.flac")
    totals = build(corpus, out, "words.aligner=none")
    assert (totals.written, totals.reasons) == (1, {"empty_file": 1})


def test_units_are_fitted_on_training_alone_where_it_has_a_frame(cuts: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    put(corpus, "train", "a", cuts / "audio/utt-000.flac")
    put(corpus, "dev", "b", cuts / "audio/utt-001.flac", "another text")
    seconds = soundfile.info(cuts / "audio/utt-000.flac").duration
    assert fitted(corpus) == (int(-(-seconds * SAMPLE_RATE // 1)) // HOP, ["the old miller"])


@pytest.mark.parametrize("options", [[], ["filter.languages=[en]"]])
def test_a_tokenizer_is_trained_on_the_other_splits_where_training_has_no_text(
    cuts: Path, tmp_path: Path, options: list[str]
) -> None:
    corpus = tmp_path / "corpus"
    put(corpus, "train", "a", cuts / "audio/utt-000.flac", "")
    put(corpus, "dev", "b", cuts / "audio/utt-001.flac", "another text")
    assert fitted(corpus, *options)[1] == ["another text"]


def test_a_codebook_of_less_than_a_minute_is_pointed_out() -> None:
    summary = FitSummary(frames=1499, clusters=149, inertia=1.0, entropy_bits=7.0, dead_clusters=0, sha256="0")
    assert list(fit_notes(summary, HOP))[1:] == ["codebook: fitted on only 59 s of speech"]
    assert list(fit_notes(replace(summary, frames=1500), HOP))[1:] == []
