"""Hidden states: the library's own, of each recording alone, whatever lies beside or behind it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from lstdata.records import Waveform
from lstdata.units.encoder.encoder import Encoder
from lstdata.units.encoder.libraries import TorchaudioNetwork, TransformersNetwork
from lstdata.units.encoder.network import Network
from lstdata.units.encoder.shapes import Window
from tests.units.encoder.checkpoints import AT_25_HZ, FAMILIES, STYLES, random_model

EVERY = [(family, style) for family in FAMILIES for style in STYLES]
LIBRARIES = ("transformers", "torchaudio")
LAYER = 2


def noise(samples: int, seed: int = 0) -> Waveform:
    return (np.random.default_rng(seed).standard_normal(samples) * 0.1).astype(np.float32)


def network(family: str, style: str, library: str, layer: int = LAYER, normalize: bool = False) -> Network:
    model = random_model(family, style)
    if library == "transformers":
        return TransformersNetwork(model, layer, normalize)
    from torchaudio.models.wav2vec2.utils import import_huggingface_model

    return TorchaudioNetwork(import_huggingface_model(model).eval(), layer, normalize)


@lru_cache
def encoder(family: str, style: str, library: str = "transformers") -> Encoder:
    return Encoder(network(family, style, library))


def row(encoder: Encoder, wave: Waveform) -> Waveform:
    prepared = encoder.prepared(wave)
    frames = encoder.frames(len(wave))
    return encoder.cut(prepared, Window(0, frames, 0, frames))


@pytest.mark.parametrize(("family", "style"), EVERY)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_both_libraries_give_the_hidden_states_of_one_state_dict(family: str, style: str, layer: int) -> None:
    wave = noise(20_123)
    ours = [Encoder(network(family, style, library, layer)) for library in LIBRARIES]
    one, other = (e.alone(row(e, wave)) for e in ours)
    assert one.shape == (20_123 // 320, 32)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    with torch.inference_mode():
        states = random_model(family, style)(torch.from_numpy(np.pad(wave, 40))[None], output_hidden_states=True)
    if layer < 3 or style == "group":  # else the library's last state is normalised once more
        torch.testing.assert_close(one, states.hidden_states[layer][0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("family", "style"), EVERY)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_padded_row_hears_what_it_hears_alone(family: str, style: str, library: str) -> None:
    """But for the last bits: another shape is another sum. The library's own changes by tenths under group norm."""
    heard = encoder(family, style, library)
    for samples in (640, 9_999, 32_000, 47_999):
        mine = row(heard, noise(samples))
        frames = samples // 320
        together = heard.together([mine], (4, 150))[0, :frames]
        torch.testing.assert_close(together, heard.alone(mine), rtol=0, atol=3e-5)


