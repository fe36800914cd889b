"""What is estimated of memory, beside what a model keeps for its gradient on this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lstdata.model.batch import Batch, collate
from lstdata.model.config import Architecture, ModelConfig
from lstdata.model.flops import Work, work
from lstdata.model.loss import LOGITS
from lstdata.model.lst import build_model
from lstdata.model.parameters import count_parameters
from lstdata.model.presets import model_config
from lstdata.packing import Row
from lstdata.train.memory import memory

LENGTHS = [1, 1, *[4] * 30, *[1] * 20, *[5] * 10, 1]


@pytest.fixture(scope="module")
def batch() -> Batch:
    lengths = np.array(LENGTHS * 4, dtype=np.int32)
    documents = np.full(4, sum(LENGTHS), dtype=np.int32)
    return collate([Row(np.ones(int(lengths.sum()), dtype=np.int32), lengths, documents)])


def sizes(architecture: Architecture, **changes: Any) -> ModelConfig:
    wide = {"global_width": 256, "local_width": 128, "encoder_layers": 1, "decoder_layers": 1}
    return replace(model_config("tiny", 501, architecture), **{**wide, **changes})


def work_of(model: ModelConfig, batch: Batch) -> Work:
    return Work(**{name: float(value) for name, value in work(model, batch).items()})


def kept(model: ModelConfig, batch: Batch) -> int:
    """Bytes of all storages that a forward pass in bfloat16 keeps, weights and their copies left out."""
    built = build_model(model)
    shapes = {tuple(p.shape) for p in built.parameters()} | {tuple(p.t().shape) for p in built.parameters()}
    storages: dict[int, Tensor] = {}

    def pack(x: Tensor) -> Tensor:
        if tuple(x.shape) not in shapes:
            storages[x.untyped_storage().data_ptr()] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x), torch.autocast("cpu", dtype=torch.bfloat16):
        built(batch)
    return sum(x.untyped_storage().nbytes() for x in storages.values())


@pytest.mark.parametrize(
    ("architecture", "layer"),
    [("plain", "global_layers"), ("lst", "global_layers"), ("lst", "encoder_layers"), ("lst", "decoder_layers")],
)
def test_a_layer_keeps_about_what_is_estimated(batch: Batch, architecture: Architecture, layer: str) -> None:
    """Somewhat more here, where RMSNorm is not one kernel and attention goes by blocks."""
    one, two = (sizes(architecture, **{layer: count}) for count in (1, 2))
    estimated = [memory(model, work_of(model, batch), shards=1).activations for model in (one, two)]
    assert 1.0 < (kept(two, batch) - kept(one, batch)) / (estimated[1] - estimated[0]) < 1.5


def test_recomputation_keeps_the_inputs_of_layers(batch: Batch) -> None:
    one, two = (sizes("plain", global_layers=count) for count in (3, 6))
    by_layer = [memory(model, work_of(model, batch), shards=1).recomputed for model in (one, two)]
    assert by_layer[1] - by_layer[0] == 3 * 4 * 256 * batch.num_tokens
    really = [kept(replace(model, recompute=True), batch) for model in (one, two)]
    assert really[1] - really[0] == pytest.approx(by_layer[1] - by_layer[0], rel=0.01)


def test_shares_divide_the_states_and_nothing_else() -> None:
    model = model_config("1b", 32_506)
    batch = Work(tokens=26_000, positions=16_384, global_pairs=0)
    alone, shared = (memory(model, batch, shards) for shards in (1, 8))
    assert alone.states == 8 * shared.states == 16 * count_parameters(model)
    assert shared.copies < alone.copies / 4
    assert (alone.activations, alone.loss) == (shared.activations, shared.loss)
    assert alone.loss == 10 * LOGITS < alone.logits == 10 * 26_000 * 32_506
    assert alone.total_recomputed < alone.total == alone.states + alone.copies + alone.activations + alone.loss
