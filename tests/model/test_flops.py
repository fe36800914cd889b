"""FLOPs by formula are those that are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lstdata.model.batch import Batch, collate
from lstdata.model.config import Architecture, ModelConfig
from lstdata.model.flops import Work, flops_by_part, training_flops, work
from lstdata.model.lst import build_model
from lstdata.model.presets import model_config
from lstdata.packing import Row

DOCUMENTS = ([1, 1, 4, 4, 2, 1, 1, 5, 3, 1] * 4, [1, 3, 3], [1] * 30 + [9])


def small(architecture: Architecture, queries: int) -> ModelConfig:
    changes = {"queries": queries, "window": 7, "visible": 3, "local_width": 32, "global_width": 64}
    return replace(model_config("tiny", 500, architecture, **changes), attention="dense")


def measured(config: ModelConfig, batch: Batch) -> float:
    """Forward and backward, dense attention as the matrix products that it is."""
    torch.manual_seed(0)
    model = build_model(config)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(batch)[0].backward()
    return float(counter.get_total_flops())


@pytest.mark.parametrize("queries", [1, 2, 3])
@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_the_formula_gives_what_is_measured_with_dense_attention(
    make_row: Callable[..., Row], architecture: Architecture, queries: int
) -> None:
    config, batch = small(architecture, queries), collate([make_row(*DOCUMENTS)])
    n, m = batch.num_tokens, batch.num_positions
    dense = Work(
        tokens=n,
        positions=m if architecture == "lst" else n,
        local_pairs=n * n,
        encoder_pairs=m * queries * n,
        global_pairs=(m if architecture == "lst" else n) ** 2,
        decoder_pairs=n * m * queries,
    )
    assert training_flops(config, dense) == pytest.approx(measured(config, batch), rel=1e-3)


def test_work_counts_the_pairs_that_see_each_other_and_no_padding(make_row: Callable[..., Row]) -> None:
    config = small("lst", queries=2)
    row = make_row([1, 2, 1], [1, 4])
    assert work(config, collate([row])) == {
        "tokens": 9,
        "positions": 5,
        "local_pairs": 1 + 2 + 3 + 4 + 1 + 2 + 3 + 4 + 5,
        "encoder_pairs": 2 * 9,
        "global_pairs": 1 + 2 + 3 + 1 + 2,
        "decoder_pairs": 2 * (1 + 1 + 2 + 3 + 1 + 1 + 1 + 1 + 2),
    }
    assert work(config, collate([row], multiple=16)) == work(config, collate([row]))
    plain = work(replace(config, architecture="plain"), collate([row]))
    assert plain == {"tokens": 9, "positions": 9, "global_pairs": 1 + 2 + 3 + 4 + 1 + 2 + 3 + 4 + 5}


def test_windows_bound_the_pairs(make_row: Callable[..., Row]) -> None:
    counted = work(small("lst", queries=1), collate([make_row([1] * 20)]))
    assert counted["local_pairs"] == sum(min(i + 1, 7) for i in range(20))
    assert counted["decoder_pairs"] == sum(min(i + 1, 3) for i in range(20))


def test_a_parameter_of_the_paper_s_baseline_is_worth_six_flops_per_token() -> None:
    """6·P per token but for the embedding, which is looked up, and attention (arXiv 2001.08361)."""
    config = model_config("1b", 32_506, "plain")
    parts = flops_by_part(config, Work(tokens=1, positions=1, global_pairs=0))
    matrices = 25 * (4 * 2048**2 + 3 * 2048 * 5632) + 2048 * 32_506
    assert sum(parts.values()) == 2 * matrices
    assert np.isclose(training_flops(config, Work(tokens=1, positions=1, global_pairs=0)), 6 * matrices)
