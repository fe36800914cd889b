"""Published quantizers as codebooks: every way they are written, which array is taken, and what the blank does."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans

from lstdata.errors import ConfigError
from lstdata.units.convert import Wanted, convert_codebook
from tests.units.quantizer_files import checkpoint, dumped, npy, npz, safetensors

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((300, 6)).astype(np.float32)
CENTROIDS = RNG.standard_normal((9, 6)).astype(np.float32)
BIAS = RNG.standard_normal(9).astype(np.float32)


@pytest.fixture(scope="module", params=[KMeans, MiniBatchKMeans])
def fitted(request: pytest.FixtureRequest) -> Any:
    return request.param(7, n_init=1, random_state=np.random.RandomState(0)).fit(ROWS)


def of(path: Path, data: bytes, **wanted: Any) -> Any:
    path.write_bytes(data)
    return convert_codebook(str(path), Wanted(**wanted))


@pytest.mark.parametrize("compress", [0, 3, "gzip", ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_models_that_joblib_dumped(fitted: Any, compress: Any, tmp_path: Path) -> None:
    converted = of(tmp_path / "km.bin", dumped(fitted, compress=compress))
    assert (converted.book.centroids == fitted.cluster_centers_).all()
    assert (converted.kind, converted.array) == ("kmeans", "cluster_centers_")
    assert converted.origin == f"{type(fitted).__name__} of scikit-learn"
    assert (converted.book.assign(ROWS) == fitted.predict(ROWS)).all()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("write", [dumped, lambda value, protocol: pickle.dumps(value, protocol=protocol)])
def test_models_in_every_protocol(fitted: Any, protocol: int, write: Callable[..., bytes], tmp_path: Path) -> None:
    converted = of(tmp_path / "km.bin", write(fitted, protocol=protocol))
    assert (converted.book.centroids == fitted.cluster_centers_).all()


@pytest.mark.parametrize(
    ("now", "once"),
    [
        (b"csklearn.cluster._kmeans\n", b"csklearn.cluster.k_means_\n"),
        (b"cjoblib.numpy_pickle\n", b"csklearn.externals.joblib.numpy_pickle\n"),
        (b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),
    ],
)
def test_models_of_old_versions_named_their_parts_otherwise(
    fitted: Any, now: bytes, once: bytes, tmp_path: Path
) -> None:
    for write in (dumped, lambda value, protocol: pickle.dumps(value, protocol=protocol)):
        data = write(fitted, protocol=2)
        if now in data:
            assert (of(tmp_path / "km", data.replace(now, once)).book.centroids == fitted.cluster_centers_).all()
            return
    pytest.fail("the name is in neither")


def test_streams_of_joblib_below_1_2_have_no_padding(fitted: Any, tmp_path: Path) -> None:
    class Unpadded(io.BytesIO):
        def tell(self) -> int:
            raise io.UnsupportedOperation

    buffer = Unpadded()
    joblib.dump(fitted, buffer)
    assert b"numpy_array_alignment_bytes\x94N" in buffer.getvalue()
    assert (of(tmp_path / "km", buffer.getvalue()).book.centroids == fitted.cluster_centers_).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize(
    "write", [npy, dumped, pickle.dumps, lambda a: npz(c=a), lambda a: pickle.dumps({"a": {"b": a}}, protocol=2)]
)
def test_arrays_of_any_layout(order: Any, kind: str, write: Callable[[Any], bytes], tmp_path: Path) -> None:
    array = CENTROIDS.astype(kind, order=order)
    converted = of(tmp_path / "a", write(array))
    assert (converted.book.centroids == array.astype(np.float32)).all() and converted.kind == "kmeans"
    assert converted.book.centroids.flags.c_contiguous and converted.book.offsets is None


TENSORS = {
    "float": torch.from_numpy(CENTROIDS),
    "double, a view": torch.from_numpy(np.concatenate([CENTROIDS, CENTROIDS])).double()[9:],
    "transposed": torch.from_numpy(CENTROIDS.T.copy()).T,
    "parameter": torch.nn.Parameter(torch.from_numpy(CENTROIDS)),
    "bfloat16": torch.from_numpy(CENTROIDS).bfloat16(),
    "half": torch.from_numpy(CENTROIDS).half(),
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_any_layout(tensor: torch.Tensor, zipped: bool, tmp_path: Path) -> None:
    for value in (tensor, {"km": {"C": tensor}, "step": 3, "lists": [1, 2.5, None, True]}):
        converted = of(tmp_path / "a.pt", checkpoint(value, zipped))
        assert (converted.book.centroids == tensor.detach().float().numpy()).all()


def test_safetensors(tmp_path: Path) -> None:
    converted = of(tmp_path / "a", safetensors(x=CENTROIDS, count=np.arange(9)))
    assert (converted.book.centroids == CENTROIDS).all()
    converted = of(tmp_path / "a", safetensors(x=torch.from_numpy(CENTROIDS).bfloat16()))
    assert (converted.book.centroids == torch.from_numpy(CENTROIDS).bfloat16().float().numpy()).all()


LINEAR: dict[str, Callable[[], bytes]] = {
    "state": lambda: checkpoint({"model": {"proj.weight": torch.tensor(CENTROIDS), "proj.bias": torch.tensor(BIAS)}}),
    "legacy": lambda: checkpoint({"weight": torch.tensor(CENTROIDS), "bias": torch.tensor(BIAS)}, zipped=False),
    "safetensors": lambda: safetensors(weight=CENTROIDS, bias=BIAS),
    "npz": lambda: npz(W=CENTROIDS, b=BIAS),
}


@pytest.mark.parametrize("data", LINEAR.values(), ids=LINEAR)
def test_a_weight_with_its_bias_is_a_linear_quantizer(data: Callable[[], bytes], tmp_path: Path) -> None:
    converted = of(tmp_path / "q", data())
    assert converted.kind == "linear" and converted.notes == ()
    best = (ROWS.astype(np.float64) @ CENTROIDS.T + BIAS).argmax(1)
    assert (converted.book.assign(ROWS) == best).all()


def test_a_kind_that_is_asked_for_is_kept_to(tmp_path: Path) -> None:
    converted = of(tmp_path / "q", LINEAR["state"](), kind="kmeans")
    assert converted.book.offsets is None
    assert converted.notes == ("`model.proj.bias` is left out: k-means has no bias",)
    converted = of(tmp_path / "q", npy(CENTROIDS), kind="linear")
    assert (converted.book.assign(ROWS) == (ROWS @ CENTROIDS.T).argmax(1)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 30), st.data(), st.booleans())
def test_a_frame_gets_the_best_output_that_is_not_the_blank(outputs: int, data: st.DataObject, bias: bool) -> None:
    import tempfile

    rng = np.random.default_rng(outputs)
    blank = data.draw(st.integers(0, outputs - 1))
    weight, added = rng.standard_normal((outputs, 6)), rng.standard_normal(outputs) * bias
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "q"
        converted = of(path, npz(weight=weight, bias=added) if bias else npy(weight), blank=blank)
    scores = ROWS.astype(np.float64) @ weight.T + added
    scores[:, blank] = -np.inf
    best = scores.argmax(1)
    assert converted.kind == "linear" and converted.book.clusters == outputs - 1
    assert (converted.book.assign(ROWS) == best - (best > blank)).mean() > 0.99


def test_a_blank_that_nobody_named_is_pointed_out(tmp_path: Path) -> None:
    weight = RNG.standard_normal((501, 4)).astype(np.float32)
    converted = of(tmp_path / "q", npz(weight=weight, bias=weight[:, 0]))
    assert converted.book.clusters == 501
    assert converted.notes == (
        "501 outputs become 501 units: if one of them is a blank, name it by --blank (often 0 or 500)",
    )
    assert of(tmp_path / "q", npz(weight=weight, bias=weight[:, 0]), blank=500).notes == ()
    assert of(tmp_path / "q", npy(weight)).notes == (), "k-means has no blank"


@pytest.mark.parametrize("blank", [-1, 9])
def test_a_blank_must_be_an_output(blank: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"`--blank` must be one of 9 outputs, 0 to 8, but is {blank}\."):
        of(tmp_path / "q", npy(CENTROIDS), blank=blank)
    with pytest.raises(ConfigError, match="for a linear quantizer only"):
        of(tmp_path / "q", npy(CENTROIDS), blank=0, kind="kmeans")


def test_one_matrix_of_several_is_chosen_by_its_name(tmp_path: Path) -> None:
    data = npz(first=CENTROIDS, second=CENTROIDS[:4], names=np.arange(3))
    with pytest.raises(
        ConfigError, match=r"several matrices: choose one by `--array`: `first` \(9 × 6\), `second` \(4"
    ):
        of(tmp_path / "a.npz", data)
    assert of(tmp_path / "a.npz", data, array="second").book.clusters == 4
    with pytest.raises(ConfigError, match=r"must be a matrix of `.*`, but is 'third'; there are `first`"):
        of(tmp_path / "a.npz", data, array="third")
    assert of(tmp_path / "a.npz", npz(x=CENTROIDS[:2], centroids=CENTROIDS)).array == "centroids"


def test_a_layer_beside_others_is_no_quantizer_unless_it_is_asked_for(tmp_path: Path) -> None:
    norm = torch.ones(6)
    data = checkpoint({"norm.weight": norm, "out.weight": torch.tensor(CENTROIDS), "out.bias": torch.tensor(BIAS)})
    with pytest.raises(ConfigError, match=r"holds `norm\.weight` beside `out\.weight`: a quantizer must be one linear"):
        of(tmp_path / "q", data)
    converted = of(tmp_path / "q", data, array="out.weight")
    assert converted.kind == "linear" and converted.notes == ("not used: `norm.weight`",)


def test_what_may_have_been_a_scaling_is_pointed_out(tmp_path: Path) -> None:
    assert of(tmp_path / "a", npz(centroids=CENTROIDS, std=np.ones(6))).notes == ("not used: `std`",)


def test_a_codebook_is_not_converted_twice(tmp_path: Path) -> None:
    book = of(tmp_path / "a", npy(CENTROIDS)).book
    with pytest.raises(ConfigError, match="is a codebook already"):
        of(tmp_path / "a", book.to_bytes())


def test_what_is_said_of_the_features_is_kept(tmp_path: Path) -> None:
    book = of(tmp_path / "a", npy(CENTROIDS), layer=11, model="slprl/mhubert-base-25hz").book
    assert book.features == '{"layer": 11, "model": "slprl/mhubert-base-25hz"}' and book.extractor == "encoder"
    assert json.loads(of(tmp_path / "a", npy(CENTROIDS), layer=0).book.features) == {"layer": 0}
    assert of(tmp_path / "a", npy(CENTROIDS)).book.features == ""
    wide = np.zeros((3, 39), dtype=np.float32)
    assert of(tmp_path / "a", npy(wide)).book.extractor == "encoder"
    assert of(tmp_path / "a", npy(wide), extractor="mfcc").book.extractor == "mfcc"
    with pytest.raises(ConfigError, match="must have 39 columns for mfcc features, but has 6"):
        of(tmp_path / "a", npy(CENTROIDS), extractor="mfcc")


def test_odd_centroids_are_pointed_out(tmp_path: Path) -> None:
    odd = np.concatenate([CENTROIDS, CENTROIDS[:2], np.zeros((1, 6), dtype=np.float32)])
    assert of(tmp_path / "a", npy(odd)).notes == (
        "2 of 12 clusters equal another and will never be used",
        "1 of 12 centroids are all zeros",
    )
    biased = npz(weight=odd, bias=np.arange(12.0))
    assert of(tmp_path / "a", biased).notes == ("1 of 12 centroids are all zeros",)


def test_the_numbers_that_show_whether_it_is_sane(tmp_path: Path) -> None:
    corners: NDArray[np.float32] = np.array([[0, 3], [4, 0], [0, 0]], dtype=np.float32)
    converted = of(tmp_path / "a", npy(corners))
    assert converted.length == pytest.approx(7 / 3) and converted.nearest == pytest.approx((3 + 4 + 3) / 3)
    assert of(tmp_path / "a", npy(corners[:1])).nearest == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(CENTROIDS.astype(int)), "holds no matrix of floating point numbers"),
        (npy(CENTROIDS[0]), "holds no matrix of floating point numbers"),
        (npy(np.zeros((0, 6))), "must have between 1 and 65535 rows, but has 0"),
        (npy(np.zeros((65_536, 1))), "must have between 1 and 65535 rows, but has 65536"),
        (npy(CENTROIDS.astype(np.float64) * 1e300), "not finite"),
        (npy(np.full((2, 2), np.nan)), "not finite"),
        (b"", r"must be a \.npy, \.npz, \.safetensors, PyTorch, pickle or joblib file, but is none of them"),
        (b"RIFF....WAVE", "but is none of them"),
        (dumped({"a": 1}), "holds no matrix of floating point numbers"),
        (pickle.dumps(KMeans(3)), r"holds `sklearn\.cluster\._kmeans\.KMeans`, but must hold a fitted KMeans or Mini"),
        (b"\x04\x22\x4d\x18....", "is compressed by lz4"),
        (b"ZF0x000", "was written by joblib < 0.10"),
    ],
)
def test_what_is_no_quantizer_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        of(tmp_path / "a", data)


def test_a_model_that_assigns_otherwise_is_refused(tmp_path: Path) -> None:
    from sklearn.mixture import GaussianMixture

    with pytest.raises(ConfigError, match=r"holds `sklearn\.mixture\._gaussian_mixture\.GaussianMixture`, but must"):
        of(tmp_path / "a", dumped(GaussianMixture(2).fit(ROWS)))


def test_a_source_must_be_a_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match="SOURCE must be a file, but"):
            convert_codebook(str(path), Wanted())
