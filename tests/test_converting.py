"""`convert-codebook`: what it writes a build can use, what it says is right, and its errors are one line."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import numpy as np
import pytest
from click.testing import CliRunner, Result
from sklearn.cluster import MiniBatchKMeans

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.storage import sha256_file
from lstdata.units.codebook import load_codebook

ROWS = np.random.default_rng(0).standard_normal((200, 5)).astype(np.float32)


def convert(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["convert-codebook", *(str(a) for a in arguments)])


def model(path: Path, clusters: int = 8) -> MiniBatchKMeans:
    fitted = MiniBatchKMeans(clusters, n_init=1, random_state=0).fit(ROWS)
    joblib.dump(fitted, path)
    return fitted


def test_a_published_model_becomes_a_codebook_that_assigns_alike(tmp_path: Path) -> None:
    fitted, file = model(tmp_path / "km.bin"), tmp_path / "codebook.npz"
    ran = convert(tmp_path / "km.bin", file, "--model", "org/model", "--layer", 11)
    assert ran.exit_code == 0, ran.output
    book = load_codebook(file)
    assert (book.assign(ROWS) == fitted.predict(ROWS)).all()
    assert (book.extractor, json.loads(book.features)) == ("encoder", {"model": "org/model", "layer": 11})
    assert ran.output.splitlines()[0] == (
        "codebook: 8 clusters of 5 dimensions, k-means, from `cluster_centers_` of MiniBatchKMeans of scikit-learn"
    )
    assert ran.output.splitlines()[-1] == f"sha256: {sha256_file(file)}"


def test_all_that_is_known_is_one_object_for_machines(tmp_path: Path) -> None:
    np.savez(tmp_path / "q.npz", weight=np.ones((4, 3)), bias=np.arange(4.0))
    ran = convert(tmp_path / "q.npz", tmp_path / "codebook.npz", "--blank", 3, "--json")
    said = json.loads(ran.output)
    assert said.pop("sha256") == sha256_file(tmp_path / "codebook.npz")
    assert said.pop("length") == pytest.approx(np.sqrt(3))
    assert said == {
        "clusters": 3,
        "dimensions": 3,
        "kind": "linear",
        "origin": "NumPy arrays",
        "array": "weight",
        "nearest": 0.0,
        "notes": [],
    }


def test_force_replaces_a_codebook_and_nothing_is_left_of_a_refusal(tmp_path: Path) -> None:
    model(tmp_path / "km.bin")
    model(tmp_path / "other.bin", clusters=3)
    file = tmp_path / "codebook.npz"
    assert convert(tmp_path / "km.bin", file).exit_code == 0
    before = file.read_bytes()
    for arguments in ((tmp_path / "other.bin", file), (tmp_path / "none", file, "--force")):
        assert isinstance(convert(*arguments).exception, ConfigError)
    assert file.read_bytes() == before
    assert convert(tmp_path / "other.bin", file, "--force").exit_code == 0
    assert load_codebook(file).clusters == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["codebook.npz", "km.bin", "other.bin"]


def test_notes_are_lines_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "zeros.npy", np.zeros((2, 3)))
    ran = convert(tmp_path / "zeros.npy", tmp_path / "codebook.npz")
    assert ran.output.splitlines()[-2:] == [
        "note: 1 of 2 clusters equal another and will never be used",
        "note: 2 of 2 centroids are all zeros",
    ]
