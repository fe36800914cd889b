"""Bundles of torchaudio whose weights are whole, damaged or another model's."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from lstdata.checkpoints.bundles import find_model, load_bundle
from lstdata.errors import ConfigError, Unavailable

NAME = "torchaudio:HUBERT_BASE"


def put(state: Any, path: Path, **options: Any) -> None:
    import torch

    torch.save(state, path, **options)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of `NAME`, which is a random model of one layer."""
    import torch
    from torchaudio import pipelines

    sizes = {"encoder_embed_dim": 8, "encoder_num_layers": 1, "encoder_num_heads": 2, "encoder_ff_interm_features": 8}
    shape = {"encoder_pos_conv_kernel": 4, "encoder_pos_conv_groups": 1, "extractor_conv_layer_config": [(4, 10, 5)]}
    real = pipelines.HUBERT_BASE
    tiny = replace(real, _path="tiny.pth", _params=real._params | sizes | shape)
    monkeypatch.setattr(pipelines, "HUBERT_BASE", tiny)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    path = tmp_path / "checkpoints" / "tiny.pth"
    path.parent.mkdir()
    put(pipelines._wav2vec2.utils._get_model(tiny._model_type, tiny._params).state_dict(), path)
    return path


def refusal(weights: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_bundle(find_model(NAME))
    message = str(caught.value)
    assert "\n" not in message and message.endswith("; delete it.")
    start = f"`{weights}` does not hold the weights of `{NAME}`: "
    assert message.startswith(start)
    return message.removeprefix(start)


def test_weights_that_are_there_are_not_loaded_to_be_found(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("weights were loaded")

    with monkeypatch.context() as patch:
        patch.setattr("torch.load", loaded)
        found = find_model(NAME)
    assert (found.folder, found.architecture, len(found.sha256)) == (str(weights), "Wav2Vec2Bundle", 64)
    assert not load_bundle(found)[1].training


def test_weights_that_are_not_there_are_fetched(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, asked = weights.read_bytes(), []

    def fetch(url: str, path: str, *_: object, **__: object) -> None:
        asked.append(url)
        Path(path).write_bytes(whole)

    monkeypatch.setattr("torch.hub.download_url_to_file", fetch)
    before = find_model(NAME)
    weights.unlink()
    assert find_model(NAME) == before and find_model(NAME) == before
    assert asked == ["https://download.pytorch.org/torchaudio/models/tiny.pth"]


def test_a_connection_that_breaks_is_the_worlds_fault(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise IncompleteRead(b"", 7)

    monkeypatch.setattr("torch.hub.download_url_to_file", breaks)
    weights.unlink()
    with pytest.raises(Unavailable, match=f"the weights of `{NAME}` cannot be fetched: IncompleteRead"):
        find_model(NAME)


def test_an_archive_that_ends_too_early_is_not_found(weights: Path) -> None:
    whole = weights.read_bytes()
    for length in (4, 1000, len(whole) - 30):
        weights.write_bytes(whole[:length])
        with pytest.raises(ConfigError, match=r"/tiny\.pth` does not hold the weights of"):
            find_model(NAME)
        refusal(weights)


def test_an_archive_of_something_else_is_refused(weights: Path) -> None:
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("archive/notes.txt", "none")
        archive.writestr("archive/more.txt", "none")
    assert refusal(weights)


@pytest.mark.parametrize("state", [{}, {"weight": [1.0]}, [1.0], 5])
def test_weights_of_another_model_are_refused(weights: Path, state: object) -> None:
    put(state, weights)
    assert refusal(weights)


def test_weights_in_the_old_format_are_taken(weights: Path) -> None:
    import torch

    put(torch.load(weights, weights_only=True), weights, _use_new_zipfile_serialization=False)
    assert load_bundle(find_model(NAME))


def test_memory_that_runs_out_is_the_worlds_fault(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    found = find_model(NAME)
    monkeypatch.setattr("torch.load", full)
    with pytest.raises(Unavailable, match="there is not enough memory for the weights"):
        load_bundle(found)
