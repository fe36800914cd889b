from __future__ import annotations

import pytest
import torch

from lstdata.errors import ConfigError
from lstdata.model.config import Architecture
from lstdata.model.lst import build_model
from lstdata.model.parameters import count_parameters, parameters_by_part
from lstdata.model.presets import PRESETS, PUBLISHED, model_config

LLAMA_2_AND_500_UNITS = 32_006 + 500


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_the_formula_counts_the_parameters_of_each_part(preset: str, architecture: Architecture) -> None:
    config = model_config(preset, 2_506, architecture)
    with torch.device("meta"):
        model = build_model(config)
    parts = {"embedding": "embedding.", "encoder": "encoder.", "trunk": "trunk.", "decoder": "decoder."}
    counted = dict.fromkeys((*parts, "output"), 0)
    for name, parameter in model.named_parameters():
        part = next((part for part, prefix in parts.items() if name.startswith(prefix)), "output")
        counted[part] += parameter.numel()
    assert parameters_by_part(config) == {part: count for part, count in counted.items() if count}


def test_the_paper_s_sizes_come_out() -> None:
    assert count_parameters(model_config("1b", LLAMA_2_AND_500_UNITS)) == pytest.approx(1.53e9, rel=2e-3)
    assert count_parameters(model_config("1b", LLAMA_2_AND_500_UNITS, "plain")) == pytest.approx(1.42e9, rel=2e-3)


@pytest.mark.parametrize("preset", sorted(PRESETS.keys() - PUBLISHED - {"tiny"}))
def test_baselines_of_our_presets_have_the_size_of_their_name(preset: str) -> None:
    size = float(preset[:-1]) * {"m": 1e6, "b": 1e9}[preset[-1]]
    baseline = count_parameters(model_config(preset, LLAMA_2_AND_500_UNITS, "plain"))
    assert baseline == pytest.approx(size, rel=0.04)


def test_all_mistakes_in_dimensions_come_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        model_config("tiny", 0, global_width=30)
    assert [mistake.split("`")[1] for mistake in error.value.mistakes] == ["vocabulary", "global_width"]
    with pytest.raises(ConfigError, match=r"`preset` must be one of tiny, 60m, .*, but is '2b'"):
        model_config("2b", 100)
