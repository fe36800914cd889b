"""Fitting: the same frames give the same bytes wherever they lie; good clusters, none empty; nothing too much kept."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lstdata.config import UnitsConfig
from lstdata.errors import ConfigError, Unavailable
from lstdata.units.fit import FrameStore, fit_codebook
from lstdata.units.frames import BLOCK, blocks


def clouds(frames: int, dimensions: int = 8, centres: int = 20, spread: float = 0.05) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((centres, dimensions)) * 3 + 1
    rows = middles[rng.integers(0, centres, frames)] + rng.standard_normal((frames, dimensions)) * spread
    return rows.astype(np.float32)


def stored(rows: NDArray[np.float32], at_once: int) -> FrameStore:
    store = FrameStore()
    for start in range(0, len(rows), at_once):
        store.append(rows[start : start + at_once])
    return store


def test_a_store_gives_back_what_it_got() -> None:
    rows = clouds(2 * BLOCK + 5, 3)
    with stored(rows, 777) as store:
        store.append(np.zeros((0, 3), dtype=np.float32))
        assert (len(store), store.dimensions) == (len(rows), 3)
        assert (np.concatenate(list(blocks(store))) == rows).all()
        assert (store.read(BLOCK, BLOCK + 9) == rows[BLOCK : BLOCK + 9]).all() and len(store.read(9000, 9999)) == 0
        for order in ([5, 0, 8000, 5, 4096], [4100, 4095, 4096, 30, 13, 31, 12], [7], range(len(rows)), range(0)):
            assert (store.pick(np.array(order, dtype=np.int64)) == rows[order]).all(), order


def test_a_store_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with stored(clouds(50), 10) as store:
        assert os.fstat(store._file.fileno()).st_size == 50 * 8 * 4
    assert store._file.closed and not list(tmp_path.iterdir())


def test_an_empty_store_has_no_frames() -> None:
    with FrameStore() as store:
        assert (len(store), store.dimensions, list(blocks(store))) == (0, 0, [])


def test_a_full_disk_is_the_worlds_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with FrameStore() as store:
        store.append(clouds(3))
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(Unavailable, match=r"has no room for the features .*3 frames of 32 bytes .* TMPDIR"):
            store.append(clouds(3))
        assert len(store) == 3


def test_a_real_limit_on_files_is_the_worlds_fault(tmp_path: Path) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "import numpy as np\nfrom lstdata.units.frames import FrameStore\n"
        "store = FrameStore()\nstore.append(np.zeros((1000, 8), dtype=np.float32))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "lstdata.errors.Unavailable" in ran.stderr and "has no room" in ran.stderr


def test_a_file_that_lost_its_end_is_no_features() -> None:
    with stored(clouds(100), 100) as store:
        os.ftruncate(store._file.fileno(), 1000)
        with pytest.raises(Unavailable, match="lost its end"):
            store.read(0, 100)


@pytest.mark.parametrize("scaled", [True, False])
def test_where_frames_lie_and_how_they_came_changes_nothing(scaled: bool) -> None:
    rows, config = clouds(6000), UnitsConfig(clusters=30)
    book, summary = fit_codebook(rows, config, scaled=scaled)
    for at_once in (6000, 311):
        with stored(rows, at_once) as store:
            again, same = fit_codebook(store, config, scaled=scaled)
        assert again.sha256 == book.sha256 == summary.sha256 and same == summary
    assert fit_codebook(rows, UnitsConfig(clusters=30, seed=1), scaled=scaled)[0].sha256 != book.sha256


def test_clear_clusters_are_found_and_all_are_used() -> None:
    rows = clouds(5000)
    book, summary = fit_codebook(rows, UnitsConfig(clusters=20), scaled=False)
    assert (summary.frames, summary.clusters, summary.dead_clusters) == (5000, 20, 0)
    assert summary.inertia == pytest.approx(0.05**2, rel=0.05) and summary.entropy_bits > 4.2
    ids = book.assign(rows)
    assert summary.inertia == pytest.approx(float(((rows - book.centroids[ids]) ** 2).mean()), rel=1e-4)


def test_rare_frames_get_a_cluster_of_their_own() -> None:
    """All but five of 20,000 frames are alike: a draw would miss them, the reading of all frames does not."""
    rows = clouds(20_000, centres=1, spread=0.01)
    rare = np.linspace(100, 19_900, 5).astype(int)
    rows[rare] += np.eye(5, 8, dtype=np.float32) * 50
    book, summary = fit_codebook(rows, UnitsConfig(clusters=12), scaled=False)
    assert summary.dead_clusters == 0
    assert len(set(book.assign(rows[rare]).tolist())) == 5


def test_few_different_frames_leave_no_cluster_empty() -> None:
    rows = np.repeat(np.arange(40, dtype=np.float32)[:, None] ** 2, 300, axis=0)
    _, summary = fit_codebook(rows, UnitsConfig(clusters=40), scaled=False)
    assert (summary.dead_clusters, summary.inertia) == (0, 0.0)


def test_not_worse_than_k_means_of_the_library_that_sees_all_frames() -> None:
    from sklearn.cluster import MiniBatchKMeans

    rows = np.random.default_rng(0).standard_normal((8000, 12)).astype(np.float32)
    rows = (rows @ np.random.default_rng(1).standard_normal((12, 24))).astype(np.float32)
    _, summary = fit_codebook(rows, UnitsConfig(clusters=60))
    scaled = (rows - rows.mean(0)) / rows.std(0)
    peer = MiniBatchKMeans(60, random_state=0, batch_size=4096, n_init=3).fit(scaled)
    assert summary.inertia < 1.02 * peer.inertia_ / rows.size


def test_scaling_is_the_codebooks_or_none() -> None:
    rows = clouds(3000) * np.array([1, 10, 100, 1, 1, 1, 1, 1], dtype=np.float32)
    book = fit_codebook(rows, UnitsConfig(clusters=20))[0]
    assert np.allclose(book.mean, rows.mean(0, dtype=np.float64), atol=1e-4)
    assert np.allclose(book.scale, rows.std(0, dtype=np.float64), rtol=1e-5)
    raw = fit_codebook(rows, UnitsConfig(clusters=20), scaled=False)[0]
    assert (raw.mean == 0).all() and (raw.scale == 1).all()


def test_a_codebook_says_what_it_was_fitted_for() -> None:
    said = '{"layer": 11, "model": "m"}'
    book = fit_codebook(clouds(300), UnitsConfig(clusters=5), extractor="encoder", features=said)[0]
    assert (book.extractor, book.features) == ("encoder", said)
    assert fit_codebook(clouds(300), UnitsConfig(clusters=5))[0].extractor == UnitsConfig().extractor


def test_different_frames_are_counted_no_further_than_is_needed() -> None:
    rows = np.repeat(clouds(30), 50, axis=0)
    with stored(rows, 100) as store:
        assert fit_codebook(store, UnitsConfig())[0].clusters == 30
        assert fit_codebook(store, UnitsConfig(clusters=30))[0].clusters == 30
        with pytest.raises(ConfigError, match=r"`units\.clusters` is 31, but only 30 different frames"):
            fit_codebook(store, UnitsConfig(clusters=31))
    signed = np.array([[0.0], [-0.0], [1.0]], dtype=np.float32)
    with pytest.raises(ConfigError, match="only 2 different frames"):
        fit_codebook(signed, UnitsConfig(clusters=3))


def test_more_clusters_than_k_means_plus_plus_is_used_for() -> None:
    rows = np.random.default_rng(0).standard_normal((5000, 2)).astype(np.float32)
    book, summary = fit_codebook(rows, UnitsConfig(clusters=4500, fit_frames=5000))
    assert book.clusters == 4500 and summary.dead_clusters < 0.05 * 4500


def test_features_that_are_not_finite_are_refused() -> None:
    rows = clouds(300)
    rows[77, 3] = np.nan
    with pytest.raises(ConfigError, match="must be fitted on features that are finite"):
        fit_codebook(rows, UnitsConfig(clusters=5))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_frames() -> None:
    """160 MB of frames within 50 MB more than a small fit takes."""
    code = (
        "import resource, sys, numpy as np, torch; torch.set_num_threads(1)\n"
        "from lstdata.config import UnitsConfig\nfrom lstdata.units.fit import FrameStore, fit_codebook\n"
        "rng = np.random.default_rng(0)\n"
        "with FrameStore() as store:\n"
        "    for _ in range(int(sys.argv[1])): store.append(rng.standard_normal((4096, 256)).astype(np.float32))\n"
        "    fit_codebook(store, UnitsConfig(clusters=16))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    small, large = (
        int(subprocess.run([sys.executable, "-c", code, n], capture_output=True, text=True, check=True).stdout)
        for n in ("2", "40")
    )
    assert large - small < 50 * 1024, resource.getrusage(resource.RUSAGE_CHILDREN)
