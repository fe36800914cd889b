"""Checkpoints of unit HiFi-GANs: what they say is computed by hand, and what cannot be loaded is refused."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.vocab import VocabCard
from lstdata.vocoder import open_vocoder
from lstdata.vocoder.hifigan.description import read_description
from lstdata.vocoder.hifigan.generator import Generator
from lstdata.vocoder.hifigan.speaking import UnitHifiGan
from tests.vocoder.checkpoints import CONFIG, DURATIONS, SPEAKERS, VOICES, state, write

UNITS = np.array([1, 1, 4, 9, 9, 9, 0, 3])


def by_hand(config: dict[str, Any], weights: dict[str, Tensor], units: list[int], *rows: Tensor) -> np.ndarray:
    """The generator as the papers have it, on the weights as they lie in the checkpoint."""

    def weight(name: str) -> Tensor:
        gain, direction = weights[f"{name}.weight_g"], weights[f"{name}.weight_v"]
        return torch.stack([g * v / torch.sqrt((v * v).sum()) for g, v in zip(gain, direction, strict=True)])

    def conv(x: Tensor, name: str, dilation: int = 1) -> Tensor:
        w = weight(name)
        return F.conv1d(x, w, weights[f"{name}.bias"], padding=(w.shape[2] - 1) * dilation // 2, dilation=dilation)

    x = torch.stack([torch.cat([weights["dict.weight"][unit], *rows]) for unit in units]).T[None]
    x = conv(x, "conv_pre")
    kinds = list(zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True))
    for step, (rate, kernel) in enumerate(zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True)):
        name = f"ups.{step}"
        x = torch.where(x > 0, x, 0.1 * x)
        x = F.conv_transpose1d(x, weight(name), weights[f"{name}.bias"], stride=rate, padding=(kernel - rate) // 2)
        total = torch.zeros_like(x)
        for block, (_, dilations) in enumerate(kinds):
            y = x
            for pair, dilation in enumerate(dilations):
                prefix = f"resblocks.{step * len(kinds) + block}"
                z = conv(torch.where(y > 0, y, 0.1 * y), f"{prefix}.convs1.{pair}", dilation)
                y = y + conv(torch.where(z > 0, z, 0.1 * z), f"{prefix}.convs2.{pair}")
            total = total + y
        x = total / len(kinds)
    return torch.tanh(conv(torch.where(x > 0, x, 0.01 * x), "conv_post"))[0, 0].numpy()


def opened(path: Path, **options: Any) -> UnitHifiGan:
    vocoder = open_vocoder(str(path), **options)
    assert isinstance(vocoder, UnitHifiGan)
    return vocoder


def test_units_alone(tmp_path: Path) -> None:
    vocoder = opened(write(tmp_path / "lj"))
    sound = vocoder.speak(UNITS)
    assert sound.shape == (40 * len(UNITS),) and sound.dtype == np.float32
    assert np.allclose(sound, by_hand(CONFIG, state(CONFIG), UNITS.tolist()), atol=1e-5)
    assert np.abs(sound).max() > 0.05
    assert vocoder.rate == 16_000 and vocoder.name == "unit HiFi-GAN `lj/generator.pt`"
    assert np.array_equal(opened(tmp_path / "lj" / "generator.pt").speak(UNITS), sound)


def test_speakers_and_styles(tmp_path: Path) -> None:
    folder = write(tmp_path / "expresso", VOICES)
    (folder / "speakers.txt").write_text("ex01\nex02\nex03\n")
    (folder / "styles.txt").write_text("default\nwhisper\n")
    config, weights = CONFIG | VOICES, state(CONFIG | VOICES)
    vocoder = opened(folder, speaker="2", style="whisper")
    rows = weights["spkr.weight"][2], weights["style.weight"][1]
    assert np.allclose(vocoder.speak(UNITS), by_hand(config, weights, UNITS.tolist(), *rows), atol=1e-5)
    assert vocoder.name.endswith(", speaker 2 (ex03) of 3, style 1 (whisper) of 2")
    assert np.array_equal(opened(folder, speaker="ex03", style="1").speak(UNITS), vocoder.speak(UNITS))
    assert opened(folder).name.endswith(", speaker 0 (ex01) of 3, style 0 (default) of 2")
    for options in ({"speaker": "3"}, {"speaker": "ex09"}, {"speaker": "-1"}):
        with pytest.raises(ConfigError, match="from 0 to 2 or one of ex01, ex02, ex03, but is"):
            opened(folder, **options)
    with pytest.raises(ConfigError, match="`--style` must be a number from 0 to 1"):
        opened(folder, style="sad")


def test_durations_are_given_unless_they_shall_be_predicted(tmp_path: Path) -> None:
    folder = write(tmp_path / "v", DURATIONS)
    config, weights = CONFIG | DURATIONS, state(CONFIG | DURATIONS)
    assert len(opened(folder).speak(UNITS)) == 40 * len(UNITS)
    vocoder = opened(folder, predict_durations=True)
    merged = [1, 4, 9, 0, 3]
    x = weights["dict.weight"][merged].T[None]
    for name, norm in (("conv1", "ln1"), ("conv2", "ln2")):
        prefix = "dur_predictor."
        w, b = weights[f"{prefix}{name}.0.weight"], weights[f"{prefix}{name}.0.bias"]
        y = torch.relu(F.conv1d(x, w, b, padding=1))[0].T
        y = (y - y.mean(1, keepdim=True)) / torch.sqrt(y.var(1, keepdim=True, unbiased=False) + 1e-5)
        x = (y * weights[f"{prefix}{norm}.weight"] + weights[f"{prefix}{norm}.bias"]).T[None]
    logs = x[0].T @ weights["dur_predictor.proj.weight"][0] + weights["dur_predictor.proj.bias"]
    lasts = [max(1, round(float(np.exp(log)) - 1)) for log in logs]
    assert max(lasts) > 1
    expanded = [unit for unit, count in zip(merged, lasts, strict=True) for _ in range(count)]
    assert np.allclose(vocoder.speak(UNITS), by_hand(config, weights, expanded), atol=1e-5)
    assert vocoder.name.endswith("durations predicted")
    with pytest.raises(ConfigError, match="cannot predict durations"):
        opened(write(tmp_path / "w"), predict_durations=True)


def test_weights_without_normalisation_load_too(tmp_path: Path) -> None:
    normed = opened(write(tmp_path / "v"))
    plain = write(tmp_path / "w", weights=normed.generator.state_dict())
    assert np.array_equal(opened(plain).speak(UNITS), normed.speak(UNITS))


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory: pytest.TempPathFactory) -> UnitHifiGan:
    return opened(write(tmp_path_factory.mktemp("hifigan")))


@settings(max_examples=25)
@given(units=st.lists(st.integers(0, 9), max_size=30))
def test_sound_is_as_long_as_the_units(vocoder: UnitHifiGan, units: list[int]) -> None:
    assert vocoder.speak(np.array(units, dtype=np.uint16)).shape == (vocoder.shape.hop * len(units),)


def test_long_runs_are_made_in_parts_that_fit(vocoder: UnitHifiGan, monkeypatch: pytest.MonkeyPatch) -> None:
    units = np.random.default_rng(0).integers(0, 10, 90)
    whole = vocoder.speak(units)
    monkeypatch.setattr("lstdata.vocoder.hifigan.speaking._BLOCK", 7)
    assert np.allclose(vocoder.speak(units), whole, atol=1e-6)
    unit = np.abs(np.array([4] * 90) - units).argmax()
    changed = units.copy()
    changed[unit] = 4
    heard = np.flatnonzero(np.abs(vocoder.speak(changed) - whole).reshape(90, -1).max(1) > 1e-7)
    assert max(unit - heard.min(), heard.max() - unit) <= vocoder.shape.reach < 20


@given(
    steps=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3)), min_size=1, max_size=4),
    units=st.integers(1, 5),
)
@settings(max_examples=25)
def test_every_unit_is_as_long_as_the_rates_say(steps: list[tuple[int, int]], units: int) -> None:
    changed = {
        "upsample_rates": [rate for rate, _ in steps],
        "upsample_kernel_sizes": [rate + 2 * more for rate, more in steps],
        "code_hop_size": int(np.prod([rate for rate, _ in steps])),
    }
    shape = read_description(CONFIG | changed, "config.json")
    with torch.no_grad():
        assert Generator(shape)(torch.zeros(units, dtype=torch.long)).shape == (units * changed["code_hop_size"],)


CARD = VocabCard(
    text_size=10, tokenizer_sha256="t", tokenizer_bos=None, tokenizer_eos=None, units=10, codebook_sha256="c", hop=40
)


def test_units_of_another_number_or_rate_are_refused(vocoder: UnitHifiGan) -> None:
    vocoder.check(CARD)
    vocoder.check(replace(CARD, units=9))
    vocoder.check(CARD.with_pieces(50, "p"))
    for units in (11, 8):
        with pytest.raises(ConfigError, match=f"speaks 10 units, but these are of {units}"):
            vocoder.check(replace(CARD, units=units))
    with pytest.raises(ConfigError, match="speaks 400 units a second, but these are 25 a second"):
        vocoder.check(replace(CARD, hop=640))
    with pytest.raises(ConfigError, match="units 0…9, but not 0…10"):
        vocoder.speak(np.array([0, 10]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"f0": True}, "conditioned on a pitch contour (`f0`)"),
        ({"f0_quant_num_bin": 32}, "(`f0_quant_num_bin`), which is not supported"),
        ({"embedder_params": {"a": 1}}, "vectors of a model of speakers"),
        (
            {"model_in_dim": 12},
            "`model_in_dim` is 12, but units have 6: the generator is conditioned on something else",
        ),
        ({"code_hop_size": 320}, "`code_hop_size` is 320, but the product of `upsample_rates` is 40"),
        ({"upsample_kernel_sizes": [10, 8, 4]}, "by an even number"),
        ({"upsample_rates": [5, 4]}, "of one length"),
        ({"resblock_kernel_sizes": [3, 4]}, "must be odd"),
        ({"resblock_kernel_sizes": []}, "of one length, at least 1"),
        ({"upsample_initial_channel": 4}, "halves the channels"),
        ({"num_embeddings": 0}, "sizes must be ≥ 1"),
        ({"num_embeddings": "many"}, "describes no unit HiFi-GAN"),
        ({"embedding_dim": float("inf")}, "describes no unit HiFi-GAN"),
        ({"upsample_initial_channel": 10**12}, "sizes must be ≤ 1048576, but one is 1000000000000"),
        ({"upsample_rates": None}, "describes no unit HiFi-GAN"),
        ({"num_embeddings": 11}, "`dict.weight` has the shape (10, 6), but its config.json asks for (11, 6)"),
        ({"resblock_dilation_sizes": [[1, 3, 5], [1, 2]]}, "lacks `resblocks.0.convs1.2.weight`"),
        ({"resblock_dilation_sizes": [[1], [1, 2]]}, "has `resblocks.0.convs1.1.bias`, which its config.json has no"),
        (SPEAKERS, "lacks `spkr.weight`"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_descriptions_that_do_not_fit_are_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    folder = write(tmp_path / "v")
    (folder / "config.json").write_text(json.dumps(CONFIG | changed))
    with pytest.raises(ConfigError) as refused:
        open_vocoder(str(folder))
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", ["num_embeddings", "upsample_rates", "resblock_dilation_sizes"])
def test_what_a_description_lacks_is_named(missing: str) -> None:
    with pytest.raises(ConfigError, match=f"lacks `{missing}`"):
        read_description({key: value for key, value in CONFIG.items() if key != missing}, "config.json")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch ran",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "v")
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        save({"generator": Evil()}, folder / "generator.pt")
        with pytest.raises(ConfigError, match="holds more than tensors, or is damaged; nothing of it was run"):
            open_vocoder(str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {}}, "must hold the weights of a unit HiFi-GAN as `generator`"),
        ({"generator": {"a": 1}}, "must hold the weights"),
        ({"generator": {"a": torch.eye(2).to_sparse()}}, "must hold the weights"),
        ({"generator": {"a_g": torch.ones(1), "a_v": torch.ones(1)}}, "`a_g` and `a_v` have shapes that do not fit"),
        ({"generator": {"a_g": torch.ones(3), "a_v": torch.ones(2, 2)}}, "have shapes that do not fit together"),
        ([1], "must hold the weights"),
        ({"generator": {}}, "lacks `dict.weight`, which its config.json asks for, and "),
    ],
)
def test_checkpoints_of_something_else_are_refused(tmp_path: Path, content: Any, said: str) -> None:
    folder = write(tmp_path / "v")
    torch.save(content, folder / "generator.pt")
    with pytest.raises(ConfigError) as refused:
        open_vocoder(str(folder))
    assert said in str(refused.value)


def test_damage_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "v")
    file = folder / "generator.pt"
    whole = file.read_bytes()
    for data in (b"", b"text", whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises(ConfigError) as refused:
            open_vocoder(str(folder))
        assert str(file) in str(refused.value) and "\n" not in str(refused.value)
    weights = state(CONFIG)
    weights["conv_post.bias"] = torch.tensor([float("nan")])
    torch.save({"generator": weights}, file)
    with pytest.raises(ConfigError, match=r"`conv_post.bias` holds values that are not finite"):
        open_vocoder(str(folder))


def test_folders_are_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        open_vocoder(str(tmp_path / "none"))
    folder = write(tmp_path / "v")
    (folder / "g_00500000").write_bytes((folder / "generator.pt").read_bytes())
    with pytest.raises(ConfigError, match=r"has g_00500000, generator\.pt: name the file"):
        open_vocoder(str(folder))
    assert opened(folder / "g_00500000").name == "unit HiFi-GAN `v/g_00500000`"
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="is no JSON"):
        open_vocoder(str(folder / "g_00500000"))
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"needs the config.json"):
        open_vocoder(str(folder / "g_00500000"))
    with pytest.raises(ConfigError, match="without speakers: `--speaker` cannot be chosen"):
        open_vocoder(str(write(tmp_path / "w")), speaker="1")


@pytest.mark.parametrize(("checkpoint", "prefix"), [("lj_generator.pt", "lj_"), ("lj.pt", "lj_"), ("g_1", "")])
def test_what_belongs_to_a_checkpoint_may_bear_its_name(tmp_path: Path, checkpoint: str, prefix: str) -> None:
    folder = write(tmp_path / "v", SPEAKERS)
    (folder / "generator.pt").rename(folder / checkpoint)
    (folder / "config.json").rename(folder / f"{prefix}config.json")
    (folder / f"{prefix}speakers.txt").write_text("a\nb\nc\n")
    assert opened(folder / checkpoint, speaker="b").speaker == 1
    assert opened(folder).speaker == 0


def test_it_speaks_on_the_command_line(tmp_path: Path) -> None:
    from click.testing import CliRunner

    folder = write(tmp_path / "v", VOICES | DURATIONS)
    np.save(tmp_path / "u.npy", UNITS)
    arguments = ["vocode", str(folder), str(tmp_path / "u.npy"), str(tmp_path / "u.wav"), "--speaker", "1", "--json"]
    said = json.loads(CliRunner().invoke(cli, arguments).output)
    assert said["vocoder"] == "unit HiFi-GAN `v/generator.pt`, speaker 1 of 3, style 0 of 2"
    assert said["written"][0]["seconds"] == 40 * len(UNITS) / 16_000
    done = CliRunner().invoke(cli, [*arguments, "--predict-durations"])
    assert "durations predicted" in json.loads(done.output)["vocoder"]
