from __future__ import annotations

from dataclasses import replace

import pytest

from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.model.presets import model_config
from lstdata.train.config import TrainConfig, model_of, resolve
from lstdata.train.presets import PRESETS

PLAIN = ("strategy: none", "strategy: unit-bpe, unit_bpe: units.model")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_in_what_is_left_open_and_nothing_else(preset: str) -> None:
    config = resolve(load(TrainConfig, None, [f"preset={preset}", "optimizer.lr=0.5", "rows.tokens=999"]))
    assert config.optimizer.lr == 0.5 and config.rows.tokens == 999
    assert config.steps == PRESETS[preset]["steps"]
    assert config.rows.positions == PRESETS[preset]["rows"]["positions"]
    assert None not in (config.dropout, config.optimizer.warmup, config.validate_every, config.rows.per_step)


def test_all_mistakes_come_at_once() -> None:
    sets = ["optimizer.lr=-1.0", "rows.per_step=0", "rows.token=7"]
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, sets)
    named = [mistake.split("`")[1] for mistake in error.value.mistakes]
    assert named == ["rows.token", "rows.per_step", "optimizer.lr"]


def test_a_count_must_be_positive_and_dropout_a_share() -> None:
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, ["steps=0", "dropout=1.5"])
    assert [mistake.split("`")[1] for mistake in error.value.mistakes] == ["steps", "dropout"]


def test_a_moment_that_forgets_nothing_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, ["optimizer.beta1=1", "optimizer.beta2=1.0", "optimizer.final_lr=1.1"])
    assert [m.split("`")[1] for m in error.value.mistakes] == [f"optimizer.{n}" for n in ("beta1", "beta2", "final_lr")]


def test_a_row_must_hold_the_longest_patch() -> None:
    with pytest.raises(ConfigError, match=r"`rows.tokens` must be ≥ 35 .* but is 20"):
        load(TrainConfig, None, ["patching.strategy=aligned", "rows.tokens=20"])
    load(TrainConfig, None, ["patching.strategy=static", "rows.tokens=20"])


def test_dimensions_are_the_preset_s_but_for_those_that_are_given() -> None:
    config = load(TrainConfig, None, ["preset=420m", "model.global_layers=3", "model.window=9"])
    model = model_of(config, 100)
    assert (model.global_layers, model.window, model.vocabulary) == (3, 9, 100)
    assert replace(model, global_layers=18, window=512) == model_config("420m", 100)


def test_the_baseline_s_model_is_plain() -> None:
    strategies = {strategy: model_of(load(TrainConfig, None, [f"patching={{{strategy}}}"]), 9) for strategy in PLAIN}
    assert {model.architecture for model in strategies.values()} == {"plain"}
    assert model_of(load(TrainConfig), 9).architecture == "lst"


def test_dimensions_that_do_not_fit_together_are_refused_by_name() -> None:
    with pytest.raises(ConfigError) as error:
        load(
            TrainConfig, None, ["model.global_width=30", "model.decoder_layers=0", "model.local_theta=-1", "dropout=2"]
        )
    named = [mistake.split("`")[1] for mistake in error.value.mistakes]
    assert named == ["dropout", "model.decoder_layers", "model.global_width", "model.local_theta"]
