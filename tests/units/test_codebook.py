"""Codebooks: the id is the best score of k-means or of a linear layer, anywhere; files say what they are for."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.storage import sha256_bytes
from lstdata.units.codebook import Codebook, load_codebook


def made(clusters: int, dimensions: int, linear: bool = False, seed: int = 0, **changes: object) -> Codebook:
    rng = np.random.default_rng(seed)
    arrays: dict[str, object] = {
        "centroids": rng.standard_normal((clusters, dimensions)).astype(np.float32),
        "mean": rng.standard_normal(dimensions).astype(np.float32),
        "scale": rng.uniform(0.5, 2, dimensions).astype(np.float32),
        "extractor": "encoder",
        "offsets": rng.standard_normal(clusters).astype(np.float32) if linear else None,
    }
    return Codebook(**(arrays | changes))  # type: ignore[arg-type]


def exact(book: Codebook, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores in float64 of the very values that the codebook scales to."""
    scaled = ((rows - book.mean) / book.scale).astype(np.float64)
    centroids = book.centroids.astype(np.float64)
    offsets = (centroids**2).sum(1) if book.offsets is None else book.offsets.astype(np.float64)
    scores: NDArray[np.float64] = offsets - 2 * scaled @ centroids.T
    return scores


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 600), st.integers(1, 40), st.integers(1, 70), st.booleans(), st.integers(0, 99))
def test_ids_are_those_of_float64_but_for_near_ties(
    frames: int, clusters: int, dimensions: int, linear: bool, seed: int
) -> None:
    book = made(clusters, dimensions, linear, seed)
    rows = np.random.default_rng(seed + 1).standard_normal((frames, dimensions)).astype(np.float32)
    ids = book.assign(rows)
    assert ids.dtype == np.uint16 and ids.shape == (frames,)
    assert (book.on("cpu")(torch.from_numpy(rows)).numpy() == ids).all()
    scores = exact(book, rows)
    worse = scores[np.arange(frames), ids] - scores.min(1)
    assert (worse <= 1e-5 * (1 + np.abs(scores).max(1))).all()
    assert (ids == scores.argmin(1)).mean() > 0.99


def test_a_linear_quantizer_is_the_best_output_of_its_layer() -> None:
    rng = np.random.default_rng(3)
    weight, bias = rng.standard_normal((50, 12)).astype(np.float32), rng.standard_normal(50).astype(np.float32) * 3
    flat = {"mean": np.zeros(12, dtype=np.float32), "scale": np.ones(12, dtype=np.float32)}
    rows = rng.standard_normal((700, 12)).astype(np.float32)
    best = (rows.astype(np.float64) @ weight.T + bias).argmax(1)
    assert (made(50, 12, centroids=weight, offsets=-2 * bias, **flat).assign(rows) == best).all()
    assert (made(50, 12, centroids=weight, **flat).assign(rows) != best).any(), "k-means would choose otherwise"


@pytest.mark.parametrize("linear", [False, True])
def test_the_lower_id_wins_a_tie(linear: bool) -> None:
    book = made(6, 4, linear)
    twice = np.concatenate([book.centroids, book.centroids])
    offsets = None if book.offsets is None else np.concatenate([book.offsets, book.offsets])
    doubled = Codebook(twice, book.mean, book.scale, "encoder", offsets)
    rows = np.random.default_rng(1).standard_normal((300, 4)).astype(np.float32)
    assert (doubled.assign(rows) == book.assign(rows)).all()
    assert (doubled.on("cpu")(torch.from_numpy(rows)) < 6).all()


def test_shapes_on_a_device_are_those_of_the_frames() -> None:
    book = made(9, 5)
    rows = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0))
    ids = book.on("cpu")(rows)
    assert ids.dtype == torch.int64 and ids.shape == (3, 7)
    assert (ids.flatten().numpy() == book.assign(rows.reshape(-1, 5).numpy())).all()
    assert book.on("cpu")(torch.zeros(0, 5)).shape == (0,) and len(book.assign(np.zeros((0, 5), np.float32))) == 0
    assert (book.on("cpu")(rows.double()) == ids).all()


