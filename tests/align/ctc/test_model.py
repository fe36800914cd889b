from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstdata.align import make_aligner
from lstdata.align.ctc import model as windows
from lstdata.align.ctc.model import WILDCARD, CtcModel, find_ctc_model, load_ctc
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError
from tests.align.ctc.conftest import aligner_of
from tests.transcribe.tones import save_whisper, tone

A, B = 3, 4
"""Ids of the tone model's letters."""


@pytest.fixture(scope="module")
def model(tone_model: Path) -> CtcModel:
    return load_ctc(find_ctc_model(WordsConfig(model=str(tone_model))))


def test_columns_are_silence_the_letters_and_the_wildcard(model: CtcModel) -> None:
    logs = model.emissions(tone("..AB", 3200), (A, B))
    assert logs.shape == (39, 4) and logs.dtype == np.float32
    assert logs[[5, 15, 24, 35]].argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert logs[:, 3] == pytest.approx(logs[:, :3].max(axis=1) + WILDCARD, abs=1e-6)
    assert np.exp(logs[5, 0]) > 0.9, "a pause is silence, though the model says `|` and not the blank"


def test_windows_give_what_the_whole_gives(model: CtcModel, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = tone(".ABBA..BAB" * 3, 3200)
    whole = model.emissions(wave, (A, B))
    monkeypatch.setattr(windows, "WINDOW", 2)
    monkeypatch.setattr(windows, "CONTEXT", 1)
    parts = model.emissions(wave, (A, B))
    assert parts.shape == whole.shape
    assert parts[:, :3].argmax(axis=1).tolist() == whole[:, :3].argmax(axis=1).tolist()
    assert np.abs(np.exp(parts) - np.exp(whole)).max() < 0.05


def test_no_call_hears_more_than_a_window_with_its_context(model: CtcModel) -> None:
    heard: list[int] = []

    def counted(values: Any) -> Any:
        heard.append(values.shape[1])
        return model.logits(values)

    frames = len(replace(model, logits=counted).emissions(np.zeros(75 * 16_000, np.float32), (A,)))
    assert frames == model.convolutions.frames(75 * 16_000)
    assert heard == [32 * 16_000 + 80, 34 * 16_000 + 80, (2 * 50 + 749 - 1) * 320 + 400]


def test_a_recording_is_normalised_as_a_whole_where_the_checkpoint_says_so(tone_model: Path, tmp_path: Path) -> None:
    heard: list[Any] = []
    for normalise in (True, False):
        folder = Path(shutil.copytree(tone_model, tmp_path / str(normalise)))
        path = folder / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"do_normalize": normalise}))
        loaded = load_ctc(find_ctc_model(WordsConfig(model=str(folder))))
        spy = replace(loaded, logits=lambda values, loaded=loaded: (heard.append(values), loaded.logits(values))[1])
        spy.emissions(tone("..AB" * 12, 3200) + 0.25, (A,))
    wave = tone("..AB" * 12, 3200) + 0.25
    expected = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    assert heard[0][0].numpy() == pytest.approx(expected[: heard[0].shape[1]], abs=1e-4)
    assert heard[1][0].numpy() == pytest.approx(wave[: heard[1].shape[1]], abs=0)


def test_what_is_no_ctc_model_is_refused(tone_model: Path, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(ConfigError, match=r"`words.model` must be a CTC model .*, but `w` is a Whisper"):
        find_ctc_model(WordsConfig(model=str(save_whisper(tmp_path / "w"))))
    with pytest.raises(ConfigError, match=r"`words.model` must be a folder, .*, but is not given"):
        find_ctc_model(WordsConfig())
    with pytest.raises(ConfigError, match=r"torchaudio:HUBERT_BASE` is a Wav2Vec2Bundle|`torchaudio:NONE` is no"):
        find_ctc_model(WordsConfig(model="torchaudio:NONE"))
    folder = Path(shutil.copytree(tone_model, tmp_path / "adapted"))
    config = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(config | {"sampling_rate": 8000}))
    with pytest.raises(ConfigError, match=r"`words\.model` `adapted` must hear 16000 Hz, but hears 8000 Hz"):
        load_ctc(find_ctc_model(WordsConfig(model=str(folder))))
    (folder / "vocab.json").write_text("{")
    with pytest.raises(ConfigError, match=r"`words.model` `.*/adapted`: its tokenizer cannot be loaded"):
        aligner_of(folder)


