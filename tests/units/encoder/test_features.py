"""Which features units are made of: models by folder and bundle, presets, and codebooks that fit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstdata.config import UnitsConfig, from_dict, load, to_dict
from lstdata.errors import ConfigError, Unavailable
from lstdata.units import extract
from lstdata.units.codebook import Codebook
from lstdata.units.features import Features, FeatureStream, find_features, make_encoder, make_extractor
from tests.units.encoder.checkpoints import AT_25_HZ, random_model, save

WAVE = (np.random.default_rng(0).standard_normal(20_000) * 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_model("Hubert", "group"), tmp_path_factory.mktemp("models") / "hubert")


@pytest.fixture(scope="module")
def folder_at_25_hz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_model("Hubert", "group", AT_25_HZ), tmp_path_factory.mktemp("models") / "mhubert", None)


def units(folder: Path | str, **options: Any) -> UnitsConfig:
    return UnitsConfig(**{"model": str(folder), "layer": 2} | options)


def codebook(clusters: int = 20, dimensions: int = 32, extractor: str = "encoder", features: str = "") -> Codebook:
    centroids = np.random.default_rng(1).standard_normal((clusters, dimensions)).astype(np.float32)
    ones = np.ones(dimensions, dtype=np.float32)
    return Codebook(centroids, 0 * ones, ones, extractor, features=features)


def mistakes(*sets: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(UnitsConfig, None, sets)
    return str(caught.value)


def test_a_model_makes_the_extractor_an_encoder() -> None:
    assert UnitsConfig().extractor == "mfcc"
    assert units("m").extractor == "encoder"
    assert from_dict(UnitsConfig, to_dict(units("m"))) == units("m")


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["extractor=encoder"], "`model` must be a folder, a name on the hub or torchaudio:HUBERT_BASE"),
        (["model=m"], "`layer` must be given"),
        (["model=m", "layer=-1"], "`layer` must be ≥ 0, but is -1"),
        (["extractor=mfcc", "model=m"], "`model` is of a pretrained model, but `extractor` is mfcc"),
        (["dtype=bfloat16"], "`dtype` must be float32 where `extractor` is mfcc"),
        (["preset=hubert"], "`preset` must be one of mfcc-500, hubert-base-l9-km500, mhubert-25hz-l11-km500"),
        (["preset=hubert-base-l9-km500"], "`codebook` must be given with `units.preset` hubert-base-l9-km500"),
        (["preset=mfcc-500", "clusters=100"], "`clusters` is 500 in `units.preset` mfcc-500, but 100 was given"),
        (
            ["preset=mhubert-25hz-l11-km500", "codebook=c.npz", "layer=9", "normalize=true"],
            "`normalize` is false in `units.preset` mhubert-25hz-l11-km500, but true was given",
        ),
    ],
)
def test_options_that_contradict_one_another(sets: list[str], message: str) -> None:
    assert message in mistakes(*sets)


def test_a_preset_is_what_it_says_and_its_model_may_lie_in_a_folder() -> None:
    config = load(UnitsConfig, None, ["preset=mhubert-25hz-l11-km500", "codebook=c.npz"])
    assert (config.extractor, config.model, config.layer) == ("encoder", "slprl/mhubert-base-25hz", 11)
    assert (config.normalize, config.clusters) == (False, 500)
    assert replace(config, model="/models/mhubert") == load(
        UnitsConfig, None, ["preset=mhubert-25hz-l11-km500", "codebook=c.npz", "model=/models/mhubert"]
    )
    assert load(UnitsConfig, None, ["preset=mfcc-500"]).clusters == 500


def test_what_a_checkpoint_says_of_itself(folder: Path, folder_at_25_hz: Path) -> None:
    found = find_features(units(folder), "cpu")
    assert (found.hop, found.dimensions, found.normalize) == (320, 32, False)
    assert find_features(units(folder_at_25_hz, normalize=True), "cpu").hop == 640
    assert find_features(UnitsConfig(), "cuda").device == "cpu", "MFCC are not computed on a GPU"


def test_the_preset_must_have_its_frame_rate(folder: Path) -> None:
    config = load(UnitsConfig, None, ["preset=mhubert-25hz-l11-km500", "codebook=c.npz", f"model={folder}"])
    with pytest.raises(ConfigError, match=r"`units\.layer` must be ≤ 3"):
        find_features(config, "cpu")
    with pytest.raises(ConfigError, match=r"has 32 dimensions every 320 samples, but .* has 768 every 640"):
        find_features(replace(config, layer=3, preset="mhubert-25hz-l11-km500"), "cpu")


def test_what_is_no_encoder_is_refused(folder: Path, folder_at_25_hz: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`units\.layer` must be ≤ 3, the blocks of the model, but is 4"):
        find_features(units(folder, layer=4), "cpu")
    with pytest.raises(ConfigError, match=r"`units\.normalize` must be true or false: the checkpoint holds no"):
        find_features(units(folder_at_25_hz), "cpu")
    with pytest.raises(ConfigError, match=r"`units\.model` must be a folder or a name on the hub"):
        find_features(units(tmp_path / "nothing"), "cpu")
    with pytest.raises(ConfigError, match=r"`units\.model` `torchaudio:TACOTRON` is no speech encoder of torchaudio"):
        find_features(units("torchaudio:TACOTRON"), "cpu")
    other = save(random_model("Wav2Vec2", "group"), tmp_path / "other", rate=8_000)
    with pytest.raises(ConfigError, match=r"must hear 16000 Hz, but hears 8000 Hz"):
        find_features(units(other), "cpu")
    described = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(described | {"architectures": ["BertModel"]}))
    with pytest.raises(ConfigError, match="is a BertModel, but must be one of Hubert, Wav2Vec2, WavLM"):
        find_features(units(other), "cpu")


def test_a_codebook_for_other_features_is_refused(folder: Path, tmp_path: Path) -> None:
    found = find_features(units(folder), "cpu")
    for book, message in (
        (codebook(extractor="mfcc"), "was made for mfcc features, but `units.extractor` is encoder"),
        (codebook(dimensions=31), "is for features of 31 dimensions, but these have 32"),
        (codebook(features='{"layer": 3, "model": "hubert"}'), "whose layer is 3, but here it is 2"),
        (codebook(features='{"hop": 640}'), "whose hop is 640, but here it is 320"),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            found.check(book, "units.codebook")
    assert found.checkpoint is not None
    public = replace(found, checkpoint=replace(found.checkpoint, name="lab/hubert", revision="c0ffee"))
    with pytest.raises(ConfigError, match="whose model is 'lab/wavlm', but here it is 'lab/hubert'"):
        public.check(codebook(features='{"model": "lab/wavlm"}'), "units.codebook")
    public.check(codebook(features='{"model": "lab/hubert"}'), "units.codebook")
    found.check(codebook(extractor="unknown"), "c")
    found.check(codebook(features='{"layer": 2, "model": "lab/wavlm"}'), "a folder may hold anything")
    found.check(codebook(features=found.identity), "c")
    retrained = find_features(units(save(random_model("Hubert", "group", seed=1), tmp_path / "hubert")), "cpu")
    with pytest.raises(ConfigError, match="is for features whose sha256 is"):
        retrained.check(codebook(features=found.identity), "c")


def test_features_and_units_of_a_folder(folder: Path) -> None:
    found = find_features(units(folder), "cpu")
    [(_, hidden)] = FeatureStream(found).add(0, WAVE)
    assert hidden.shape == (62, 32) and hidden.dtype == np.float32
    book = codebook()
    ids = extract(make_extractor(found, book), WAVE)
    assert ids.dtype == np.dtype("<u2") and np.array_equal(ids, book.assign(hidden))


def test_the_worker_must_find_the_same_files(folder: Path, tmp_path: Path) -> None:
    found = find_features(units(folder), "cpu")
    other = save(random_model("Hubert", "group", seed=1), tmp_path / "hubert")
    with pytest.raises(Unavailable, match="has other files on this worker"):
        make_encoder(replace(found, config=units(other)))


def test_the_codebook_must_be_of_the_presets_model(folder: Path) -> None:
    config = load(UnitsConfig, None, ["preset=hubert-base-l9-km500", "codebook=c.npz", f"model={folder}"])
    found = replace(find_features(units(folder), "cpu"), config=config)
    other = codebook(500, features='{"layer": 9, "model": "slprl/mhubert-base-25hz"}')
    with pytest.raises(ConfigError, match=r"is for features of slprl/mhubert-base-25hz, but `units\.preset`"):
        found.check(other, "units.codebook")
    found.check(codebook(500, features='{"layer": 9, "model": "facebook/hubert-base-ls960"}'), "units.codebook")


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Features:
    """HUBERT_BASE with a small model's weights in its place, where `torch.hub` keeps them."""
    import torch
    from torchaudio import pipelines
    from torchaudio.models.wav2vec2.utils import import_huggingface_model
    from torchaudio.models.wav2vec2.utils.import_huggingface import _get_config

    model = random_model("Hubert", "group")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save(import_huggingface_model(model).state_dict(), tmp_path / "checkpoints" / "tiny.pth")
    params = _get_config(model.config) | {"aux_num_out": None}
    tiny = pipelines.Wav2Vec2Bundle("tiny.pth", params, 16_000, _normalize_waveform=False, _model_type="Wav2Vec2")
    monkeypatch.setattr(pipelines, "HUBERT_BASE", tiny)
    return find_features(units("torchaudio:HUBERT_BASE"), "cpu")


def test_a_bundle_of_torchaudio_gives_what_the_folder_gives(bundle: Features, folder: Path) -> None:
    assert (bundle.hop, bundle.dimensions, bundle.normalize) == (320, 32, False)
    one = make_encoder(bundle)
    other = make_encoder(find_features(units(folder), "cpu"))
    mine = one.prepared(WAVE)
    assert np.allclose(one.alone(mine).numpy(), other.alone(mine).numpy(), atol=1e-5)


def test_pickled_code_in_a_bundles_weights_is_not_run(bundle: Features, tmp_path: Path) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('the pickle ran')",))

    (tmp_path / "checkpoints" / "tiny.pth").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ConfigError, match="does not hold the weights of `torchaudio:HUBERT_BASE`"):
        find_features(units("torchaudio:HUBERT_BASE"), "cpu")
