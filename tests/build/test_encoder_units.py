"""Builds whose units are a pretrained model's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstdata.errors import ConfigError
from lstdata.shards import read_shard
from lstdata.storage import read_json
from lstdata.units.codebook import Codebook, load_codebook
from lstdata.verify import verify
from tests.conftest import Quiet, build, write_cuts
from tests.units.encoder.checkpoints import random_model, save


class Noting(Quiet):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_model("Hubert", "group"), tmp_path_factory.mktemp("models") / "hubert")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cuts(tmp_path_factory.mktemp("corpus"), 6)


def options(model: Path, *more: str) -> list[str]:
    return [f"units.model={model}", "units.layer=2", "units.clusters=20", "units.fit_frames=500", *more]


@pytest.fixture(scope="module")
def built(corpus: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    out, listener = tmp_path_factory.mktemp("built") / "out", Noting()
    totals = build(corpus, out, *options(model, "units.dtype=bfloat16"), listener=listener)
    assert (totals.written, totals.rejected) == (6, 0)
    return out, listener.notes


def sums(out: Path) -> dict[str, str]:
    return {path.stem: read_json(path)["sha256"] for path in sorted((out / "shards").glob("*.json"))}


def test_a_run_at_50_frames_a_second_is_whole(built: tuple[Path, list[str]]) -> None:
    out, notes = built
    assert verify(out).problems == []
    assert read_json(out / "vocab.json")["hop"] == 320
    samples = [s for tar in sorted((out / "shards").glob("*.tar")) for s in read_shard(tar)]
    assert all(len(s.units) == len(s.activity) == s.samples // 320 for s in samples)
    first = next(s for s in samples if s.id == "utt-000")
    starts = np.array(first.word_frames)[:, 0] / 50
    active = np.flatnonzero(np.diff(first.activity.astype(int)) == 1) / 50
    assert abs(starts[0] - active[0]) <= 0.06, "words and activity are on the grid of the units"
    assert any("bfloat16 gives" in note for note in notes), notes


def test_the_codebook_says_which_features_it_is_for(
    built: tuple[Path, list[str]], corpus: Path, tmp_path: Path
) -> None:
    book = load_codebook(built[0] / "codebook.npz")
    assert book.extractor == "encoder" and '"layer": 2' in book.features
    assert not book.mean.any() and (book.scale == 1).all(), "hidden states are clustered as they are"
    other = save(random_model("Hubert", "group", seed=1), tmp_path / "hubert")
    with pytest.raises(ConfigError, match="is for features whose sha256 is"):
        build(corpus, tmp_path / "out", *options(other, f"units.codebook={built[0] / 'codebook.npz'}"))
    assert not (tmp_path / "out").exists()


def test_two_workers_make_the_same_shards(
    built: tuple[Path, list[str]], corpus: Path, model: Path, tmp_path: Path
) -> None:
    moved = save(random_model("Hubert", "group"), tmp_path / "moved" / "hubert")
    build(corpus, tmp_path / "out", *options(moved, "units.dtype=bfloat16", "run.workers=2"))
    assert sums(tmp_path / "out") == sums(built[0]), "and the model may lie elsewhere"


def test_a_finished_run_keeps_its_frame_rate(built: tuple[Path, list[str]], tmp_path: Path) -> None:
    build(built[0], tmp_path / "out")
    assert read_json(tmp_path / "out" / "vocab.json")["hop"] == 320
    assert verify(tmp_path / "out").problems == []
    assert sums(tmp_path / "out") == sums(built[0])


def test_half_precision_for_gpus_alone_is_refused_before_anything_is_written(
    corpus: Path, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"`units\.dtype` must be float32 or bfloat16 on a CPU, but is float16"):
        build(corpus, tmp_path / "out", *options(model, "units.dtype=float16", "run.device=cpu"))
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_is_not_there(corpus: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"`run\.device` is cuda, but this machine has no GPU"):
        build(corpus, tmp_path / "out", *options(model, "run.device=cuda"))


def test_long_recordings_are_compared_with_one_pass(model: Path, tmp_path: Path) -> None:
    import soundfile

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(corpus / "long.wav", rng.standard_normal(16_000 * 40) * 0.1, 16_000)
    listener = Noting()
    build(corpus, tmp_path / "out", *options(model, "words.aligner=none"), listener=listener)
    [said] = [note for note in listener.notes if "windows give" in note]
    assert "of 2000 frames" in said


def test_other_weights_are_another_run(corpus: Path, tmp_path: Path) -> None:
    folder = save(random_model("Hubert", "group"), tmp_path / "hubert")
    build(corpus, tmp_path / "out", *options(folder))
    before = sums(tmp_path / "out")
    save(random_model("Hubert", "group", seed=1), folder)
    with pytest.raises(ConfigError, match="is for features whose sha256 is"):
        build(corpus, tmp_path / "out", *options(folder))
    book = tmp_path / "book.npz"
    known = load_codebook(tmp_path / "out" / "codebook.npz")
    book.write_bytes(replace(known, features="").to_bytes())
    build(corpus, tmp_path / "given", *options(folder, f"units.codebook={book}"))
    save(random_model("Hubert", "group"), folder)
    with pytest.raises(ConfigError, match="holds shards of other units: the files of a model"):
        build(corpus, tmp_path / "given", *options(folder, f"units.codebook={book}"))
    build(corpus, tmp_path / "out", *options(folder))
    assert sums(tmp_path / "out") == before


def test_features_that_are_not_finite_are_a_dead_letter(corpus: Path, tmp_path: Path) -> None:
    import torch

    broken = random_model("Hubert", "group")
    with torch.no_grad():
        broken.encoder.layers[0].final_layer_norm.bias[0] = float("inf")
    folder = save(broken, tmp_path / "hubert")
    ones = np.ones(32, dtype=np.float32)
    (tmp_path / "book.npz").write_bytes(
        Codebook(np.eye(20, 32, dtype=np.float32), 0 * ones, ones, "encoder").to_bytes()
    )
    totals = build(corpus, tmp_path / "out", *options(folder, f"units.codebook={tmp_path / 'book.npz'}"))
    assert (totals.written, totals.reasons) == (0, {"non_finite_features": 6})
