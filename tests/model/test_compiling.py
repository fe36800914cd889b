from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch._dynamo.utils import counters

from lstdata.model.batch import Batch, collate
from lstdata.model.compiling import compile_blocks
from lstdata.model.lst import Model
from lstdata.packing import Row

MakeRow = Callable[..., Row]
MakeModel = Callable[..., Model]


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture
def batches(make_row: MakeRow) -> list[Batch]:
    """Of four sizes."""
    rows = [make_row([1, 1, 4, 4, 2, 1], [1, 3, 3], seed=1), make_row([1] * 9 + [6], seed=2), make_row([1] + [4] * 9)]
    return [collate(rows[:1]), collate(rows[:2]), collate(rows), collate(rows[1:])]


def small(small_model: MakeModel, architecture: str, attention: str) -> Model:
    changes = {"encoder_layers": 1, "global_layers": 2, "decoder_layers": 1, "attention": attention}
    return small_model(architecture, **changes).float()  # type: ignore[arg-type]


def results(model: Model, batch: Batch, *, half: bool) -> list[torch.Tensor]:
    """The loss and all gradients."""
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        total, _ = model(batch)
    total.backward()
    return [total.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_each_layer_is_one_graph_for_batches_of_all_sizes(
    small_model: MakeModel, batches: list[Batch], architecture: str, half: bool
) -> None:
    model = small(small_model, architecture, "dense").train()
    expected = [results(model, batch, half=half) for batch in batches]
    compile_blocks(model, backend="eager")
    first = results(model, batches[0], half=half)
    graphs = counters["stats"]["unique_graphs"]
    assert graphs > 0
    for batch, want in zip(batches, expected, strict=True):
        torch.testing.assert_close(results(model, batch, half=half), want)
    torch.testing.assert_close(first, expected[0])
    assert counters["stats"]["unique_graphs"] == graphs
    assert not counters["graph_break"]


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_flex_attention_takes_its_mask_into_a_compiled_layer(
    small_model: MakeModel, batches: list[Batch], make_row: MakeRow, architecture: str
) -> None:
    model = small(small_model, architecture, "dense")
    flex = compile_blocks(small(small_model, architecture, "flex"), backend="eager")
    longer = [collate([make_row([1] + [3] * 60, [1] * n)]) for n in (200, 300)]
    graphs = []
    with torch.no_grad():
        for batch in longer:
            torch.testing.assert_close(flex(batch)[0], model(batch)[0], atol=1e-3, rtol=1e-5)
            graphs.append(counters["stats"]["unique_graphs"])
    assert graphs[0] == graphs[-1] > 0
    assert not counters["graph_break"]


def test_the_whole_model_is_one_graph(small_model: MakeModel, batches: list[Batch]) -> None:
    model = small(small_model, "lst", "dense").train()
    whole = torch.compile(model.states, fullgraph=True, dynamic=True, backend="eager")
    for batch in batches[:2]:
        expected = model.states(batch)
        wanted = torch.autograd.grad(expected.square().sum(), model.trunk.parameters())  # type: ignore[union-attr]
        got = whole(batch)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
        gradients = torch.autograd.grad(got.square().sum(), model.trunk.parameters())  # type: ignore[union-attr]
        torch.testing.assert_close(gradients, wanted, atol=1e-4, rtol=1e-3)
    assert not counters["graph_break"]
