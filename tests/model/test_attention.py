from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lstdata.model.attention import Blocked, Dense, Flex, attention, block_mask
from lstdata.model.sights import Sight


@st.composite
def sights(draw: Callable[..., Any]) -> Sight:
    """Any intervals, in any order."""
    keys = draw(st.integers(1, 40))
    first = draw(st.lists(st.integers(0, keys - 1), min_size=1, max_size=40))
    end = [draw(st.integers(f + 1, keys)) for f in first]
    return Sight(torch.tensor(first), torch.tensor(end), keys)


def one_by_one(sight: Sight, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Every query and head by itself, from the definition: softmax(q·k / √D) over what is seen."""
    rows = []
    for query, first, end in zip(queries, sight.first.tolist(), sight.end.tolist(), strict=True):
        scores = torch.einsum("hd,khd->hk", query, keys[first:end]) / math.sqrt(query.shape[-1])
        rows.append(torch.einsum("hk,khd->hd", scores.softmax(-1), values[first:end]))
    return torch.stack(rows)


def tensors(sight: Sight, width: int = 4) -> list[Tensor]:
    torch.manual_seed(0)
    lengths = (len(sight.first), sight.keys, sight.keys)
    return [torch.randn(length, 2, width, dtype=torch.float64, requires_grad=True) for length in lengths]


@pytest.mark.parametrize("plan", [Dense, lambda sight: Blocked(sight, block=7)], ids=["dense", "blocked"])
@given(sight=sights())
def test_every_plan_gives_the_attention_of_the_definition_and_its_gradient(plan: Any, sight: Sight) -> None:
    inputs = tensors(sight)
    expected = one_by_one(sight, *inputs)
    towards = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, inputs, towards)
    attended = plan(sight)(*inputs)
    torch.testing.assert_close(attended, expected)
    for got, want in zip(torch.autograd.grad(attended, inputs, towards), wanted, strict=True):
        torch.testing.assert_close(got, want)


@given(sight=sights(), block=st.sampled_from([4, 8]))
def test_a_block_mask_leaves_out_no_pair_and_calls_whole_only_what_is(sight: Sight, block: int) -> None:
    mask = block_mask(sight, block)
    dense = Dense(sight).mask
    whole, part = (torch.zeros(-(-len(dense) // block), -(-sight.keys // block), dtype=torch.bool) for _ in range(2))
    assert mask.full_kv_num_blocks is not None
    assert mask.full_kv_indices is not None
    for chosen, count, order in (
        (part, mask.kv_num_blocks, mask.kv_indices),
        (whole, mask.full_kv_num_blocks, mask.full_kv_indices),
    ):
        for line in range(len(chosen)):
            chosen[line, order[0, 0, line, : int(count[0, 0, line])].long()] = True
    assert not (whole & part).any()
    for i in range(len(whole)):
        for j in range(whole.shape[1]):
            pairs = dense[i * block : (i + 1) * block, j * block : (j + 1) * block]
            if whole[i, j]:
                assert pairs.all()
            elif not part[i, j]:
                assert not pairs.any()


def test_flex_attention_agrees_with_the_dense_mask() -> None:
    place = torch.arange(300)
    start = place // 70 * 70
    sight = Sight(torch.maximum(start, place - 40), place + 1, 300)
    queries, keys, values = (torch.randn(300, 2, 16) for _ in range(3))
    with torch.no_grad():
        torch.testing.assert_close(
            Flex(sight)(queries, keys, values), Dense(sight)(queries, keys, values), atol=1e-5, rtol=1e-5
        )


def test_a_cpu_attends_in_blocks_unless_told_otherwise() -> None:
    sight = Sight(torch.tensor([0]), torch.tensor([1]), 1)
    assert [type(attention(sight, kind)) for kind in ("auto", "dense", "flex")] == [Blocked, Dense, Flex]