def with_more(model: Path, folder: Path, letters: tuple[str, str], **options: str) -> CtcModel:
    """The tone model, whose 5 outputs stay 5, with two more tokens."""
    made = Path(shutil.copytree(model, folder))
    added = {"vocab.json": {letters[0]: 5, letters[1]: 6}, "tokenizer_config.json": options}
    for name, entries in added.items():
        (made / name).write_text(json.dumps(json.loads((made / name).read_text()) | entries))
    return load_ctc(find_ctc_model(WordsConfig(model=str(made))))


def test_each_letter_has_an_output(tone_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        with_more(tone_model, tmp_path / "toy", ("C", "D"))
    assert str(caught.value) == (
        "`words.model` `toy` must have an output for each letter, but its tokenizer needs 7 and the model has 5."
    )


def test_begin_and_end_behind_the_letters_need_no_output(tone_model: Path, tmp_path: Path) -> None:
    model = with_more(tone_model, tmp_path / "toy", ("<s>", "</s>"), bos_token="<s>", eos_token="</s>")
    assert len(model.alphabet.tokens) == 7 and {5, 6} < model.alphabet.silent
    assert model.emissions(tone("AB", 3200), (A, B)).shape == (19, 4)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`torchaudio:MMS_FA` as a random model of one layer, its weights where `torch.hub` keeps them."""
    import torch
    from torchaudio import pipelines

    sizes = {"encoder_embed_dim": 8, "encoder_num_layers": 1, "encoder_num_heads": 2, "encoder_ff_interm_features": 8}
    convolutions = [(4, 10, 5), *[(4, 3, 2)] * 4, *[(4, 2, 2)] * 2]
    shape = {"extractor_conv_layer_config": convolutions, "encoder_pos_conv_kernel": 4, "encoder_pos_conv_groups": 1}
    real = pipelines.MMS_FA
    tiny = replace(real, _path="tiny_fa.pt", _params=real._params | sizes | shape | {"aux_num_out": 28})
    tiny._remove_aux_axis = ()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = pipelines._wav2vec2.utils._get_model(tiny._model_type, tiny._params).state_dict()
    (tmp_path / "checkpoints").mkdir()
    torch.save(weights, tmp_path / "checkpoints" / "tiny_fa.pt")
    monkeypatch.setattr(pipelines, "MMS_FA", tiny)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tiny


def test_a_bundle_hears_what_torchaudio_makes_of_it(bundle: Any) -> None:
    import torch

    loaded = load_ctc(find_ctc_model(WordsConfig(model="torchaudio:MMS_FA")))
    assert loaded.alphabet.tokens[1:4] == ("a", "i", "e") and len(loaded.alphabet.tokens) == 28
    wave = tone("..AB", 3200) + np.float32(0.5)
    with torch.inference_mode():
        expected = bundle.get_model(with_star=False)(torch.from_numpy(wave)[None])[0][0].numpy()
    assert loaded.emissions(wave, (1, 5))[:, :3] == pytest.approx(expected[:, [0, 1, 5]], abs=1e-4)


def test_each_letter_of_a_bundle_has_an_output(bundle: Any, tmp_path: Path) -> None:
    import torch
    from torchaudio.pipelines._wav2vec2 import utils

    bundle._params["aux_num_out"] = 20
    weights = utils._get_model(bundle._model_type, bundle._params).state_dict()
    torch.save(weights, tmp_path / "checkpoints" / "tiny_fa.pt")
    with pytest.raises(ConfigError, match="each letter, but its tokenizer needs 28 and the model has 20"):
        load_ctc(find_ctc_model(WordsConfig(model="torchaudio:MMS_FA")))


def test_a_bundle_aligns(bundle: Any) -> None:
    aligner = make_aligner("ctc", WordsConfig(model="torchaudio:MMS_FA", min_score=None))
    words = aligner.align(tone("..ABAB..", 3200), "Don't you, 42", "en").words
    assert [word.text for word in words] == ["Don't", "you,", "42"]
    assert all(word.characters is not None and len(word.characters) == len(word.text) for word in words)