def test_reduced_precision_around_it_changes_nothing() -> None:
    book = made(300, 64)
    rows = torch.randn(500, 64, generator=torch.Generator().manual_seed(0))
    on = book.on("cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = on(rows)
    assert (inside == on(rows)).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_each_frame_its_own_id_in_full_precision() -> None:
    for linear in (False, True):
        book = made(500, 768, linear)
        rows = np.random.default_rng(0).standard_normal((5000, 768)).astype(np.float32)
        on, there = book.on("cuda"), torch.from_numpy(rows).cuda()
        before = torch.backends.cuda.matmul.fp32_precision
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        try:
            ids = on(there)
            assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        finally:
            torch.backends.cuda.matmul.fp32_precision = before
        assert all((on(there[i : i + 37]) == ids[i : i + 37]).all() for i in range(0, 4900, 701))
        scores = exact(book, rows)
        worse = scores[np.arange(len(rows)), ids.cpu().numpy()] - scores.min(1)
        assert (worse <= 1e-5 * (1 + np.abs(scores).max(1))).all()


def test_a_file_of_before_is_read_and_keeps_its_sum(tmp_path: Path) -> None:
    book = made(5, 39, extractor="mfcc")
    buffer = io.BytesIO()
    np.savez(buffer, centroids=book.centroids, mean=book.mean, scale=book.scale, extractor=np.array("mfcc"))
    (tmp_path / "codebook.npz").write_bytes(buffer.getvalue())
    again = load_codebook(tmp_path / "codebook.npz")
    assert again.sha256 == book.sha256 == sha256_bytes(buffer.getvalue())
    assert again.offsets is None and again.features == ""


def test_all_that_a_codebook_knows_survives_its_file(tmp_path: Path) -> None:
    book = made(7, 3, linear=True, features='{"layer": 11, "model": "hubert"}')
    path = tmp_path / "codebook.npz"
    path.write_bytes(book.to_bytes())
    again = load_codebook(path)
    assert again.offsets is not None and book.offsets is not None and (again.offsets == book.offsets).all()
    assert (again.extractor, again.features, again.sha256) == (book.extractor, book.features, book.sha256)
    assert book.sha256 != made(7, 3).sha256


def test_the_order_in_memory_is_not_part_of_the_sum() -> None:
    book = made(7, 3)
    other = Codebook(np.asfortranarray(book.centroids), book.mean, book.scale, "encoder")
    rows = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    assert other.sha256 == book.sha256 and (other.assign(rows) == book.assign(rows)).all()


def test_a_used_codebook_can_be_sent_to_a_worker() -> None:
    book = made(7, 3, linear=True)
    rows = np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    ids = book.assign(rows)
    assert (pickle.loads(pickle.dumps(book)).assign(rows) == ids).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": np.zeros(8, dtype=np.float32)}, "shapes that do not fit"),
        ({"offsets": np.full(7, np.inf, dtype=np.float32)}, "not finite"),
        ({"extractor": "wav2vec"}, "`extractor` must be one of mfcc, encoder, unknown, but is 'wav2vec'"),
        ({"features": "layer 11"}, "`features` must be a JSON object, but is 'layer 11'"),
        ({"features": "[1]"}, "`features` must be a JSON object"),
        ({"features": "[" * 100_000}, "`features` must be a JSON object"),
        ({"centroids": np.zeros((7, 0), dtype=np.float32), "mean": np.zeros(0), "scale": np.zeros(0)}, "≥ 1 columns"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "codebook.npz"
    path.write_bytes(made(7, 3, **changes).to_bytes())
    with pytest.raises(ConfigError, match=message):
        load_codebook(path)