@pytest.mark.parametrize(("family", "style"), EVERY)
@pytest.mark.parametrize("library", LIBRARIES)
def test_bits_depend_on_neither_neighbours_nor_the_row(family: str, style: str, library: str) -> None:
    heard = encoder(family, style, library)
    mine = row(heard, noise(30_000))
    full = row(heard, noise(150 * 320 + 319, 7))
    others = [row(heard, noise(n, n)) for n in (640, 24_001, 48_200)]
    alone = heard.together([mine], (4, 150))[0, :93]
    for place in range(4):
        for beside in (others, [full] * 3, []):
            rows = [*beside[:place], mine, *beside[place:]]
            at = min(place, len(beside))
            assert torch.equal(heard.together(rows, (4, 150))[at, :93], alone), (place, len(beside))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_full_batch_is_masked_too(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mask attention runs by another kernel: whether there is one must not depend on the neighbours."""
    masked: list[bool] = []
    attention = torch.nn.functional.scaled_dot_product_attention

    def spy(*args: Any, **options: Any) -> Any:
        masked.append((options.get("attn_mask") if "attn_mask" in options else args[3]) is not None)
        return attention(*args, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    heard = encoder("Hubert", "group", library)
    full, short = row(heard, noise(150 * 320 + 319)), row(heard, noise(5_000, 1))
    assert torch.equal(heard.together([full] * 4, (4, 150))[0], heard.together([full, short], (4, 150))[0])
    assert masked == [True] * 2 * LAYER


def test_what_lies_behind_a_row_changes_nothing() -> None:
    heard = encoder("Hubert", "group")
    mine = row(heard, noise(30_000))
    waves = torch.zeros(2, heard.stack.samples(150))
    waves[:, : len(mine)] = torch.from_numpy(mine)
    waves[1, len(mine) :] = 5.0
    lengths = torch.tensor([len(mine)] * 2)
    with torch.inference_mode():
        hidden = heard._network(waves, lengths)
    assert torch.equal(hidden[0, :93], hidden[1, :93])


def test_waveforms_are_scaled_as_a_whole_where_the_model_wants_it() -> None:
    scaled = Encoder(network("Hubert", "layer", "transformers", normalize=True))
    wave = noise(16_000) * 3 + 0.5
    prepared = scaled.prepared(wave)
    assert abs(prepared[40:-40].mean()) < 1e-4 and abs(prepared[40:-40].std() - 1) < 1e-4
    assert not prepared[:40].any() and not prepared[-40:].any()
    torch.testing.assert_close(scaled.alone(prepared), scaled.alone(scaled.prepared(wave * 0.01)), rtol=0, atol=2e-2)


def test_silence_and_one_frame_are_heard() -> None:
    heard = Encoder(network("Hubert", "group", "transformers", normalize=True))
    silent = heard.alone(row(heard, np.zeros(320, dtype=np.float32)))
    assert silent.shape == (1, 32) and torch.isfinite(silent).all()


def test_a_window_hears_real_samples_where_a_recording_goes_on() -> None:
    heard = encoder("Hubert", "group")
    prepared = heard.prepared(noise(100 * 320 + 17))
    middle = heard.cut(prepared, Window(20, 60, 30, 50))
    assert np.array_equal(middle, prepared[20 * 320 : 60 * 320 + 80])
    last = heard.cut(prepared, Window(60, 100, 70, 100))
    assert np.array_equal(last, prepared[60 * 320 :])
    assert heard.alone(middle).shape[0] == heard.alone(last).shape[0] == 40


def test_parts_of_a_recording_are_normalised_as_the_whole() -> None:
    heard = encoder("Hubert", "group")
    wave = noise(45 * 16_000) * np.linspace(0.1, 2, 45 * 16_000, dtype=np.float32)
    prepared = heard.prepared(wave)
    moments = heard.moments(prepared)
    assert moments is not None
    with torch.inference_mode():
        made = heard._network._first(torch.from_numpy(prepared)[None, None])[0].double()
    torch.testing.assert_close(moments[0].double(), made.mean(1), rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(moments[1].double(), made.var(1, unbiased=False), rtol=1e-4, atol=1e-9)
    part, whole = heard.cut(prepared, Window(100, 250, 150, 200)), heard.alone(prepared)[150:200]
    with_moments, without = (heard.alone(part, given)[50:100] for given in (moments, None))
    assert (with_moments - whole).norm() < 0.2 * (without - whole).norm()
    assert encoder("Hubert", "layer").moments(prepared) is None


def test_a_part_beside_whole_recordings_is_the_same_in_every_bit() -> None:
    heard = encoder("Hubert", "group")
    part, other = row(heard, noise(30_000)), row(heard, noise(40_000, 1))
    moments = heard.moments(heard.prepared(noise(45 * 16_000, 2)))
    alone = heard.together([part], (3, 150), [moments])[0]
    mixed = heard.together([other, part, other], (3, 150), [None, moments, None])
    assert torch.equal(mixed[1][:93], alone[:93])
    assert torch.equal(mixed[0][:125], heard.together([other], (3, 150))[0][:125])


def test_25_frames_a_second() -> None:
    heard = Encoder(TransformersNetwork(random_model("Hubert", "group", AT_25_HZ), LAYER, False))
    assert heard.alone(row(heard, noise(64_639))).shape == (100, 32)


def test_half_precision_stays_close() -> None:
    exact = encoder("Hubert", "group")
    coarse = Encoder(network("Hubert", "group", "transformers"), dtype="bfloat16")
    wave = row(exact, noise(32_000))
    one, other = exact.alone(wave), coarse.alone(wave)
    assert other.dtype == torch.float32
    assert 0 < (one - other).norm() / one.norm() < 0.1


def test_the_reference_has_as_many_units_as_frames(speech: Any) -> None:
    """fairseq's own 50 Hz units of a recording of 190,800 samples."""
    units = (speech / "hubert-reference" / "6313-76958-0021.base.L9.km500.km").read_text().split()
    from lstdata.audio import read

    samples = read(str(speech / "english" / "6313-76958-0021.flac")).samples
    assert len(units) == encoder("Hubert", "group").frames(len(samples)) == 596
