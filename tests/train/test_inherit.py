"""What a training takes over from the run that it begins with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstdata.config import to_dict
from lstdata.errors import ConfigError
from lstdata.options import load
from lstdata.train.config import TrainConfig
from lstdata.train.inherit import load_training


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def make(*sets: str) -> str:
        card = {"config": to_dict(load(TrainConfig, None, sets))}
        (tmp_path / "train.json").write_text(json.dumps(card))
        return f"init_from={tmp_path}"

    return make


def test_sizes_preset_and_patching_are_those_of_the_run(run: Any, tmp_path: Path) -> None:
    begun = run("preset=60m", "model.global_width=256", "patching.strategy=curriculum", "patching.patch_size=6")
    file = tmp_path / "asr.yaml"
    file.write_text(yaml.safe_dump({"interleave": {"strategy": "asr"}, "steps": 9}))
    config = load_training(str(file), [begun, "model.global_layers=3"])
    assert (config.preset, config.steps, config.interleave.strategy) == ("60m", 9, "asr")
    assert (config.model.global_width, config.model.global_layers, config.model.local_width) == (256, 3, None)
    assert (config.patching.strategy, config.patching.patch_size) == ("static", 6)


def test_what_is_asked_for_stands(run: Any) -> None:
    begun = run("preset=60m", "model.global_width=256", "patching.strategy=mixed")
    config = load_training(None, [begun, "preset=tiny", "patching.strategy=curriculum", "patching.patch_size=5"])
    assert (config.preset, config.model.global_width) == ("tiny", None)
    assert (config.patching.strategy, config.patching.patch_size) == ("curriculum", 5)


@pytest.mark.parametrize(
    ("trained", "interleave", "goes_on"),
    [
        ("none", "asr", "none"),
        ("aligned", "lst", "aligned"),
        ("aligned", "asr", "static"),
        ("silence", "tts", "static"),
    ],
)
def test_what_is_fine_tuned_for_decoding_can_be_decoded(run: Any, trained: str, interleave: str, goes_on: str) -> None:
    begun = run(f"patching.strategy={trained}")
    assert load_training(None, [begun, f"interleave.strategy={interleave}"]).patching.strategy == goes_on


def test_pieces_are_those_in_the_run(run: Any, tmp_path: Path) -> None:
    begun = run("patching.strategy=unit-bpe", "patching.unit_bpe=gone.model")
    assert load_training(None, [begun]).patching.unit_bpe == str(tmp_path / "units.model")


def test_other_beginnings_give_nothing(tmp_path: Path) -> None:
    assert load_training(None, [f"init_from={tmp_path}"]) == load(TrainConfig, None, [f"init_from={tmp_path}"])
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(ConfigError, match="`init_from` must be a run of `lstdata train`"):
        load_training(None, [f"init_from={tmp_path}"])
    with pytest.raises(ConfigError, match="not an option"):
        load_training(None, ["stepz=3"])
