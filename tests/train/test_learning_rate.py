"""Learning rates: of each schedule at every step, and how far two of different lengths agree."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.train.config import OptimizerConfig, TrainConfig, model_of, resolve
from lstdata.train.learning_rate import agree_until, decay_begins

SCHEDULES = ("cosine", "constant-then-decay")


def rates(optimizer: OptimizerConfig, steps: int, taken: int) -> list[float]:
    """Of so many steps, and what the next would have."""
    from fairseq2.optim.lr_schedulers import CosineAnnealingLR

    from lstdata.train.lr_scheduler import ConstantThenDecayLR
    from lstdata.train.recipe import recipe_config

    config = resolve(TrainConfig(steps=steps, optimizer=optimizer))
    section: Any = recipe_config(config, model_of(config, 9)).lr_scheduler.config
    weights = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=optimizer.lr or 0.0)
    scheduler: Any
    if optimizer.schedule == "cosine":
        final = (optimizer.lr or 0.0) * section.final_lr_scale
        start, lengths = section.start_lr, (section.cycle_len, section.num_warmup_steps)
        scheduler = CosineAnnealingLR(weights, *lengths, lr_mul=section.lr_mul, start_lr=start, final_lr=final)
    else:
        scheduler = ConstantThenDecayLR(weights, section)
    found = []
    for _ in range(taken + 1):
        found += scheduler.get_last_lr()
        weights.step()
        scheduler.step()
    return found


def optimizer(schedule: str, warmup: int, decay: float, final: float = 0.01) -> OptimizerConfig:
    return OptimizerConfig(lr=4e-4, warmup=warmup, schedule=schedule, decay=decay, final_lr=final)  # type: ignore[arg-type]


def test_it_holds_and_then_falls_in_a_line() -> None:
    found = rates(optimizer("constant-then-decay", 2, 0.4, 0.0), 10, 13)
    assert found[2:7] == [4e-4] * 5, "and the step before the first of the decay is one of them"
    assert found == pytest.approx([2e-4, 3e-4, *[4e-4] * 5, 3e-4, 2e-4, 1e-4, 0.0, 0.0, 0.0, 0.0])


def test_both_warm_up_alike() -> None:
    cosine, constant = (rates(optimizer(schedule, 7, 0.2), 30, 30) for schedule in SCHEDULES)
    assert cosine[:8] == constant[:8] and cosine[9] < constant[9]


def test_a_decay_of_nothing_and_one_of_everything() -> None:
    assert rates(optimizer("constant-then-decay", 2, 0.0), 10, 20)[2:] == [4e-4] * 19
    assert decay_begins(optimizer("constant-then-decay", 3, 1.0), 10) == 3, "never before the warm-up is over"
    assert rates(optimizer("constant-then-decay", 20, 0.2), 10, 20)[20] == 4e-4, "there is none in a longer warm-up"


STEPS = st.integers(1, 40)


@given(
    st.sampled_from(SCHEDULES),
    st.integers(0, 12),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.floats(0, 1),
    STEPS,
    STEPS,
)
@example(schedule="cosine", warmup=0, decays=(0.0, 0.0), final=0.9999999999999999, steps=2, other=1)
def test_two_lengths_agree_as_far_as_is_said(
    schedule: str, warmup: int, decays: tuple[float, float], final: float, steps: int, other: int
) -> None:
    chosen, beside = (optimizer(schedule, warmup, decay, final) for decay in decays)
    until = agree_until(chosen, steps, beside, other)
    assert until == agree_until(beside, other, chosen, steps)
    mine, theirs = rates(chosen, steps, 45), rates(beside, other, 45)
    same = sum(a == b for a, b in zip(mine, theirs, strict=True)) if until > 45 else int(until) + 1
    assert mine[:same] == theirs[:same]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(mine[warmup:])), "but for rounding"
    if until <= 45 and schedule == "constant-then-decay" and final < 0.9:
        assert mine[int(until) + 1] != theirs[int(until) + 1]


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, ["optimizer.schedule=linear", "rows.workers=-1"])
    assert "optimizer.schedule" in str(error.value)
    with pytest.raises(ConfigError, match=r"`optimizer\.decay` must be in \[0, 1\], but is 1\.5"):
        load(TrainConfig, None, ["optimizer.decay=1.5"])


def test_a_resumed_run_has_the_rates_and_weights_of_one_that_was_not_stopped(built: Path, tmp_path: Path) -> None:
    from lstdata.train.checkpoint import read_weights, step_folder
    from tests.train.test_train import published, run

    sets = ("steps=6", "optimizer.schedule=constant-then-decay", "optimizer.decay=0.5")
    run(built, tmp_path / "straight", *sets)
    run(built, tmp_path / "parted", *sets, "stop_at=4")
    assert torch.load(step_folder(tmp_path / "parted", 4) / "trainer" / "rank_00.pt", weights_only=True)
    run(built, tmp_path / "parted", *sets)
    straight, parted = (published(tmp_path / name) for name in ("straight", "parted"))
    assert [row["Learning Rate"] for row in straight] == [row["Learning Rate"] for row in parted]
    assert [row["Learning Rate"] for row in straight] == pytest.approx([5e-3, 7.5e-3, 1e-2, 1e-2, 6.7e-3, 3.4e-3])
    weights = [read_weights(tmp_path / name)[1] for name in ("straight", "parted")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_of_a_version_without_these_options_goes_on(built: Path, tmp_path: Path) -> None:
    from tests.train.test_train import run

    out = tmp_path / "out"
    run(built, out, "steps=3", "stop_at=2")
    card = json.loads((out / "train.json").read_text())
    for name in ("schedule", "decay"):
        del card["config"]["optimizer"][name]
    (out / "train.json").write_text(json.dumps(card))
    assert run(built, out, "steps=3")[0]["step"] == 3
    with pytest.raises(ConfigError, match=r'`optimizer\.schedule` "cosine" → "constant-then-decay"'):
        run(built, out, "steps=3", "optimizer.schedule=constant-then-decay")
