from __future__ import annotations

import pytest

from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.train.config import TrainConfig, resolve
from lstdata.train.presets import PRESETS


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


def test_a_row_must_hold_the_longest_patch() -> None:
    with pytest.raises(ConfigError, match=r"`rows.tokens` must be ≥ 35 .* but is 20"):
        load(TrainConfig, None, ["patching.strategy=aligned", "rows.tokens=20"])
    load(TrainConfig, None, ["patching.strategy=static", "rows.tokens=20"])
