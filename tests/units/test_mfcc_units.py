"""MFCC units: one id per frame, of this recording alone; codebooks that say what they are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.config import UnitsConfig
from lstdata.errors import ConfigError
from lstdata.records import frame_count
from lstdata.storage import sha256_bytes
from lstdata.units import MfccUnits, extract
from lstdata.units.codebook import Codebook, load_codebook
from lstdata.units.fit import fit_codebook
from lstdata.units.mfcc import DIMENSIONS, features

NOISE = np.random.default_rng(0).standard_normal(64_000).astype(np.float32) * 0.1


@pytest.fixture(scope="module")
def book() -> Codebook:
    return fit_codebook(features(NOISE), UnitsConfig(clusters=8))[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30_000))
def test_one_row_per_frame_for_any_length(samples: int) -> None:
    assert features(NOISE[:samples]).shape == (frame_count(samples), DIMENSIONS)


def test_units_are_nearest_centroids_in_the_scaled_space(book: Codebook) -> None:
    rows = features(NOISE)
    scaled = (rows.astype(np.float64) - book.mean) / book.scale
    naive = ((scaled[:, None] - book.centroids[None]) ** 2).sum(-1).argmin(1)
    assert (extract(MfccUnits(book), NOISE) == naive).mean() == 1.0


def test_units_do_not_depend_on_how_many_frames_are_assigned_at_once(book: Codebook) -> None:
    rows = np.tile(features(NOISE), (6, 1))
    whole = book.assign(rows)
    assert (whole[: len(rows) // 6] == book.assign(rows[: len(rows) // 6])).all()
    assert all(book.assign(rows[i : i + 1])[0] == whole[i] for i in range(0, len(rows), 37))


def test_quiet_and_loud_differ_because_nothing_is_normalised_over_the_utterance() -> None:
    assert not np.allclose(features(NOISE), features(NOISE * 0.1))


def test_equal_frames_give_equal_bytes_in_any_process(book: Codebook) -> None:
    code = (
        "import numpy as np, sys\n"
        "from lstdata.units.fit import fit_codebook\nfrom lstdata.units.mfcc import features\n"
        "from lstdata.config import UnitsConfig\nimport torch; torch.set_num_threads(1)\n"
        "x = np.random.default_rng(0).standard_normal(64_000).astype(np.float32) * 0.1\n"
        "print(fit_codebook(features(x), UnitsConfig(clusters=8))[0].sha256)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for threads in ("1", "2")
    }
    assert hashes == {book.sha256}


def test_a_codebook_survives_its_file(book: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.npz"
    path.write_bytes(book.to_bytes())
    again = load_codebook(path)
    assert again.sha256 == book.sha256 and again.extractor == "mfcc"
    assert (again.assign(features(NOISE)) == book.assign(features(NOISE))).all()


def _npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a zip",
        _npz(centroids=np.zeros((2, 3))),
        _npz(centroids=np.zeros((2, 3)), mean=np.zeros(2), scale=np.ones(3), extractor=np.array("mfcc")),
        _npz(centroids=np.zeros((2, 3)), mean=np.zeros(3), scale=np.zeros(3), extractor=np.array("mfcc")),
        _npz(centroids=np.full((2, 3), np.nan), mean=np.zeros(3), scale=np.ones(3), extractor=np.array("mfcc")),
        _npz(centroids=np.array([[object()]]), mean=np.zeros(1), scale=np.ones(1), extractor=np.array("mfcc")),
    ],
)
def test_what_is_no_codebook_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "codebook.npz"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"codebook\.npz` is not a codebook file"):
        load_codebook(path)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (4, 13, "must have 39 columns for mfcc features, but has 13"),
        (0, DIMENSIONS, "between 1 and 65535 rows, but has 0"),
        (65_536, DIMENSIONS, "between 1 and 65535 rows, but has 65536"),
    ],
)
def test_a_codebook_of_another_size_is_refused(rows: int, columns: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "codebook.npz"
    arrays = {"centroids": np.zeros((rows, columns), dtype=np.float32), "mean": np.zeros(columns)}
    path.write_bytes(_npz(**arrays, scale=np.ones(columns), extractor=np.array("mfcc")))
    with pytest.raises(ConfigError, match=message):
        load_codebook(path)


def test_a_damaged_codebook_is_refused_and_never_a_crash(book: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.npz"
    whole = book.to_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for byte in [*range(200), *rng.integers(0, len(whole), 200).tolist()]:
        data = bytearray(whole)
        data[byte] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            load_codebook(path)
        except ConfigError:
            refused += 1
    assert refused > 200


def test_the_summary_of_a_fit_names_the_codebook() -> None:
    book, summary = fit_codebook(features(NOISE), UnitsConfig(clusters=4))
    assert summary.sha256 == sha256_bytes(book.to_bytes()) and summary.clusters == 4


def test_too_little_speech_for_the_clusters_asked_for() -> None:
    with pytest.raises(ConfigError, match="only 100 different frames"):
        fit_codebook(features(NOISE), UnitsConfig(clusters=101))


def test_without_a_number_little_speech_gets_fewer_clusters() -> None:
    assert fit_codebook(features(NOISE), UnitsConfig())[0].clusters == 10
    assert fit_codebook(features(np.zeros(64_000, dtype=np.float32)), UnitsConfig())[0].clusters <= 10
